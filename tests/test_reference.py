"""The reference pages say what there is, no less and no more."""

import re

import unreliable
from course.catalog import root


def test_the_reference_lists_the_public_interface():
    page = (root() / "docs/reference.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(unreliable.__all__)


def test_the_glossary_explains_every_anomaly():
    page = (root() / "docs/anomalies.md").read_text("utf-8")
    assert set(re.findall(r"^(.+)\n:   ", page, re.MULTILINE)) == set(unreliable.ANOMALIES)
