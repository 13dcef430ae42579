"""A trace as HTML: for a lesson's cell, a section of a report, or a page that needs nothing else.

Rules
- A page loads nothing and runs nothing: no scripts, no fonts, no pictures but the diagram inside it.
- Light or dark as the reader prefers; wide things scroll in their own boxes; it prints.
- The learner's lines that the story comes by are marked, and those where a fault happens name its step.
"""

from collections.abc import Iterator, Sequence

from unreliable.diagram.drawing import svg
from unreliable.diagram.escaping import markup
from unreliable.diagram.layout import is_fault
from unreliable.trace import Event, Trace


def page(title: str, *sections: str, style: str = "") -> str:
    """A whole page of one or more `section`s; `style` is CSS besides its own."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{markup(title)}</title>\n'
        f"<style>{_STYLE}{style}</style>\n</head>\n<body>\n<main>\n<h1>{markup(title)}</h1>\n"
        f"{''.join(sections)}</main>\n</body>\n</html>\n"
    )


def section(
    heading: str, sentence: str, trace: Trace | None = None, source: str = "", told: Sequence[Event] = ()
) -> str:
    """One finding: what it is about, what happened, and, of a failed run, its diagram, steps and code."""
    events = told or (trace.events if trace else ())
    return drawn(heading, sentence, svg(trace, told) if trace else "", events, source)


def drawn(heading: str, sentence: str, drawing: str, events: Sequence[Event], source: str = "") -> str:
    """A finding whose diagram is drawn already, as it was kept with its events."""
    parts = [f'<h2>{markup(heading)}</h2>\n<p class="finding">{markup(sentence)}</p>\n']
    if events:
        steps = "".join(_steps(events))
        parts.append(f'{_scrolled(drawing)}\n<div class="beside">\n<ol class="steps">\n{steps}</ol>\n')
        parts.append(f"{_code(events, source) if source else ''}</div>\n")
    return f"<section>\n{''.join(parts)}</section>\n"


def picture(trace: Trace) -> str:
    """The diagram in a box that it can be scrolled in."""
    return _scrolled(svg(trace))


def _scrolled(drawing: str) -> str:
    return f'<div class="diagram" tabindex="0" style="overflow-x:auto">{drawing}</div>'


def told(sentence: str, name: str = "", trace: Trace | None = None) -> str:
    """What a notebook shows of a run or a verdict: a sentence, and the diagram if there is one."""
    anomaly = f"<strong>{markup(name)}</strong>: " if name else ""
    return f"<div><p>{anomaly}{markup(sentence)}</p>{picture(trace) if trace else ''}</div>"


def _steps(events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        trouble = ' class="trouble"' if is_fault(event) else ""
        line = f" <small>line {event.line}</small>" if event.line else ""
        time = f"<time>{event.time_ms / 1000:.3f} s</time>"
        yield f'<li value="{event.step + 1}"{trouble}>{time} {markup(event.text)}{line}</li>\n'


def _code(events: Sequence[Event], source: str) -> str:
    met = {event.line for event in events}
    faults: dict[int, list[str]] = {}
    for event in events:
        if event.line and is_fault(event):
            faults.setdefault(event.line, []).append(str(event.step + 1))
    rows = (
        _line(number, line, number in met, faults.get(number, []))
        for number, line in enumerate(source.splitlines(), 1)
    )
    return f'<table class="code"><tbody>\n{"".join(rows)}</tbody></table>\n'


def _line(number: int, line: str, met: bool, faults: list[str]) -> str:
    mark = ' class="met"' if met else ""
    sign = f"✗ {', '.join(faults)}" if faults else ""
    return f'<tr{mark}><th>{number}</th><td class="trouble">{sign}</td><td>{markup(line)}</td></tr>\n'


_STYLE = """
:root{--ink:#1b1b1f;--muted:#5b5f6b;--line:#d5d8e0;--fault:#b3261e;--mark:#eef0fb;--paper:#fff}
@media (prefers-color-scheme:dark){
:root{--ink:#e7e7ec;--muted:#a3a8b8;--line:#3c414d;--fault:#ff8a80;--mark:#262a3d;--paper:#17181d}}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
main{max-width:75rem;margin:auto;padding:1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem;overflow-wrap:anywhere}h3{font-size:1rem}
.finding{overflow-wrap:anywhere}
.diagram{overflow:auto;max-height:80vh;border:1px solid var(--line);border-radius:4px}
.diagram svg{display:block}
.beside{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start;margin-top:1rem}
.steps{flex:1 1 24rem;min-width:0;margin:0;padding-left:2.5rem;font-size:.875rem}
.steps li{padding:.1rem 0;overflow-wrap:anywhere}
.steps time,.steps small{color:var(--muted);font-variant-numeric:tabular-nums;white-space:nowrap}
.trouble{color:var(--fault);font-weight:600}
.code{flex:1 1 24rem;min-width:0;position:sticky;top:1rem;display:block;overflow-x:auto;
border-collapse:collapse;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.code td{white-space:pre;padding:0 .5rem}
.code th{color:var(--muted);font-weight:400;text-align:right;padding:0 .5rem;user-select:none}
.met{background:var(--mark)}
@media print{.diagram{overflow:visible;max-height:none}section{break-inside:avoid-page}}
"""
