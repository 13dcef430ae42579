"""Right, because a lost commit is sent again, and after one that is refused the next poll joins the group anew."""

import json

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

FENCED = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS)


async def commit(consumer: AIOConsumer, message: Message) -> None:
    for _attempt in range(3):
        try:
            await consumer.commit(message=message, asynchronous=False)
            return
        except KafkaException as error:
            kafka_error: KafkaError = error.args[0]
            if kafka_error.code() in FENCED:
                return  # whoever has the partition now gets this message again, and commits it
            if kafka_error.code() != KafkaError.REQUEST_TIMED_OUT:
                raise
    raise RuntimeError("the broker does not answer")


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            mark = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if mark.rowcount == 1:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await commit(consumer, message)
