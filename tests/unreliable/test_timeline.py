"""The chart of who read which partition when: its numbers and its drawing say the same as the trace."""

from xml.etree import ElementTree

from unreliable import Process, Program, Scenario, Timeline, replay

READS = """
async def consume(consumer, clock):
    for _ in range(20):
        message = await consumer.poll(0.25)
        if message is not None and message.value() == b"slow":
            await clock.sleep(2)
"""


async def shop(producer, clock):
    for value in ("slow", "late"):
        await producer.produce("orders", value, partition=0)
    await producer.produce("orders", "other", partition=1)


def timeline(name: str = "A", second_ms: int | None = None) -> Timeline:
    """A reads a slow record and then a late one; another may join when `second_ms` says so, and nobody commits."""
    first = Process(name, "consume", ("consumer", "clock"))
    others = () if second_ms is None else (Process("B", "consume", ("consumer", "clock"), start_ms=second_ms),)
    processes = (Process("shop", shop, start_ms=1_000), first, *others)
    scenario = Scenario("orders", processes, check=lambda _: None, topics=(("orders", 2),))
    return Timeline(replay(scenario, Program(READS)).trace)


def test_a_record_waits_until_it_is_read_for_the_first_time():
    found = timeline()
    assert found.read_again == 0
    assert [reading.reader for reading in found.readings] == ["A"] * 3
    assert 1_990 <= found.waits_ms["orders-0"] <= 2_010
    assert repr(found) == "Longest waits: orders-0 2.0 s, orders-1 2.0 s; read again: 0"


def test_what_was_not_committed_is_read_again_when_another_joins():
    found = timeline(second_ms=5_000)
    assert found.read_again == 3
    assert {reading.reader for reading in found.readings if reading.again} == {"A", "B"}
    assert found.waits_ms == timeline().waits_ms


def test_the_drawing_has_a_sign_for_each_reading_and_rings_for_those_again():
    found = timeline(second_ms=5_000)
    drawing = ElementTree.fromstring(found.svg())
    kinds = [element.get("class") or "" for element in drawing.iter()]
    assert kinds.count("again") == found.read_again + 1  # one is the legend's
    assert sum(kind.startswith("tail") for kind in kinds) == 3
    texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A", "B", "orders-0", "orders-1", "B joins"} <= set(texts)


def test_names_are_shown_and_not_obeyed():
    assert "<b>" not in timeline("<b>x").svg()
    assert "&lt;b&gt;x" in timeline("<b>x").svg()


def test_a_run_in_which_nothing_is_read_has_an_empty_chart():
    scenario = Scenario("empty", (Process("shop", shop),), check=lambda _: None, topics=(("orders", 2),))
    found = Timeline(replay(scenario, Program("")).trace)
    assert not found.waits_ms
    ElementTree.fromstring(found.svg())
