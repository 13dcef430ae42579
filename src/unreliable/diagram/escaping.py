"""Text of learners, made safe to show.

Rules
- What steers a terminal, turns the direction of the text, or may not stand in XML becomes U+FFFD.
- For HTML and SVG the signs of markup are escaped as well.
"""

import re
from html import escape

_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def plain(text: str) -> str:
    """Safe for a terminal; line breaks and tabs stay."""
    return _UNSHOWABLE.sub("\ufffd", text)


def markup(text: str) -> str:
    """Safe in HTML and SVG, as text and as an attribute in quotes."""
    return escape(plain(text), quote=True)
