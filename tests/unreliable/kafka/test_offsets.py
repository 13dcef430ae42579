"""Committed and pending offsets, rule by rule."""

from unreliable.kafka.offsets import Offsets

PARTITION = ("orders", 0)


def at(offset: int) -> tuple[tuple[str, int, int], ...]:
    return ((*PARTITION, offset),)


def test_the_last_commit_holds_even_if_it_is_lower():
    offsets = Offsets()
    assert offsets.commit(at(5))
    assert offsets.commit(at(3))
    assert not offsets.commit(at(3))
    assert offsets.committed == {PARTITION: 3}


def test_rule_23_an_offset_in_a_transaction_is_pending_until_that_is_decided():
    offsets = Offsets()
    offsets.add("t", at(5))
    assert offsets.unstable(PARTITION)
    assert offsets.committed == {}
    assert offsets.settle("t", commits=True) == [PARTITION]
    assert not offsets.unstable(PARTITION)
    assert offsets.committed == {PARTITION: 5}


def test_what_is_aborted_is_forgotten():
    offsets = Offsets()
    offsets.commit(at(1))
    offsets.add("t", at(5))
    offsets.settle("t", commits=False)
    assert offsets.committed == {PARTITION: 1}


def test_a_commit_after_the_offsets_of_a_transaction_holds():
    offsets = Offsets()
    offsets.add("t", at(1))
    offsets.commit(at(5))
    offsets.settle("t", commits=True)
    assert offsets.committed == {PARTITION: 5}


def test_of_two_transactions_the_one_that_was_written_later_holds_whichever_ends_first():
    for order in (("a", "b"), ("b", "a")):
        offsets = Offsets()
        offsets.add("a", at(1))
        offsets.add("b", at(2))
        for transactional_id in order:
            offsets.settle(transactional_id, commits=True)
        assert offsets.committed == {PARTITION: 2}


def test_within_a_transaction_the_last_holds():
    offsets = Offsets()
    offsets.add("t", at(1))
    offsets.add("t", at(2))
    offsets.settle("t", commits=True)
    assert offsets.committed == {PARTITION: 2}
