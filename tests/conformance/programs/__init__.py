"""All conformance programs: importing this registers them."""

from tests.conformance.programs import committing, consuming, groups, producing, transactions

__all__ = ["committing", "consuming", "groups", "producing", "transactions"]
