"""What the notebook template and MkDocs together make of a lesson."""

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = f"""
site_name: Test
theme: {{name: material, font: false}}
plugins:
  - mkdocs-jupyter:
      notebook_dirs: {{lessons: lessons}}
      markdown_cell_processor: mkdocs
      execute: true
      allow_errors: false
      kernel_name: python3
      custom_template: {ROOT}/theme/notebook.html.j2
      mathjax_version: 2
markdown_extensions: [md_in_html, pymdownx.superfences]
"""
LESSON = """---
jupyter:
  kernelspec: {name: python3, display_name: Python 3, language: python}
---

# Title

Prose with **weight**.

```python
def pay():

    return "<b>"

pay()
```

```python
print("```")
print("a & <b>")
print("```")
```

```python
class Diagram:
    def _repr_svg_(self):
        return "<svg viewBox='0 0 9 9'>\\n\\n    <g class='event' data-step='7'></g></svg>"

Diagram()
```

```python tags=["raises-exception"]
1 / 0
```
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("site")
    (root / "mkdocs.yml").write_text(CONFIG)
    for file, text in {"docs/index.md": "# Home", "lessons/01-test/index.md": LESSON}.items():
        (root / file).parent.mkdir(parents=True)
        (root / file).write_text(text)
    # Without our Jupyter configuration: the template does not depend on it.
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"],
        cwd=root,
        check=True,
        env={
            **os.environ,
            "NO_MKDOCS_2_WARNING": "1",
            "JUPYTER_CONFIG_DIR": str(root),
            "JUPYTER_DATA_DIR": str(root / "jupyter"),
        },
    )
    return (root / "site/lessons/01-test/index.html").read_text()


@pytest.fixture(scope="module")
def cells(page: str) -> list[str]:
    return re.findall(r"<div[^>]*><course-cell>(.*?)</course-cell></div>", page, re.DOTALL)


def text(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


def test_prose_is_markdown(page: str):
    assert "<strong>weight</strong>" in page


def test_a_cell_is_its_code_followed_by_its_outputs(cells: list[str]):
    assert len(cells) == 4
    for cell in cells:
        assert re.fullmatch(
            r'<pre><span><code class="language-python">.*</code></span></pre><div class="outputs">.*</div>',
            cell,
            re.DOTALL,
        )


def test_the_code_is_there_to_the_letter(cells: list[str]):
    code, _, outputs = cells[0].partition("</pre>")
    assert text(code) == 'def pay():\n\n    return "<b>"\n\npay()\n'
    assert text(outputs) == "'<b>'"


def test_a_fence_in_an_output_stays_text(cells: list[str]):
    assert text(cells[1].partition("</pre>")[2]) == "```\na & <b>\n```\n"


def test_a_diagram_is_inline(cells: list[str]):
    assert '<g class="event" data-step="7">' in cells[2]


def test_an_error_is_shown(cells: list[str]):
    assert '<pre class="output error">' in cells[3]
    assert "ZeroDivisionError: division by zero" in text(cells[3])


def test_nothing_is_asked_of_another_host(page: str):
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//', page)
