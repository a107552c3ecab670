from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import errors

from pipeline.errors import ConfigError, EventTooLarge, KafkaRejected, KafkaUnavailable
from pipeline.kafka.connection import arguments, connect, explain, translated
from pipeline.kafka.producer import Producer
from pipeline.settings import KafkaSettings

KAFKA = KafkaSettings(bootstrap="broker.example.com:9092")


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _never(**given: object) -> None:
    raise AssertionError(f"the client was built: {given}")


@pytest.mark.parametrize(
    ("error", "kind", "way_out"),
    [
        (errors.KafkaTimeoutError("x"), KafkaUnavailable, "VOC_KAFKA"),
        (errors.KafkaConnectionError("x"), KafkaUnavailable, "VOC_KAFKA"),
        (errors.NotEnoughReplicasError(), KafkaUnavailable, "VOC_KAFKA"),
        (errors.OutOfOrderSequenceNumberError(), KafkaUnavailable, "VOC_KAFKA"),
        (errors.SaslAuthenticationFailedError("x"), KafkaRejected, "kafka.password"),
        (errors.UnsupportedSaslMechanismError(), KafkaRejected, "kafka.sasl_mechanism"),
        (errors.TopicAuthorizationFailedError("x"), KafkaRejected, "ACL"),
        (errors.UnknownTopicOrPartitionError(), KafkaRejected, "voc topics create"),
        (errors.MessageSizeTooLargeError(), EventTooLarge, "max.message.bytes"),
        (errors.InvalidReplicationFactorError(), KafkaRejected, "kafka.replication"),
        (errors.InvalidTimestampError(), KafkaRejected, ""),
    ],
)
def test_errors_say_where_and_what_to_do(
    error: errors.KafkaError, kind: type[Exception], way_out: str
) -> None:
    found = explain(error, KAFKA, "sending")
    assert type(found) is kind
    assert "broker.example.com:9092" in found.message
    assert way_out in found.fix
    assert found.retryable is (kind is KafkaUnavailable)


def test_errors_are_named_in_words_and_chained() -> None:
    refused = pytest.raises(KafkaUnavailable, match="not enough replicas")
    with refused as raised, translated(KAFKA, "sending"):
        raise errors.NotEnoughReplicasError
    assert isinstance(raised.value.__cause__, errors.NotEnoughReplicasError)


def test_nothing_listens(closed_port: int) -> None:
    kafka = KafkaSettings(bootstrap=f"127.0.0.1:{closed_port}")
    with pytest.raises(KafkaUnavailable, match="refuses connections"):
        connect(kafka, _never)


def test_an_unknown_name_is_told_apart(closed_port: int) -> None:
    kafka = KafkaSettings(bootstrap=f"no-such-host.invalid:9092,127.0.0.1:{closed_port}")
    with pytest.raises(KafkaUnavailable) as raised:
        connect(kafka, _never)
    assert "no-such-host.invalid:9092 is an unknown name" in raised.value.message
    assert f"127.0.0.1:{closed_port} refuses" in raised.value.message


def test_tls_with_a_server_that_does_not_answer_ends(mute_port: int) -> None:
    """kafka-python alone waits here for ever."""
    kafka = KafkaSettings(bootstrap=f"localhost:{mute_port}", security_protocol="ssl")
    with pytest.raises(KafkaUnavailable, match="does not answer"):
        connect(kafka, _never)


def test_a_refused_login_is_not_reported_as_a_timeout(mute_port: int) -> None:
    """The client hides it in its log and raises a timeout."""

    def client(**given: object) -> None:
        refusal = errors.SaslAuthenticationFailedError("bad password")
        logging.getLogger("kafka.net.manager").warning("failed: %s (%s)", refusal, 1)
        raise errors.KafkaTimeoutError("unable to bootstrap")

    kafka = KafkaSettings(bootstrap=f"127.0.0.1:{mute_port}")
    with pytest.raises(KafkaRejected, match="bad password"):
        connect(kafka, client)


def test_credentials_reach_the_client_and_tls_files_are_checked(tmp_path: Path) -> None:
    kafka = KafkaSettings(
        security_protocol="sasl_ssl", username="voc", password="hush", sasl_mechanism="PLAIN"
    )
    given = arguments(kafka)
    assert given["security_protocol"] == "SASL_SSL"
    assert (given["sasl_plain_username"], given["sasl_plain_password"]) == ("voc", "hush")
    assert given["ssl_context"].check_hostname
    broken = tmp_path / "ca.pem"
    broken.write_text("not a certificate")
    with pytest.raises(ConfigError, match="TLS"):
        arguments(KafkaSettings(security_protocol="ssl", ca_file=broken))


def test_a_codec_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setattr("pipeline.kafka.producer._CODECS", {"lz4": lambda: False})
    kafka = KafkaSettings(bootstrap=f"127.0.0.1:{closed_port}", compression="lz4")
    with pytest.raises(ConfigError, match="lz4"):
        Producer(kafka)
