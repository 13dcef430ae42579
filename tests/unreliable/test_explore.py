"""Merging is sound: what the exploration says of every schedule is what running every schedule finds.

The oracle is the exploration without its rule of merging: it starts every schedule and judges each by itself.
"""

import random
import subprocess
import sys
from dataclasses import replace
from textwrap import dedent, indent

import pytest

from unreliable import Anomaly, Explorer, Process, Program, Scenario, Schedule, World, explore, replay, sample
from unreliable.choices import Choices
from unreliable.database import Database
from unreliable.explore import beside

SQL = """
    CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL);
    CREATE TABLE processed (id TEXT PRIMARY KEY);
    CREATE TABLE entries (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
    CREATE TABLE log (text TEXT);
    INSERT INTO accounts VALUES ('alice', 0), ('bob', 0);
"""
MOST_SCHEDULES = 1_000  # an animal of the zoo has to be small enough to be run without merging


async def pay(producer):
    for number, account in enumerate(("alice", "bob")):
        await (await producer.produce("payments", account, key=f"p{number}", partition=number % 2))


def nothing_wrong(_: World) -> None:
    return None


def balances_of_one(world: World) -> Anomaly | None:
    """Each account has had one payment of 1."""
    greatest = world.database.query("SELECT max(balance) FROM accounts")
    return None if greatest == [(1,)] else Anomaly("duplicate effect", f"The greatest balance is {greatest}.")


def scenario(*faults: str, consumers: int = 1, check=nothing_wrong) -> Scenario:
    readers = [
        Process(f"consumer {name}", "consume", ("consumer", "db"), start_ms=100) for name in "AB"[:consumers]
    ]
    producer = Process("producer", pay, faults=frozenset({"lose"}))
    return Scenario(
        "zoo",
        (producer, *readers),
        check,
        topics=(("payments", 2),),
        tables=SQL,
        faults=frozenset(faults),
        most_steps=300,
    )


def outcome(world: World) -> str:
    """What lasts at the end of a run."""
    database, broker = world.database, world.broker
    rows = [(table, *database.rows(table)[1]) for table in database.table_names()]
    groups = [(name, sorted(group.committed.items())) for name, group in sorted(broker.groups.items())]
    return repr((rows, broker.logs, groups, world.stuck and world.stuck.sentence))


def run_all(of: Scenario, program: Program, budget: int) -> tuple[int, dict[str, int], set[int]]:
    """Runs every schedule by itself: how many there are, the fewest faults of each end, those of stuck runs."""
    count, outcomes, stuck = 0, dict[str, int](), set[int]()
    database = Database(of.tables)
    level = [Schedule()]
    for faults in range(budget + 1):
        following: list[Schedule] = []
        for schedule in level:
            count += 1
            assert count <= MOST_SCHEDULES, "make the animal smaller"
            choices = Choices(schedule)
            world = World(of, beside(program), choices, database)
            world.run()
            outcomes.setdefault(outcome(world), faults)
            if world.stuck:
                stuck.add(faults)
            first = schedule.faults[-1][0] + 1 if len(schedule) else 0
            following += [
                schedule.then(number, option)
                for number in range(first, len(choices.met))
                for option in range(1, len(choices.met[number]))
            ]
        level = following
    database.close()
    return count, outcomes, stuck


def agrees(of: Scenario, source: str, budget: int) -> None:
    """Asserts that exploring finds every end that running everything finds, with as few faults."""
    count, outcomes, stuck = run_all(of, Program(source), budget)
    found: dict[str, int] = {}

    def watch(world: World) -> None:
        end = outcome(world)
        found[end] = min(world.choices.faults, found.get(end, budget))

    verdict = explore(replace(of, check=watch), Program(source), budget)
    if stuck:
        assert verdict.schedule is not None, f"schedules with {stuck} faults are stuck"
        assert len(verdict.schedule) == min(stuck)
        assert found.items() <= outcomes.items()
    else:
        assert verdict.passed
        assert found == outcomes
        assert verdict.covered == count


def reading(body: str, before: str = "", head: str = "async def consume(consumer, db):") -> str:
    """A consumer that does `body` with each message."""
    return f"""\
import json
{before}
{head}
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        key, account = message.key().decode(), message.value().decode()
{indent(dedent(body).strip(), " " * 8)}
        await consumer.commit(message=message, asynchronous=False)
"""


