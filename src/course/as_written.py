"""A Markdown extension that shows code in a lesson's prose as its author wrote it.

nbconvert passes a whole notebook through an HTML parser, prose that is still Markdown included: `a > b` comes out
as `a &gt; b`. In a sentence that is the same; in code Markdown escapes it once more. So code is unescaped here,
before anything else reads it: spans between backticks, and fences.
"""

import re
from html import unescape

from markdown import Markdown
from markdown.extensions import Extension
from markdown.preprocessors import Preprocessor

_CELL = re.compile(r'^<div class="jp-MarkdownCell" markdown="1">\n.*?^</div>$', re.M | re.S)
_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1$|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)", re.M | re.S)
BEFORE_FENCES = 26  # pymdownx.superfences are at 25


class AsWritten(Extension):
    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 Markdown's name
        md.preprocessors.register(_Unescape(md), "as_written", BEFORE_FENCES)


class _Unescape(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        return _CELL.sub(_in_cell, "\n".join(lines)).split("\n")


def _in_cell(cell: re.Match[str]) -> str:
    return _CODE.sub(lambda code: unescape(code[0]), cell[0])
