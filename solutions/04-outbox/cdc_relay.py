"""Say what the learner's function has to achieve, and what may happen to it."""


async def cdc_relay(consumer, db) -> None:
    # TODO: what the learner writes
    ...
