"""What a client is told of a setting that the model does not know: all those that there are."""

from collections.abc import Iterable
from difflib import get_close_matches

CLOSE = 0.85  # as a name with a letter too many or its last word forgotten; two other settings are less alike


def unknown(client: str, name: str, names: Iterable[str]) -> ValueError:
    """The error for `name`, which is none of `names`."""
    known = sorted(names)
    close = get_close_matches(name, known, 1, CLOSE)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return ValueError(f"The model's {client} has no setting {name!r}. {guess}There are {', '.join(known)}.")
