"""One broker for the whole suite."""

import os
from collections.abc import Generator

import pytest
from tests.conformance.page import PAGE, render
from tests.conformance.stage import PROGRAMS

from course.lab.servers import servers


@pytest.fixture(scope="session")
def kafka() -> Generator[str]:
    """The address of a broker: $COURSE_KAFKA and $COURSE_POSTGRES name servers to use instead of our own."""
    with servers(os.environ.get("COURSE_KAFKA"), os.environ.get("COURSE_POSTGRES")) as running:
        yield running.kafka


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """When every program has come out as it should, the reference page says so."""
    parameters = [getattr(getattr(item, "callspec", None), "params", {}) for item in session.items]
    ran = {each["program"].name for each in parameters if "program" in each}
    if exitstatus == pytest.ExitCode.OK and ran and ran == {program.name for program in PROGRAMS}:
        PAGE.write_text(render(), encoding="utf-8")