APPLY = 'await db.execute("UPDATE accounts SET balance = balance + 1 WHERE id = %s", (account,))'
MARK = 'mark = await db.execute("INSERT INTO processed VALUES (%s) ON CONFLICT DO NOTHING", (key,))'
ONCE = f"""
async with db.transaction():
    {MARK}
    if mark.rowcount:
        {APPLY}
"""
CLOCK = "async def consume(consumer, db, clock):"

ZOO = {
    "applies twice": reading(APPLY),
    "applies once": reading(ONCE),
    "looks, then acts": reading(f"""
        found = await db.execute("SELECT 1 FROM processed WHERE id = %s", (key,))
        if not await found.fetchone():
            {APPLY}
            await db.execute("INSERT INTO processed VALUES (%s)", (key,))
    """),
    "forgets after ten seconds": reading(
        f"""
        {MARK}
        if mark.rowcount or clock.now() > 10.12:
            {APPLY}
        """,
        head=CLOCK,
    ),
    "dies of a late message": reading(
        f"""
        if 10.105 < clock.now() < 10.11:
            raise ValueError(key)
        {ONCE.strip().replace(chr(10), chr(10) + " " * 8)}
        """,
        head=CLOCK,
    ),
    "draws lots": reading(
        f"""
        {MARK}
        if mark.rowcount or random.random() < 0.5:
            {APPLY}
        """,
        "import random",
    ),
    "makes up keys": reading(
        f"""
        key = str(uuid.uuid4())
        {MARK}
        {APPLY}
        """,
        "import uuid",
    ),
    "marks a hash": reading(f"key = hash(key) % 3\n{ONCE}"),
    "takes its own table": f"""
async def consume(consumer, db):
    await db.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
    while message := await consumer.poll(-1):
        key, account = message.key().decode(), message.value().decode()
        async with db.transaction():
            mark = await db.execute("INSERT INTO seen VALUES (%s) ON CONFLICT DO NOTHING", (key,))
            if mark.rowcount:
                {APPLY}
        await consumer.commit(message=message, asynchronous=False)
""",
    "makes an index at each start": f"""
import psycopg

async def consume(consumer, db):
    await db.execute("CREATE UNIQUE INDEX once ON entries (text)")
    while message := await consumer.poll(-1):
        key, account = message.key().decode(), message.value().decode()
        {APPLY}
        await consumer.commit(message=message, asynchronous=False)
""",
    "notices its index": f"""
import psycopg

async def consume(consumer, db):
    try:
        await db.execute("CREATE UNIQUE INDEX once ON log (text)")
        account = "alice"
    except psycopg.errors.DuplicateTable:
        account = "bob"
    {APPLY}
    while message := await consumer.poll(-1):
        await consumer.commit(message=message, asynchronous=False)
""",
    "dies now and then": reading(f"""
        {MARK}
        if not mark.rowcount:
            raise ValueError(key)
        {APPLY}
    """),
    "sleeps and tries again": reading(
        f"""
        for _ in range(3):
            try:
                {ONCE.strip().replace(chr(10), chr(10) + " " * 16)}
                break
            except psycopg.errors.QueryCanceled:
                await clock.sleep(1)
        """,
        "import psycopg",
        CLOCK,
    ),
    "commits asynchronously": reading(ONCE).replace(", asynchronous=False", ""),
    "nests transactions": reading(
        f"""
        async with db.transaction():
            try:
                async with db.transaction():
                    await db.execute("INSERT INTO processed VALUES (%s)", (key,))
            except psycopg.errors.UniqueViolation:
                pass
            else:
                {APPLY}
    """,
        "import psycopg",
    ),
    "numbers its entries": reading("""
        async with db.transaction():
            await db.execute("INSERT INTO entries (text) VALUES (%s)", (key,))
            found = await db.execute("SELECT max(id) FROM entries")
            await db.execute("UPDATE accounts SET balance = %s WHERE id = %s", (*await found.fetchone(), account))
    """),
    "keeps a log": reading("""
        async with db.transaction():
            await db.execute("INSERT INTO log VALUES (%s)", (key,))
            await db.execute(
                "UPDATE accounts SET balance = (SELECT count(*) FROM log WHERE text = %s) WHERE id = %s",
                (key, account),
            )
    """),
    "seeks back": reading(
        f"""
        try:
            {ONCE.strip().replace(chr(10), chr(10) + " " * 12)}
        except psycopg.errors.QueryCanceled:
            await consumer.seek(TopicPartition(message.topic(), message.partition(), message.offset()))
            continue
        """,
        "import psycopg\nfrom confluent_kafka import TopicPartition",
    ),
    "reads batches": f"""
async def consume(consumer, db):
    while True:
        batch = await consumer.consume(5, 1.0)
        async with db.transaction():
            for message in batch:
                key, account = message.key().decode(), message.value().decode()
                {MARK}
                if mark.rowcount:
                    {APPLY}
        if batch:
            await consumer.commit(asynchronous=False)
""",
}

