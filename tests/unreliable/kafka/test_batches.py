"""`consume`: a batch comes when it is full, or with what there is when its time is over."""

from typing import Any

from unreliable import Process, Program, Scenario, replay


def test_a_batch_is_given_when_it_is_full_or_its_time_is_over():
    seen: list[Any] = []

    async def sends(producer, clock):
        for order in ("o1", "o2", "o3"):
            await producer.produce("orders", order)
            await clock.sleep(0.3)

    async def reads(consumer, clock):
        for most, timeout in ((2, 5.0), (5, 1.0), (5, 1.0)):
            asked = clock.now()
            batch = [message.value() for message in await consumer.consume(most, timeout)]
            seen.append((batch, round(clock.now() - asked, 1)))

    processes = (Process("sends", sends), Process("reads", reads))
    replay(Scenario("orders", processes, lambda _: None, (("orders", 1),)), Program(""))
    assert seen == [([b"o1", b"o2"], 0.3), ([b"o3"], 1.0), ([], 1.0)]
