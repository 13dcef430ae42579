"""What a partition remembers of an idempotent producer: how a batch that is sent again is recognised.

Rules, and where Apache Kafka defines them (KIP-98; the numbers are those of the tests)
- 3. A batch with the sequence numbers of one of the last `REMEMBERED` of its producer and epoch is known: it is
  acknowledged again, with its first offset (ProducerStateEntry.findDuplicateBatch).
- 4. Any other batch has to go on where the last one ended, or it is refused with OUT_OF_ORDER_SEQUENCE_NUMBER
  (ProducerAppendInfo.checkSequence): a batch that is known no longer, too.
- 5. A new epoch begins with sequence number 0. Of a producer that the partition does not know, any number is taken
  (retention may have removed what it had written). After 2³¹ - 1 comes 0.
- 6. An epoch older than the last is refused with INVALID_PRODUCER_EPOCH (ProducerAppendInfo.checkProducerEpoch).
  A transaction's marker brings its epoch, too: so who was fenced cannot write here any more.
- 8. A state is that of one producer id, and every new session has a new one: contents are not compared.

Left out here: a state never expires (producer.id.expiration.ms is 24 h).
"""

from dataclasses import dataclass

from unreliable.clients.confluent_kafka import KafkaError

REMEMBERED = 5  # ProducerStateEntry.NUM_BATCHES_TO_RETAIN
LAST_SEQUENCE = 2**31 - 1


class Refused(Exception):
    """The partition does not take the batch; `code` is Kafka's."""

    def __init__(self, code: int) -> None:
        super().__init__(KafkaError(code).name())
        self.code = code


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an idempotent producer writes on a batch: the numbers of its first and last record, and its epoch."""

    first: int
    last: int
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class ProducerState:
    """The producer's epoch, and of its last batches (first sequence, last sequence, offset)."""

    epoch: int
    batches: tuple[tuple[int, int, int], ...] = ()

    def after(self, stamp: Stamp, offset: int) -> "ProducerState":
        """The state once the batch stands in the log."""
        batches = self.batches if stamp.epoch == self.epoch else ()
        return ProducerState(stamp.epoch, (*batches, (stamp.first, stamp.last, offset))[-REMEMBERED:])

    def marked(self, epoch: int) -> "ProducerState":
        """The state once a marker of this epoch stands in the log."""
        return self if epoch <= self.epoch else ProducerState(epoch)

    def since(self, epoch: int) -> "ProducerState":
        """The same with epochs that are counted from this one."""
        return ProducerState(self.epoch - epoch, self.batches)


def known(state: ProducerState | None, stamp: Stamp) -> int | None:
    """The offset of a batch that is in the log already; None for one that may be appended; else Refused."""
    if state is None:
        return None
    if stamp.epoch < state.epoch:
        raise Refused(KafkaError.INVALID_PRODUCER_EPOCH)
    if stamp.epoch > state.epoch:
        if stamp.first:
            raise Refused(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
        return None
    for first, last, offset in state.batches:
        if (first, last) == (stamp.first, stamp.last):
            return offset
    if stamp.first != (following(state.batches[-1][1]) if state.batches else 0):
        raise Refused(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
    return None


def next_stamp(state: ProducerState | None, epoch: int = 0) -> Stamp:
    """What a producer of this epoch writes on its next batch of one record."""
    if state is None or state.epoch != epoch or not state.batches:
        return Stamp(0, 0, epoch)
    sequence = following(state.batches[-1][1])
    return Stamp(sequence, sequence, epoch)


def following(sequence: int) -> int:
    """The number after this one (DefaultRecordBatch.incrementSequence)."""
    return 0 if sequence == LAST_SEQUENCE else sequence + 1
