"""A partition's leader recognises what it has appended, by producer, epoch and sequence, with bounded memory.

The tests read as the specification. Most are conversations: requests, each with the answer that it must get
however often it is asked. In the others real producers send, with several records under way.
"""

from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
NAMES = {OUT_OF_ORDER: "OUT_OF_ORDER_SEQUENCE_NUMBER", FENCED: "INVALID_PRODUCER_EPOCH"}
TABLES = """
    CREATE TABLE log (log_offset INTEGER PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE appended (
        producer TEXT, epoch INTEGER, sequence INTEGER, log_offset INTEGER,
        PRIMARY KEY (producer, epoch, sequence)
    );
"""
PATIENCE_S = 20.0  # longer than a restart takes
TERM_S = 5.0  # then the leader has a successor
MANY = 50  # records of each of two producers
FEW_VALUES = 120  # in memory: two windows of five records and what a request needs; not a value for each record
FEW_CHARACTERS = 160  # in all tables but the log

LEADER = Process("leader", "lead", ("network", "db"))


class Notes:
    """What producers were told: (sequence, code, offset); of a conversation, where it ended."""

    def __init__(self) -> None:
        self.told = ()

    def note(self, number: int, code: int, offset: int | None) -> None:
        """This answer came."""
        self.told += ((number, code, offset),)


def value_of(sequence: int) -> str:
    """Every second record is alike."""
    return "ab"[sequence % 2]


async def ask(network, number, request, leader="leader"):
    """Sends a request with this number until it is answered; code and offset."""
    while True:
        await network.send(leader, (number, *request))
        while (message := await network.receive(timeout=PATIENCE_S)) is not None:
            correlation, code, offset = read(message[1])
            if correlation in {number, None}:  # others are answers to earlier requests
                return code, offset


def read(answer: object) -> tuple[int | None, int, int | None]:
    """Correlation, code and offset; without a correlation, what is no answer."""
    match answer:
        case (int(correlation), int(code), offset):
            return correlation, code, offset if isinstance(offset, int) else None
        case _:
            return None, -1, -1


type Step = tuple[str, int, int, int | str]  # producer, epoch, sequence, and an offset or a code as the answer


def conversation(*before: Step, after: tuple[Step, ...] = ()) -> Scenario:
    """One step after the other, until an answer is not the one that is due; those `after` are the successor's."""
    steps = before + after
    offsets = {wanted: value_of(sequence) for _, _, sequence, wanted in steps if isinstance(wanted, int)}
    values = [offsets[offset] for offset in sorted(offsets)]

    async def talk(network, notes, clock):
        for number, (producer, epoch, sequence, wanted) in enumerate(steps):
            if number == len(before):
                await clock.sleep(2 * TERM_S)
            leader = "leader" if number < len(before) else "successor"
            code, offset = await ask(network, number, (producer, epoch, sequence, value_of(sequence)), leader)
            if told_as(code, offset) != due(wanted):
                await notes.note(number, code, offset)
                return
        await notes.note(len(steps), OK, 0)

    def check(world: World) -> Anomaly | None:
        difference = compare(world, values)
        if difference is not None and difference.name == "duplicate effect":
            return difference
        told = world.supplies.objects["notes"].told
        if not told:
            return Anomaly("stuck", "A request is not answered, however often it is sent.")
        number, code, offset = told[0]
        if number < len(steps):
            producer, epoch, sequence, wanted = steps[number]
            answered = f"answered {told_as(code, offset)}; it should be {due(wanted)}"
            return Anomaly("wrong answer", f"{producer}, epoch {epoch}, sequence {sequence}: {answered}.")
        return difference

    talker = Process("producer", talk, faults=frozenset({"lose"}))
    successors = (replace(LEADER, name="successor", start_ms=int(TERM_S * 1_000)),) if after else ()
    return replace(SCENARIO, processes=(LEADER, *successors, talker), check=check)


def told_as(code: int, offset: int | None) -> str:
    return f"{code} {NAMES.get(code, '')}".strip() + f", offset {offset}"


def due(wanted: int | str) -> str:
    return told_as(OK, wanted) if isinstance(wanted, int) else told_as(int(wanted), -1)


def compare(world: World, wanted: list[str]) -> Anomaly | None:
    """What is in the log, and what should be."""
    log = [value for (value,) in world.database.query("SELECT value FROM log ORDER BY log_offset")]
    told = f"The log has {', '.join(log) or 'nothing'}; it should have {', '.join(wanted)}"
    if log == wanted:
        return None
    if len(log) > len(wanted):
        return Anomaly("duplicate effect", f"{told}.")
    return Anomaly("lost message" if len(log) < len(wanted) else "reordering", f"{told}.")


