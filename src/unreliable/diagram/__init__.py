"""Diagrams: a trace as people read it: drawn (`svg`), told (`text`), or as a page of its own (`page`).

Rules
- All are functions of the trace alone: the same run gives the same text, byte for byte.
- What learners wrote (SQL, payloads, names) is shown and never obeyed: it is escaped for HTML, and what would
  steer a terminal or turn the direction of the text is replaced.
- A fault is told by shape and words; colour only repeats it.
- Steps are counted from 1 for people, from 0 in `data-step`.
"""

from unreliable.diagram.drawing import svg
from unreliable.diagram.pages import drawn, page, section, told
from unreliable.diagram.telling import summary, text

__all__ = ["drawn", "page", "section", "summary", "svg", "text", "told"]
