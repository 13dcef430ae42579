"""All conformance programs: importing this registers them."""

from tests.conformance.programs import committing, consuming, groups, producing, sharing, transactions

__all__ = ["committing", "consuming", "groups", "producing", "sharing", "transactions"]
