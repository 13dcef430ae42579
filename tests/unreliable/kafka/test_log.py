"""What a log gives its readers, rule by rule."""

import pytest

from unreliable.kafka.log import Aborted, Log
from unreliable.kafka.producer_state import Refused
from unreliable.requests import Produce


class Written(Log):
    """A log that producers, named by a letter, write to: `a1` is the record of a's transaction, `-` of none."""

    def __init__(self, *entries: str) -> None:
        super().__init__(("orders", 0))
        for entry in entries:
            producer, what = entry[0], entry[1:]
            if what in {"commit", "abort"}:
                self.mark(producer, 0, what == "commit")
            elif producer == "-":
                self.append(_request(entry))
            else:
                self.append_once(_request(entry), producer, self.next_stamp(producer, 0), transactional=True)


def _request(value: str) -> Produce:
    return Produce("orders", value.encode(), None, 0, ())


def values(log: Log, position: int = 0, most: int = 10, committed: bool = True) -> list[str]:
    return [
        f"{record.offset}{(record.value or b'').decode()}" for record in log.read(position, most, committed)[0]
    ]


def test_rule_19_a_marker_takes_an_offset_and_is_not_read():
    log = Written("a1", "a2", "acommit", "a3", "acommit")
    assert values(log) == ["0a1", "1a2", "3a3"]
    assert log.end == 5


def test_rule_17_a_reader_stops_at_the_first_record_that_is_not_decided():
    log = Written("a1", "b1", "b2", "bcommit")
    assert log.stable == 0
    assert values(log) == []
    log.mark("a", 0, commits=True)
    assert log.stable == log.end
    assert values(log) == ["0a1", "1b1", "2b2"]


def test_rule_18_an_open_transaction_holds_up_what_belongs_to_none():
    log = Written("-x", "a1", "-y")
    assert values(log) == ["0-x"]
    assert values(log, committed=False) == ["0-x", "1a1", "2-y"]


def test_what_was_aborted_is_left_out_by_its_producer_and_offsets():
    log = Written("a1", "b1", "aabort", "a2", "bcommit", "acommit")
    assert log.aborted == [Aborted("a", 0, 2)]
    assert values(log) == ["1b1", "3a2"]
    assert values(log, committed=False) == ["0a1", "1b1", "3a2"]


def test_a_marker_of_a_transaction_that_wrote_nothing_here_aborts_nothing():
    log = Written("-x", "aabort")
    assert log.aborted == []
    assert values(log) == ["0-x"]


def test_a_position_is_one_after_the_last_record_that_was_given():
    log = Written("a1", "a2", "acommit", "-x")
    assert log.read(0, 2)[1] == 2
    assert log.read(2, 2)[1] == 4
    assert log.read(4, 2) == ([], 4)


def test_what_nobody_will_read_is_not_unread():
    log = Written("a1", "aabort", "-x", "b1")
    assert log.unread(0) == 2  # x, and b1, if it commits
    assert log.unread(3) == 1


def test_the_marker_of_a_later_epoch_fences_the_earlier_one():
    log = Written("a1")
    stamp = log.next_stamp("a", 0)
    log.mark("a", 1, commits=False)
    with pytest.raises(Refused, match="INVALID_PRODUCER_EPOCH"):
        log.append_once(_request("a2"), "a", stamp, transactional=True)
    assert log.append_once(_request("a2"), "a", log.next_stamp("a", 1), transactional=True).offset == 2


def test_rule_3_a_batch_that_is_sent_again_is_found():
    log = Written("-x")
    stamp = log.next_stamp("a", 0)
    first = log.append_once(_request("a1"), "a", stamp, transactional=True)
    assert log.append_once(_request("a1"), "a", stamp, transactional=True) is first
    assert log.end == 2
