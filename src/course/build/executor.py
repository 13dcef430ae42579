"""Executes a lesson's cells when the site is built, in the kernel of this very Python.

It stands in for nbconvert's own executor (theme/jupyter/jupyter_nbconvert_config.json says so) and has its
settings. What it adds: outputs that are still true are not made again, no kernel or configuration of the
machine is looked at, and a cell that raises is named by its file and line.
"""
# pyright: basic
# nbconvert, nbclient and nbformat have no types that a strict check could use.

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from mkdocs.exceptions import BuildError
from mkdocs.plugins import get_plugin_logger
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert.filters.ansi import strip_ansi
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import NotebookNode, from_dict

from course.build.outputs import Kept
from course.predictions import BadPrediction, verify

ROOT = Path(__file__).parents[3]
log = get_plugin_logger(__name__)


class LessonExecutor(ExecutePreprocessor):
    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None):
        if not self.enabled:
            return nb, resources
        folder = Path(resources["metadata"]["path"])
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        kept = Kept(ROOT, folder.name, [cell.source for cell in cells])
        outputs = kept.load()
        if outputs is None:
            self._execute(folder / "index.md", nb, resources, km)
            kept.save([cell.outputs for cell in cells])
        else:
            for cell, its_outputs in zip(cells, outputs, strict=True):
                cell.outputs = from_dict(its_outputs)
        self._verify_predictions(folder / "index.md", nb)
        return nb, resources

    def _verify_predictions(self, lesson: Path, nb: NotebookNode) -> None:
        for cell, after in pairwise(nb.cells):
            if cell.cell_type == "markdown":
                try:
                    verify(cell.source, said(after) if after.cell_type == "code" else "")
                except BadPrediction as error:
                    raise BuildError(f"{os.path.relpath(lesson, ROOT)}: {error}") from error

    def _execute(self, lesson: Path, nb: NotebookNode, resources: Any, km: Any) -> None:
        log.info("Executing %s", os.path.relpath(lesson, ROOT))
        try:
            super().preprocess(nb, resources, km)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise BuildError(explain(lesson, self._cell.source, error)) from error

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int):
        self._cell = cell
        return super().preprocess_cell(cell, resources, index)

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


def said(cell: NotebookNode) -> str:
    """All that a cell put out, as text or as markup."""
    shown = [output.get("text") or " ".join(map(str, output.get("data", {}).values())) for output in cell.outputs]
    return "\n".join(shown)


def explain(lesson: Path, cell: str, error: Exception) -> str:
    cell = cell.strip("\n")
    before, _, _ = lesson.read_text("utf-8").partition(cell)
    line = before.count("\n") + 1
    what = str(error).splitlines()[0]
    if isinstance(error, CellExecutionError):
        what = f"{error.ename}: {error.evalue}"
        if raised_at := re.search(r"Cell In\[\d+\], line (\d+)", strip_ansi(error.traceback)):
            line += int(raised_at[1]) - 1
    return f"{os.path.relpath(lesson, ROOT)}, line {line}: {what}\n\nin the cell\n\n{cell}\n"
