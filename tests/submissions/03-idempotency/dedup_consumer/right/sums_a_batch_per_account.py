"""Right, because only payments that were marked here are summed, and each partition's last offset is committed."""

import json
from collections import Counter

from confluent_kafka import Message, TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def apply_batch(db: AsyncConnection, messages: list[Message]) -> None:
    async with db.transaction():
        sums: Counter[str] = Counter()
        for message in messages:
            payment = json.loads(message.value())
            cursor = await db.execute(
                "INSERT INTO processed VALUES (%s) ON CONFLICT DO NOTHING RETURNING payment_id",
                (payment["id"],),
            )
            if await cursor.fetchone():
                sums[payment["account"]] += payment["amount"]
        for account, amount in sorted(sums.items()):
            await db.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, account))


def after(messages: list[Message]) -> list[TopicPartition]:
    ends = {(message.topic(), message.partition()): message.offset() + 1 for message in messages}
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in ends.items()]


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        messages = await consumer.consume(num_messages=3, timeout=0.5)
        if messages:
            await apply_batch(db, messages)
            await consumer.commit(offsets=after(messages), asynchronous=False)
