"""Settings to kafka-python's arguments, and its errors to ours."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from kafka import errors

from pipeline.errors import ConfigError, EventTooLarge, KafkaError, KafkaRejected, KafkaUnavailable
from pipeline.settings import KafkaSettings

T = TypeVar("T")

CONNECT_SECONDS = 8.0
"""How long a first connection may take; a broker that starts at the same time is up by then."""

_PROBE_SECONDS = 3.0
_SET_ADDRESS = "Start the broker, or set VOC_KAFKA=host:port (kafka.bootstrap) to where it is."
_REFUSALS: tuple[tuple[type[errors.KafkaError], str], ...] = (
    (
        errors.UnsupportedSaslMechanismError,
        "Set kafka.sasl_mechanism to what the broker offers, or use a protocol without sasl.",
    ),
    (errors.SaslAuthenticationFailedError, "Check kafka.username and kafka.password."),
    (errors.AuthorizationError, "Let the user of kafka.username do this (Kafka's ACLs)."),
    (
        errors.UnknownTopicOrPartitionError,
        "Create the topics with `voc topics create`, or correct kafka.topics.",
    ),
    (
        errors.InvalidReplicationFactorError,
        "Set kafka.replication to at most the number of brokers.",
    ),
    (errors.InvalidPartitionsError, "Set kafka.partitions to a number that the broker accepts."),
    (errors.InvalidTopicError, "Use letters, digits, dots and dashes in kafka.topics."),
    (errors.PolicyViolationError, "Ask who runs the brokers, or have them create the topic."),
    (
        errors.UnsupportedCodecError,
        "Install the codec of the topic's messages: pip install lz4 zstandard python-snappy.",
    ),
)
_TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
_UNAVAILABLE = (
    errors.RetriableError,
    errors.BrokerNotAvailableError,
    errors.UnknownBrokerIdError,
    errors.OutOfOrderSequenceNumberError,
    errors.UnknownProducerIdError,
    errors.InvalidProducerEpochError,
    errors.InvalidProducerIdMappingError,
    OSError,
)
"""Besides the retriable ones, what an idempotent producer hears from a broker that forgot it."""


_FAULTS: tuple[tuple[type[OSError], str], ...] = (
    (socket.gaierror, "is an unknown name"),
    (ConnectionRefusedError, "refuses connections"),
    (TimeoutError, f"does not answer within {_PROBE_SECONDS:g} s"),
    (ssl.SSLError, "does not speak TLS, or wants a client certificate"),
)


def hush() -> None:
    """Silences the client's log: what goes wrong reaches the caller as an error.

    For commands that draw progress on stderr.
    """
    logger = logging.getLogger("kafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def arguments(kafka: KafkaSettings) -> dict[str, Any]:
    """What every client of kafka-python takes: addresses, TLS, SASL.

    Raises ConfigError for certificates that cannot be read.
    """
    given: dict[str, Any] = {
        "bootstrap_servers": _addresses(kafka),
        "client_id": kafka.client_id,
        "security_protocol": kafka.security_protocol.upper(),
        "bootstrap_timeout_ms": int(CONNECT_SECONDS * 1000),
    }
    if uses_tls(kafka):
        given["ssl_context"] = tls(kafka)
    if kafka.security_protocol.startswith("sasl"):
        given["sasl_mechanism"] = kafka.sasl_mechanism
        given["sasl_plain_username"] = kafka.username
        given["sasl_plain_password"] = kafka.password.get_secret_value()
    return given


def uses_tls(kafka: KafkaSettings) -> bool:
    """Whether the connection is encrypted."""
    return kafka.security_protocol in {"ssl", "sasl_ssl"}


def tls(kafka: KafkaSettings) -> ssl.SSLContext:
    """The certificates to trust and to show. Raises ConfigError where they cannot be read."""
    try:
        context = ssl.create_default_context(cafile=str(kafka.ca_file) if kafka.ca_file else None)
        if kafka.cert_file:
            context.load_cert_chain(str(kafka.cert_file), str(kafka.key_file))
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(
            f"the TLS files of Kafka cannot be used: {error}",
            fix="Check kafka.ca_file, kafka.cert_file and kafka.key_file (PEM).",
        ) from error
    return context


def connect(kafka: KafkaSettings, client: Callable[..., T], **more: Any) -> T:
    """A client of kafka-python, connected.

    Raises KafkaUnavailable within CONNECT_SECONDS where no broker answers, KafkaRejected where it
    refuses who we are.
    """
    given = {**arguments(kafka), **more}
    _probe(kafka)
    with _last_words() as words:
        try:
            return client(**given)
        except errors.KafkaError as error:
            # The client reports a refused login as a timeout, and the refusal only to its log.
            problem = explain(words.refusal or error, kafka, "connecting")
            if isinstance(problem, KafkaUnavailable):
                problem.fix = (
                    "Something listens there but does not answer as Kafka: check the port and"
                    f" kafka.security_protocol (it is {kafka.security_protocol})."
                )
            raise problem from error


@contextmanager
def translated(kafka: KafkaSettings, doing: str) -> Iterator[None]:
    """Turns the client's errors into ours; `doing` says in words what was tried."""
    try:
        yield
    except (errors.KafkaError, OSError) as error:
        raise explain(error, kafka, doing) from error


