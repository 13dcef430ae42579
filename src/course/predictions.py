"""Questions that a reader answers before the next cell shows what is true.

    ```predict
    What is alice's balance after the crash?
    - [ ] `30`: The mark was in memory, and memory is gone.
    - [x] `60`: The message was delivered again, and nothing remembered the first time.
    - [ ] nothing: …
    ```

The answer that is marked is looked for in what the next cell puts out when the site is built, and the others must
not be there: an answer that is code, like `60`, is compared with whole lines and words of the output.
"""

import re
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from markdown import markdown

from course.fences import ends_the_build

_CHOICE = re.compile(r"^- \[([ x])\] (.+?): (.+)$")
_FENCE = re.compile(r"^```predict\n(.*?)^```", re.M | re.S)


class BadPrediction(Exception):
    """A question that cannot be asked so, or whose answer is not what the cell gives."""


@dataclass(frozen=True)
class Choice:
    answer: str
    why: str
    right: bool


@dataclass(frozen=True)
class Prediction:
    question: str
    choices: tuple[Choice, ...]


def parse(source: str) -> Prediction:
    """The question of one fence; raises BadPrediction."""
    question, *lines = (line for line in source.strip().splitlines() if line.strip())
    found = [_CHOICE.match(line) for line in lines]
    for line, match in zip(lines, found, strict=True):
        if match is None:
            raise BadPrediction(f"{line!r} is no choice; one looks like `- [x] answer: why`")
    choices = tuple(Choice(match[2], match[3], match[1] == "x") for match in found if match)
    if [choice.right for choice in choices].count(True) != 1 or all(choice.right for choice in choices):
        raise BadPrediction(f"{question!r} needs at least two choices, and just one of them marked [x]")
    return Prediction(question, choices)


def verify(text: str, output: str) -> None:
    """Compares the questions in a Markdown cell with what the next code cell put out; raises BadPrediction."""
    for fence in _FENCE.finditer(text):
        prediction = parse(fence[1])
        for choice in prediction.choices:
            wanted = re.fullmatch(r"`(.+)`", choice.answer)
            there = wanted is not None and _is_in(wanted[1], output)
            if choice.right and not there:
                raise BadPrediction(
                    f"{prediction.question!r} is answered {choice.answer}, which the next cell does not put out"
                )
            if there and not choice.right:
                raise BadPrediction(
                    f"{prediction.question!r}: {choice.answer} is called wrong, but the cell says it"
                )


def _is_in(answer: str, output: str) -> bool:
    text = unescape(re.sub(r"<[^>]+>", " ", output))
    return re.search(rf"(?<![\w.,]){re.escape(answer)}(?![\w]|[.,]\w)", text) is not None


@ends_the_build
def predict_fence(source: str, *_: Any, **__: Any) -> str:
    """HTML of a question. Without JavaScript each choice folds open; with it, the page asks before it tells."""
    prediction = parse(source)
    choices = "".join(
        f'<details class="choice" data-search-exclude{" data-right" * choice.right}>'
        f"<summary>{_inline(choice.answer)}</summary>"
        f"<p>{'Right. ' if choice.right else 'No. '}{_inline(choice.why)}</p></details>"
        for choice in prediction.choices
    )
    question = f'<p class="question">{_inline(prediction.question)}</p>'
    return f"<div><course-predict>{question}{choices}</course-predict></div>"


def _inline(text: str) -> str:
    return markdown(text).removeprefix("<p>").removesuffix("</p>") or escape(text)