FAULTS = [("crash",), ("lose",), ("error",), ("pause",)]


@pytest.mark.parametrize("animal", ZOO)
@pytest.mark.parametrize("faults", FAULTS, ids="-".join)
def test_one_consumer_with_two_faults(animal: str, faults: tuple[str, ...]):
    agrees(scenario(*faults), ZOO[animal], 2)


@pytest.mark.parametrize("animal", ZOO)
@pytest.mark.parametrize("faults", FAULTS, ids="-".join)
def test_two_consumers_with_one_fault(animal: str, faults: tuple[str, ...]):
    agrees(scenario(*faults, consumers=2), ZOO[animal], 1)


HOLD = """
async def hold(db, network):
    await db.execute("INSERT INTO processed VALUES ('held')")
    async with db.transaction():
        await db.execute("INSERT INTO log SELECT balance FROM accounts WHERE id = 'alice'")
        await network.receive()

async def change(db, network):
    found = await db.execute("SELECT (SELECT count(*) FROM processed) + balance FROM accounts WHERE id = 'alice'")
    await db.execute("UPDATE accounts SET balance = %s WHERE id = 'bob'", await found.fetchone())
    await db.execute("UPDATE accounts SET balance = 1 WHERE id = 'alice'")
    await db.execute("UPDATE accounts SET balance = 0 WHERE id = 'alice'")
    await network.send("hold", "go on")
"""


def test_an_idempotent_producer_that_is_killed_and_not_answered():
    """What the broker remembers of a producer is part of the state as long as the producer lives."""
    of = scenario("crash", "lose")
    producer = replace(of.processes[0], faults=None, idempotence=True)
    agrees(replace(of, processes=(producer,)), "", budget=2)


def test_what_an_open_transaction_has_read_into_its_rows_is_part_of_the_state():
    processes = (
        Process("change", "change", ("db", "network")),
        Process("hold", "hold", ("db", "network"), faults=frozenset()),
    )
    agrees(Scenario("hold", processes, nothing_wrong, tables=SQL, faults=frozenset({"crash"})), HOLD, 1)


STATEMENTS = (
    APPLY,
    APPLY,
    MARK,
    'await db.execute("INSERT INTO log VALUES (%s)", (key,))',
    'await db.execute("INSERT INTO entries (text) VALUES (%s)", (key,))',
    'await db.execute("INSERT INTO log SELECT id FROM accounts ORDER BY balance LIMIT 1")',
    'await db.execute("DELETE FROM log")',
    'await db.execute("SELECT * FROM accounts WHERE id = %s FOR UPDATE", (account,))',
    'await db.execute("CREATE TABLE IF NOT EXISTS more (id TEXT)")',
    'lots = [await (await db.execute("SELECT count(*) FROM log")).fetchone()]',
    "await consumer.commit(message=message)",
    "await consumer.commit(asynchronous=False)",
    "await consumer.seek(TopicPartition(message.topic(), message.partition(), 0)); seeks = True",
    "await consumer.poll(0.5)",
    "await clock.sleep(0.5)",
    "lots.append(random.random())",
    "late = clock.now() > 9",
    "account = 'bob' if hash(key) % 2 else 'alice'",
)
BLOCKS = (
    "async with db.transaction():",
    "async with db.transaction():",
    "if lots:",
    "if not late:",
    "if message.offset() == 0:",
    "for _ in range(2):",
    "try:",
)