def explain(error: BaseException, kafka: KafkaSettings, doing: str) -> KafkaError:
    """Our error for one of the client's."""
    if isinstance(error, _TOO_LARGE):
        words = f"{kafka.bootstrap} takes no event of this size: {_named(error)}"
        return EventTooLarge(words, fix="Shorten it, or raise the topic's max.message.bytes.")
    for kind, fix in _REFUSALS:
        if isinstance(error, kind):
            words = f"{kafka.bootstrap} refused {doing}: {_named(error)}"
            return KafkaRejected(words, fix=fix)
    if isinstance(error, _UNAVAILABLE):
        words = f"no answer from Kafka at {kafka.bootstrap} while {doing}: {_named(error)}"
        return KafkaUnavailable(words, fix=_SET_ADDRESS)
    return KafkaRejected(f"{kafka.bootstrap} refused {doing}: {_named(error)}")


def _named(error: BaseException) -> str:
    """The error in words: "message size too large" for MessageSizeTooLargeError."""
    name = type(error).__name__.removesuffix("Error")
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
    detail = str(error).removeprefix(type(error).__name__).strip(": ")
    return f"{words} ({detail})" if detail and len(detail) < 200 else words


def _addresses(kafka: KafkaSettings) -> list[str]:
    return [address.strip() for address in kafka.bootstrap.split(",")]


def _probe(kafka: KafkaSettings) -> None:
    """Raises KafkaUnavailable unless one of the addresses takes a connection.

    kafka-python waits without a deadline for a TLS handshake with a broker that does not speak
    TLS, and says only that it timed out where a name is unknown.
    """
    faults = []
    for address in _addresses(kafka):
        fault = _unreachable(kafka, address)
        if not fault:
            return
        faults.append(f"{address} {fault}")
    reasons = "; ".join(faults)
    raise KafkaUnavailable(
        f"no Kafka broker can be reached: {reasons}", fix=_way_to(kafka, reasons)
    )


def _way_to(kafka: KafkaSettings, reasons: str) -> str:
    if "certificate that is not trusted" in reasons:
        return "Set kafka.ca_file to the certificates of the CA that signed the brokers' (PEM)."
    if uses_tls(kafka):
        return f"{_SET_ADDRESS} kafka.security_protocol is {kafka.security_protocol}."
    return _SET_ADDRESS


def _unreachable(kafka: KafkaSettings, address: str) -> str:
    """What is wrong with the address, "" if nothing is."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), _PROBE_SECONDS) as plain:
            if uses_tls(kafka):
                tls(kafka).wrap_socket(plain, server_hostname=host).close()
    except OSError as error:
        return _fault(error)
    return ""


def _fault(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted ({error.verify_message})"
    for kind, words in _FAULTS:
        if isinstance(error, kind):
            return words
    return f"cannot be reached ({error.strerror or error})"


class _LastWords(logging.Handler):
    """Remembers the refusal that the client wrote to its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.refusal: errors.KafkaError | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for value in record.args if isinstance(record.args, tuple) else ():
            if isinstance(value, errors.BrokerResponseError) and not isinstance(
                value, errors.RetriableError
            ):
                self.refusal = value


@contextmanager
def _last_words() -> Iterator[_LastWords]:
    handler = _LastWords()
    logger = logging.getLogger("kafka")
    logger.addHandler(handler)
    try:
        yield handler
    finally:
        with suppress(ValueError):
            logger.removeHandler(handler)
