"""Kafka for everything but reading contacts: producing, topics, dead letters, lag.

The only package that imports kafka-python; the worker reads with Faust. Errors are KafkaUnavailable
(the same call may succeed later) and KafkaRejected (it will not), each with the way out.
"""

from __future__ import annotations

from pipeline.kafka.admin import (
    TopicState,
    create_topics,
    describe_topics,
    missing_topics,
    product_topics,
    require_topics,
)
from pipeline.kafka.connection import hush
from pipeline.kafka.lag import PartitionLag, group_lag
from pipeline.kafka.producer import Delivery, Message, Producer

__all__ = [
    "Delivery",
    "Message",
    "PartitionLag",
    "Producer",
    "TopicState",
    "create_topics",
    "describe_topics",
    "group_lag",
    "hush",
    "missing_topics",
    "product_topics",
    "require_topics",
]