def assembled(seed: int) -> str:
    """A program that makes no sense, and the same one for the same seed."""
    draw = random.Random(seed)

    def block(depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(draw.randint(2, 4 - depth)):
            if depth < 2 and draw.random() < 0.5:
                head = draw.choice(BLOCKS)
                lines += [head, *(f"    {line}" for line in block(depth + 1))]
                if head == "try:":
                    lines += ["except Exception:", f"    {draw.choice(('pass', 'raise', 'lots.append(1)'))}"]
            else:
                lines.append(draw.choice(STATEMENTS))
        return lines

    body = "\n".join(("lots, late = [], False", *block(0)))
    return reading(
        body.replace("; seeks = True", ""), "import random\nfrom confluent_kafka import TopicPartition", CLOCK
    )


@pytest.mark.parametrize("seed", [*range(20, 41), *range(42, 50)])  # 41 has too many schedules
def test_a_program_of_random_statements(seed: int):
    faults = (("crash",), ("lose",), ("error",), ("pause",), ("crash", "error"))[seed % 5]
    if seed % 2:
        agrees(scenario(*faults), assembled(seed), 2)
    else:
        agrees(scenario(*faults, consumers=2), assembled(seed), 1)


FINGERPRINTS = """
import runpy, sys
from unreliable import Anomaly, Program, explore
zoo = runpy.run_path(sys.argv[1])
for name, source in zoo["ZOO"].items():
    for faults in range(2):
        verdict = explore(zoo["ending_with"](faults), Program(source), 1)
        print(verdict.token, verdict.trace.fingerprint)
"""


def ending_with(faults: int) -> Scenario:
    """Its first schedule with so many faults fails, so that there is a trace of it."""

    def check(world: World) -> Anomaly | None:
        return Anomaly("stuck", "This is the one.") if world.choices.faults == faults else None

    return scenario("crash", consumers=2, check=check)


def test_a_schedule_gives_the_same_trace_in_every_interpreter():
    said = [
        subprocess.run(
            [sys.executable, "-c", FINGERPRINTS, __file__],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(said[0].splitlines()) == 2 * len(ZOO)


def test_a_sample_is_the_same_for_the_same_seed():
    def drawn(seed: str) -> list[str]:
        ends: list[str] = []
        of = replace(scenario("crash", "lose"), check=lambda world: ends.append(outcome(world)))
        assert sample(of, Program(ZOO["applies twice"]), seed, 20).passed
        return ends

    assert drawn("a") == drawn("a")
    assert drawn("a") != drawn("b")


def test_a_failure_of_a_sample_can_be_replayed():
    of = scenario("crash", check=balances_of_one)
    verdict = sample(of, Program(ZOO["applies twice"]), "seed", 200)
    assert verdict.schedule is not None
    assert not verdict.exhausted
    assert replay(of, Program(ZOO["applies twice"]), verdict.schedule).anomaly == verdict.anomaly


def test_the_failing_schedule_of_a_verdict_can_be_replayed():
    of = scenario("crash", "pause", check=balances_of_one)
    verdict = explore(of, Program(ZOO["applies twice"]))
    assert verdict.schedule is not None
    assert verdict.trace is not None
    again = replay(of, Program(ZOO["applies twice"]), verdict.schedule)
    assert again.anomaly == verdict.anomaly
    assert again.trace.fingerprint == verdict.trace.fingerprint


def test_merging_saves_most_of_the_runs():
    verdict = explore(scenario("crash"), Program(ZOO["applies once"]))
    assert verdict.exhausted
    assert verdict.run < verdict.covered / 2


def test_two_explorations_by_one_explorer_find_the_same():
    with Explorer(scenario("crash"), Program(ZOO["takes its own table"])) as explorer:
        assert explorer.explore(2) == explorer.explore(2)


@pytest.mark.parametrize("error", [LookupError, AttributeError, ZeroDivisionError])
def test_a_check_that_fails_says_what_it_could_not_read(error: type[Exception]):
    def fails(world: World) -> Anomaly | None:
        raise error("of the row of alice")

    verdict = explore(scenario("crash", check=fails), Program(reading("pass")), 1)
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "unreadable state"
    assert verdict.anomaly.sentence.endswith(f"{error.__name__}: of the row of alice.")
    assert verdict.run == 1
