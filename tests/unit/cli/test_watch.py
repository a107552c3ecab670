"""What `voc watch` does with spikes and Kafka."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from pipeline.cli import watch
from pipeline.domain.spike import Severity, Spike, SpikeState
from pipeline.errors import KafkaUnavailable
from pipeline.kafka.producer import Delivery, Producer
from pipeline.settings import Settings

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SPIKE = Spike(
    *("a", {"topic": "wait"}, SpikeState.OPENED, "jump", Severity.WARNING, NOW, NOW),
    *(4.0, 40.0, 15.0, 9.0),
)


class Sender:
    """A producer; what it sends is confirmed with `answer`, or never."""

    def __init__(self, answer: Delivery | Exception | None) -> None:
        self.answer = answer
        self.sent: list[tuple[object, ...]] = []

    def send(self, *sent: object) -> Future[Delivery]:
        self.sent.append(sent)
        future: Future[Delivery] = Future()
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        elif self.answer:
            future.set_result(self.answer)
        return future


def publish(sender: Sender) -> None:
    watch.published(cast("Producer", sender), "alerts.v1", 0.02, [SPIKE], NOW)


def test_what_kafka_never_confirms_is_an_outage_and_no_crash() -> None:
    with pytest.raises(KafkaUnavailable, match=r"alerts\.v1 was not confirmed within 0\.02 s"):
        publish(Sender(None))


def test_what_the_producer_says_is_passed_on() -> None:
    with pytest.raises(KafkaUnavailable, match="no broker answers"):
        publish(Sender(KafkaUnavailable("no broker answers")))


def test_a_spike_goes_out_under_its_id() -> None:
    sender = Sender(Delivery("alerts.v1", 0, 3))
    publish(sender)
    ((topic, key, value, _headers),) = sender.sent
    assert (topic, key) == ("alerts.v1", b"a")
    assert b'"state":"opened"' in cast("bytes", value)


def test_the_producer_gives_up_before_the_watcher_does(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "pipeline.kafka.producer.Producer", lambda _kafka, **given: made.append(given)
    )
    settings = Settings()
    watch._producer(settings)
    publisher = watch._publisher(settings, cast("Producer", Sender(None)))
    assert made == [{"timeout": settings.gateway.ack_timeout}]
    assert publisher.args[2] > settings.gateway.ack_timeout  # type: ignore[attr-defined]


def test_without_a_producer_nothing_is_published() -> None:
    watch._publisher(Settings(), None)([SPIKE], NOW)
