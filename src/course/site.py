"""The site's glue: the superfences fence that puts an exercise into a lesson.

    ```exercise
    03-idempotency/dedup_consumer
    - A first hint.
    - A stronger one,
      which may go on in the next line.
    ```

The brief is the starter's docstring, read as Markdown. What is emitted is useful without JavaScript; with it, the
page's `<course-exercise>` makes it live.
"""

import ast
import re
from html import escape
from typing import Any

from markdown import markdown

from course.catalog import exercise
from course.fences import ends_the_build

UNSEARCHED = " data-search-exclude"  # what gives an answer away is not in the search, which every reader loads


@ends_the_build
def exercise_fence(source: str, *_: Any, **__: Any) -> str:
    """HTML of an exercise; a name that is not in the catalog ends the build."""
    name, *lines = source.strip().splitlines()
    hinted = "\n".join(lines)
    found = exercise(name.strip())
    starter = found.starter.read_text(encoding="utf-8")
    brief = ast.get_docstring(ast.parse(starter)) or ""
    hints = [" ".join(hint.split()) for hint in re.split(r"^- ", hinted, flags=re.M) if hint.strip()]
    parts = [
        f'<div class="brief">{markdown(brief)}</div>',
        _code(starter, f' class="starter"{UNSEARCHED}'),
        *(_details("hint", f"Hint {number}", markdown(hint)) for number, hint in enumerate(hints, 1)),
        _details("solution", "Solution", _code(found.solution.read_text(encoding="utf-8"))),
    ]
    return f'<div><course-exercise exercise="{escape(found.id)}">{"".join(parts)}</course-exercise></div>'


def _details(kind: str, summary: str, body: str) -> str:
    return f'<details class="{kind}"{UNSEARCHED}><summary>{summary}</summary>{body}</details>'


def _code(source: str, attributes: str = "") -> str:
    """A block of code. It sits in a span: docs/assets/site.css says why."""
    return f'<pre{attributes}><span><code class="language-python">{escape(source)}</code></span></pre>'
