"""The lab: a learner's file on real Apache Kafka and real PostgreSQL, in processes that are really killed."""


class LabError(Exception):
    """The lab cannot go on. The text says why, and what to do."""


def went_away(reason: str) -> LabError:
    """A server that is gone in the middle of a run is nobody's mistake."""
    return LabError(
        f"A server went away in the middle: {reason} Nothing is known about the file. "
        "`course lab status` tells which; `course lab down` and `up` start both anew."
    )