def producer(name: str, epoch: int, values: tuple[str, ...]):
    """Sends its values, up to five at a time, and again what was not acknowledged; stops when it is fenced."""

    async def produce(network, notes):
        acknowledged: set[int] = set()
        while len(acknowledged) < len(values):
            left = [sequence for sequence in range(len(values)) if sequence not in acknowledged][:5]
            for sequence in left:
                await network.send("leader", (sequence, name, epoch, sequence, values[sequence]))
            while left and (message := await network.receive(timeout=PATIENCE_S)) is not None:
                sequence, code, offset = read(message[1])
                if code == FENCED:
                    return
                if code == OK and sequence in left and sequence not in acknowledged:
                    acknowledged.add(sequence)
                    await notes.note(sequence, code, offset)
                left = [waiting for waiting in left if waiting != sequence]

    return produce


def in_order(world: World) -> Anomaly | None:
    """Three records, once and in order, and acknowledged with their offsets."""
    told = sorted(world.supplies.objects["notes"].told)
    anomaly = compare(world, ["a", "b", "c"])
    if anomaly is None and told != [(0, OK, 0), (1, OK, 1), (2, OK, 2)]:
        offsets = ", ".join(f"{sequence} at offset {offset}" for sequence, _, offset in told)
        return Anomaly("wrong answer", f"Acknowledged are {offsets or 'none'}; the log has three records.")
    return anomaly


def old_before_new(world: World) -> Anomaly | None:
    """The new producer's records are all there, in order, and after its first none of the old one's."""
    log = [value for (value,) in world.database.query("SELECT value FROM log ORDER BY log_offset")]
    old = log[: log.index("new 0")] if "new 0" in log else log
    new = log[len(old) :]
    told = f"The log has {', '.join(log) or 'nothing'}"
    if any(value.startswith("old") for value in new):
        return Anomaly("zombie write", f"{told}: the old producer wrote after the new one had begun.")
    if new != ["new 0", "new 1"]:
        return Anomaly("lost message", f"{told}: the new producer sent new 0, new 1.")
    if old != ["old 0", "old 1"][: len(old)]:
        return Anomaly("reordering", f"{told}: the old producer sent old 0, old 1.")
    return None


def all_in_little_room(world: World) -> Anomaly | None:
    """All records are in the log, and the other tables are small."""
    [(count,)] = world.database.query("SELECT count(*) FROM log")
    if count != 2 * MANY:
        wrong = "duplicate effect" if count > 2 * MANY else "lost message"
        return Anomaly(wrong, f"The log has {count} records of {2 * MANY}.")
    size = sum(characters(world, table) for table in world.database.table_names() if table != "log")
    if size > FEW_CHARACTERS:
        told = f"After {2 * MANY} records of two producers the tables beside the log hold {size} characters"
        return Anomaly("unbounded memory", f"{told}; {FEW_CHARACTERS} have to be enough.")
    return None


def characters(world: World, table: str) -> int:
    return sum(len(str(cell)) for row in world.database.rows(table)[1] for cell in row)


SCENARIO = Scenario(
    name="dedup window",
    processes=(LEADER, Process("producer", producer("p", 0, ("a", "b", "c")), faults=frozenset())),
    check=in_order,
    tables=TABLES,
    supplies=(("notes", Notes),),
)
UNDER_WAY = replace(
    SCENARIO, processes=(replace(LEADER, faults=frozenset()), replace(SCENARIO.processes[1], faults=None))
)
REPLACED = replace(
    SCENARIO,
    processes=(
        replace(LEADER, faults=frozenset()),
        Process("old", producer("p", 0, ("old 0", "old 1")), faults=frozenset({"delay"})),
        Process("new", producer("p", 1, ("new 0", "new 1")), start_ms=1_000, faults=frozenset()),
    ),
    check=old_before_new,
)


