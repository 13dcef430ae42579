"""The lab: a learner's file on real Apache Kafka and real PostgreSQL, in processes that are really killed."""


class LabError(Exception):
    """The lab cannot go on. The text says why, and what to do."""
