"""The reference page about the model of Kafka belongs to the programs that are there."""

from tests.conformance import programs
from tests.conformance.page import PAGE, render


def test_the_page_is_that_of_the_last_conformance_run():
    assert programs
    assert PAGE.read_text("utf-8") == render(), "run `make test-kafka`, which writes the page anew"