async def two_producers(network, notes):
    """Many records of a producer, and as many of one that is replaced after every five."""
    for number in range(MANY):
        await ask(network, 2 * number, ("p", 0, number, "value"))
        await ask(network, 2 * number + 1, ("q", number // 5, number % 5, "value"))


LONG = replace(
    SCENARIO,
    processes=(LEADER, Process("producers", two_producers)),
    check=all_in_little_room,
    most_steps=8_000,
    most_values=FEW_VALUES,
)


def first(count: int) -> list[Step]:
    """The first records of a producer, at the first offsets."""
    return [("p", 0, sequence, sequence) for sequence in range(count)]


def test_records_in_order(verify):
    """Without any fault each record is appended once, also those that are alike."""
    verify(SCENARIO)


def test_a_record_that_is_sent_again(verify):
    """It is acknowledged again with the offset that it has, and not appended again."""
    verify(conversation(*first(1), *first(2)))


def test_each_of_the_last_five(verify):
    """A producer may send each of its last five records again, however many come between."""
    verify(conversation(*first(2), ("p", 0, 0, 0), *first(6)[2:], ("p", 0, 1, 1), ("p", 0, 6, 6)))


def test_a_record_that_is_older_than_the_window(verify):
    """What is older than the last five cannot be recognised any more: it is refused, and not appended."""
    verify(conversation(*first(6), ("p", 0, 0, "45"), ("p", 0, 6, 6), ("p", 0, 1, "45")))


def test_a_gap(verify):
    """What does not follow the last record is refused until those before it are there, and moves no window."""
    refused = [("p", 0, 2, "45"), ("p", 0, 9, "45")]
    verify(conversation(("p", 0, 1, "45"), *first(1), *refused, *first(3)))


def test_two_producers(verify):
    """Each producer begins at 0, whatever another has sent."""
    verify(conversation(*first(1), ("q", 4, 0, 1)))


def test_a_window_for_each_producer(verify):
    """Many records of a producer push none of another's out of its window."""
    mine, others = [("p", 0, 0, 0)], [("q", 4, sequence, sequence + 1) for sequence in range(6)]
    verify(conversation(*mine, *others, ("p", 0, 1, 7), ("p", 0, 0, 0), ("q", 4, 5, 6)))


def test_a_new_epoch(verify):
    """A new epoch begins at 0, whatever the old one has sent."""
    verify(conversation(*first(1), ("p", 1, 0, 1)))


def test_a_new_epoch_that_does_not_begin_at_0(verify):
    """A record that is refused begins no epoch, and one that begins it forgets the old one's window."""
    begun = [("p", 1, 0, 3), ("p", 1, 0, 3), ("p", 1, 1, 4)]
    verify(conversation(*first(2), ("p", 1, 2, "45"), ("p", 1, 1, "45"), ("p", 0, 2, 2), *begun))


def test_an_older_epoch(verify):
    """Once a new epoch has begun the old one is fenced."""
    verify(conversation(*first(1), ("p", 3, 0, 1), ("p", 0, 1, "47")))


def test_whatever_an_older_epoch_sends(verify):
    """It is fenced, also where a record is in its order, or was appended before; and the new epoch goes on."""
    old = [("p", 0, sequence, "47") for sequence in (0, 1, 2)]
    tenth = [("p", 10, 0, 4), ("p", 3, 2, "47"), ("p", 10, 1, 5)]
    verify(conversation(*first(2), ("p", 3, 0, 2), *old, ("p", 3, 1, 3), *tenth))


def test_a_crash_at_every_await(verify):
    """The leader may die at each of its awaits: nothing that was acknowledged is lost, nothing comes twice."""
    verify(conversation(*first(2)).with_faults("crash"))


def test_a_successor(verify):
    """A leader that starts later knows each producer's window and epoch from the tables."""
    before = [("p", 0, 0, 0), ("q", 0, 0, 1), *(("q", 1, sequence, sequence + 2) for sequence in range(5))]
    after = [("p", 0, 1, 7), ("q", 0, 0, "47"), ("q", 1, 0, 2), ("q", 1, 5, 8), ("p", 0, 0, 0)]
    verify(conversation(*before, after=tuple(after)))


def test_answers_that_do_not_arrive(verify):
    """Messages, answers and the answer to a COMMIT may get lost, and a statement may fail."""
    verify(conversation(*first(2)).with_faults("lose", "error"))


def test_records_under_way(verify):
    """Three records under way at once may be lost, come twice, or come late: in the log they are in order."""
    verify(UNDER_WAY.with_faults("lose", "duplicate", "delay"))


def test_a_producer_that_was_replaced(verify):
    """What the old producer has sent may arrive when the new one has begun."""
    verify(REPLACED.with_faults("delay"))


def test_many_records_in_little_room(verify):
    """Many records, and at no time more than a window for each producer, in memory and in tables."""
    verify(LONG)
