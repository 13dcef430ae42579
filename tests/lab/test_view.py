"""What a check sees of Kafka after a round: what a read_committed consumer is given."""

import uuid
from collections.abc import Generator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from course.lab.servers import servers
from course.lab.stage import _Broker  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def address() -> Generator[str]:
    with servers() as running:
        yield running.kafka


def test_aborted_records_and_markers_are_neither_in_the_log_nor_in_the_lag(address: str):
    topic, group = (f"view-{uuid.uuid4().hex[:8]}" for _ in range(2))
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": address, "transactional.id": group})
    producer.init_transactions(30)
    for value, end in (("a", producer.commit_transaction), ("b", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(30)
        end(30)
    broker = _Broker(address, {group: group}, {topic: 1})
    assert [record.value for record in broker.logs[topic, 0].committed()] == [b"a"]
    assert broker.lag(group, topic) == 1
    member = Consumer({"bootstrap.servers": address, "group.id": group})
    member.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    assert broker.lag(group, topic) == 0
    member.close()
    broker.close()
