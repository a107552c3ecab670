"""The error tree.

Every error that a user can meet derives from `VocError` and carries the way out.  `retryable`
says whether the *identical* call may succeed later without anybody changing anything; the worker
retries exactly those and no others.  `exit_code` is what the command line ends with.

    VocError
    ├── ConfigError             settings contradict each other or cannot be read
    ├── ContractError           an event breaks its schema
    ├── ModelError              the model directory cannot be loaded
    ├── TaxonomyError           taxonomy.yaml is not usable
    ├── LocalStackError         a part of the embedded stack did not start or died
    ├── KafkaError
    │   ├── KafkaUnavailable    retryable: no broker answers
    │   └── KafkaRejected       the broker answered no
    │       └── EventTooLarge   the topic takes no event of this size
    └── WarehouseError
        ├── WarehouseUnavailable  retryable: no connection, timeout, overloaded, disk full
        ├── WarehouseRejected     the server refused the statement or a value in it
        └── RecreatedTopic        offsets start again below what is stored
"""

from __future__ import annotations

from typing import ClassVar


class VocError(Exception):
    """Base of all errors of the product.

    `message` says what happened, `fix` what the reader can do about it (one sentence).
    """

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n  {self.fix}" if self.fix else self.message


class ConfigError(VocError):
    """A setting is missing, malformed, or contradicts another one."""

    exit_code = 78  # EX_CONFIG


class ContractError(VocError):
    """An event does not fit its schema."""

    exit_code = 65  # EX_DATAERR


class ModelError(VocError):
    """A model directory is incomplete, damaged or of another taxonomy."""

    exit_code = 78


class TaxonomyError(VocError):
    """taxonomy.yaml or scales.yaml cannot be used."""

    exit_code = 78


class LocalStackError(VocError):
    """A part of the embedded stack did not start, died, or is already in use."""


class KafkaError(VocError):
    """Base of the errors of Kafka."""

    exit_code = 69  # EX_UNAVAILABLE


class KafkaUnavailable(KafkaError):
    """No broker answered in time."""

    retryable = True


class KafkaRejected(KafkaError):
    """The broker refused the request: unknown topic, too large, not authorised."""


class EventTooLarge(KafkaRejected):
    """The topic takes no event of this size; others may pass."""


class WarehouseError(VocError):
    """Base of the errors of ClickHouse."""

    exit_code = 69


class WarehouseUnavailable(WarehouseError):
    """No connection, a timeout, an overloaded server or a full disk: the same call may succeed."""

    retryable = True


class WarehouseRejected(WarehouseError):
    """The server refused the statement or a value in it; trying again cannot help."""

    def __init__(self, message: str, *, fix: str = "", code: int = 0) -> None:
        super().__init__(message, fix=fix)
        self.code = code


class RecreatedTopic(WarehouseError):
    """The topic's offsets start again below what the warehouse already holds."""
