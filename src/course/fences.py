"""Fences of lessons whose mistakes end the build."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from mkdocs.exceptions import BuildError
from pymdownx.superfences import SuperFencesException  # pyright: ignore[reportMissingTypeStubs]

type Fence = Callable[..., str]  # gets the text, and what superfences knows of it


class FenceError(SuperFencesException, BuildError):
    """What superfences lets through, for any other error shows the fence as text; mkdocs tells it in one line."""


def ends_the_build(fence: Fence) -> Fence:
    """The fence, with errors that are told to the author."""

    @wraps(fence)
    def tried(source: str, *rest: Any, **named: Any) -> str:
        try:
            return fence(source, *rest, **named)
        except Exception as error:
            first = source.strip().partition("\n")[0]
            raise FenceError(f"The fence that begins with {first!r}: {error}") from error

    return tried
