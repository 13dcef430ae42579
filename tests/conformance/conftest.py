"""One broker for the whole suite."""

import os
from collections.abc import Generator

import pytest

from course.lab.servers import servers


@pytest.fixture(scope="session")
def kafka() -> Generator[str]:
    """The address of a broker: $COURSE_KAFKA and $COURSE_POSTGRES name servers to use instead of our own."""
    with servers(os.environ.get("COURSE_KAFKA"), os.environ.get("COURSE_POSTGRES")) as running:
        yield running.kafka
