"""Marking a class: from a folder of submissions to marks that are right, explained and durable.

- `intake` reads submissions, `marker` marks one of them, `store` keeps each mark, `crew` spreads the work;
- `points` turns tests into points, `gradebook` joins it all, and `outputs` writes it for whoever wants it;
- `command` is `course grade`.
"""
