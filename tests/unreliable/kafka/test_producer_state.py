"""What a partition remembers of an idempotent producer, rule by rule."""

import pytest

from unreliable.kafka.producer_state import LAST_SEQUENCE, ProducerState, Refused, Stamp, known


def written(*sequences: int, epoch: int = 0) -> ProducerState:
    """The state after these batches of one record each, at the offsets 100, 101, …"""
    state = ProducerState(epoch)
    for offset, sequence in enumerate(sequences, 100):
        state = state.after(Stamp(sequence, sequence, epoch), offset)
    return state


def refusal(state: ProducerState, stamp: Stamp) -> str:
    with pytest.raises(Refused) as refused:
        known(state, stamp)
    return str(refused.value)


@pytest.mark.parametrize("sequence", [2, 3, 4, 5, 6])
def test_rule_3_each_of_the_last_five_batches_is_recognised(sequence: int):
    assert known(written(0, 1, 2, 3, 4, 5, 6), Stamp(sequence, sequence)) == 100 + sequence


def test_rule_3_a_batch_is_recognised_by_both_of_its_numbers():
    state = ProducerState(0).after(Stamp(0, 3), 7)
    assert known(state, Stamp(0, 3)) == 7
    assert refusal(state, Stamp(0, 2)) == "OUT_OF_ORDER_SEQUENCE_NUMBER"


def test_rule_4_the_next_batch_is_taken_and_a_gap_is_refused():
    assert known(written(0, 1), Stamp(2, 2)) is None
    assert refusal(written(0, 1), Stamp(3, 3)) == "OUT_OF_ORDER_SEQUENCE_NUMBER"


def test_rule_4_a_duplicate_older_than_five_batches_is_out_of_order():
    assert refusal(written(0, 1, 2, 3, 4, 5, 6), Stamp(1, 1)) == "OUT_OF_ORDER_SEQUENCE_NUMBER"


def test_rule_5_a_new_epoch_begins_at_zero_and_forgets_the_batches_of_the_old_one():
    state = written(0, 1, 2)
    assert known(state, Stamp(0, 0, epoch=1)) is None
    assert refusal(state, Stamp(3, 3, epoch=1)) == "OUT_OF_ORDER_SEQUENCE_NUMBER"
    bumped = state.after(Stamp(0, 0, epoch=1), 103)
    assert bumped == ProducerState(1, ((0, 0, 103),))


def test_rule_5_of_an_unknown_producer_any_number_is_taken():
    assert known(None, Stamp(17, 17)) is None


def test_rule_5_after_the_last_number_comes_zero():
    assert known(written(LAST_SEQUENCE), Stamp(0, 0)) is None
    assert refusal(written(LAST_SEQUENCE - 1), Stamp(0, 0)) == "OUT_OF_ORDER_SEQUENCE_NUMBER"


def test_rule_6_an_older_epoch_is_refused_even_with_a_known_batch():
    assert refusal(written(0, epoch=2), Stamp(0, 0, epoch=1)) == "INVALID_PRODUCER_EPOCH"
