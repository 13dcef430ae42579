"""Executes a lesson's cells when the site is built, in the kernel of this very Python.

It stands in for nbconvert's own executor (theme/jupyter/jupyter_nbconvert_config.json says so) and has its
settings. What it adds: outputs that are still true are not made again, no kernel or configuration of the
machine is looked at, and a cell that raises is named by its file and line.
"""
# pyright: basic
# nbconvert, nbclient and nbformat have no types that a strict check could use.

import os
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from mkdocs.exceptions import BuildError
from nbclient.exceptions import CellExecutionError
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode, from_dict

from course.build.outputs import Kept

ROOT = Path(__file__).parents[3]


class LessonExecutor(ExecutePreprocessor):
    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None):
        if not self.enabled:
            return nb, resources
        lesson = Path(resources["metadata"]["path"])
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        kept = Kept(ROOT, lesson.name, [cell.source for cell in cells])
        outputs = kept.load()
        if outputs is None:
            try:
                super().preprocess(nb, resources, km)
            except CellExecutionError as error:
                raise BuildError(explain(lesson / "index.md", cells, error)) from error
            kept.save([cell.outputs for cell in cells])
        else:
            for cell, its_outputs in zip(cells, outputs, strict=True):
                cell.outputs = from_dict(its_outputs)
        return nb, resources

    def create_kernel_manager(self):
        manager = super().create_kernel_manager()
        # With no folder to look in, the specification found is that of the ipykernel installed here.
        manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
        return manager

    def setup_kernel(self, **options: Any):
        ipython = ROOT / "build" / "ipython"
        ipython.mkdir(parents=True, exist_ok=True)
        # One hash seed, so that the same lesson gives the same page.
        environment = {**os.environ, "IPYTHONDIR": str(ipython), "PYTHONHASHSEED": "0"}
        return super().setup_kernel(env=environment, **options)


def explain(lesson: Path, cells: list[NotebookNode], error: CellExecutionError) -> str:
    number, cell = next(
        (number, cell)
        for number, cell in enumerate(cells, 1)
        if any(output.output_type == "error" for output in cell.get("outputs", ()))
    )
    before, _, _ = lesson.read_text("utf-8").partition(cell.source)
    line = before.count("\n") + 1
    where = f"{os.path.relpath(lesson, ROOT)}, line {line}, code cell {number}"
    return f"{where}: {error.ename}: {error.evalue}\n\n{cell.source}\n"
