"""One typed tree of settings: defaults, then a TOML file, then `VOC_…` environment variables.

Nested names are joined by two underscores: `VOC_KAFKA__BOOTSTRAP`.  Two short forms exist because
everybody needs them: `VOC_KAFKA=host:port[,host:port]` and
`VOC_CLICKHOUSE=clickhouse[s]://user:password@host:port/database`.

Everything is validated before anything starts; settings that contradict each other are refused.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from pipeline.errors import ConfigError

Port = Annotated[int, Field(ge=0, le=65535)]
WATCHED = ("topic", "channel", "language", "product", "region")
"""Dimensions of the hourly rollups."""

Seconds = Annotated[float, Field(gt=0, le=86400)]

DEFAULT_FILE = Path("voc.toml")
"""Read from the working directory when neither `--config` nor VOC_CONFIG names a file."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Topics(_Section):
    """Names of the Kafka topics."""

    contacts: str = Field("contacts.v1", description="contact events, one per contact")
    volumes: str = Field("volumes.v1", description="business volumes that rates are divided by")
    initiatives: str = Field("initiatives.v1", description="actions that somebody owns")
    dead: str = Field("contacts.dead.v1", description="events that could not be processed")
    replays: str = Field(
        "contacts.dead.replays.v1", description="which dead letters were put back, and when"
    )
    alerts: str = Field("alerts.v1", description="complaint spikes, opened, updated and closed")


class KafkaSettings(_Section):
    """Where the brokers are and how to talk to them."""

    bootstrap: str = Field("localhost:9092", description="brokers, `host:port` joined by commas")
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext", description="encryption and authentication of the connection"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="used when the protocol is a sasl one"
    )
    username: str = Field("", description="SASL user")
    password: SecretStr = Field(SecretStr(""), description="SASL password")
    ca_file: Path | None = Field(None, description="CA certificates, PEM; system store when unset")
    cert_file: Path | None = Field(None, description="client certificate, PEM")
    key_file: Path | None = Field(None, description="client key, PEM")
    client_id: str = Field("voc", description="shown in the broker's logs and quotas")
    partitions: int = Field(8, ge=1, le=10_000, description="of the topics that voc creates")
    replication: int = Field(1, ge=1, le=10, description="of the topics that voc creates")
    retention_days: float = Field(14, gt=0, description="of the topics that voc creates")
    compression: Literal["gzip", "lz4", "zstd", "snappy", "none"] = Field(
        "gzip", description="of what voc sends; all but gzip and none need their codec installed"
    )
    topics: Topics = Topics()

    @field_validator("bootstrap")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            host, _, port = address.strip().rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{address.strip()!r} is not host:port")
        return value

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        sasl = self.security_protocol.startswith("sasl")
        if sasl and not (self.username and self.password.get_secret_value()):
            raise ValueError(f"{self.security_protocol} needs kafka.username and kafka.password")
        if not sasl and self.username:
            raise ValueError("kafka.username is set, but security_protocol is not a sasl one")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("kafka.cert_file and kafka.key_file go together")
        if "ssl" not in self.security_protocol and (self.ca_file or self.cert_file):
            # Whoever gives certificates means encryption: never send customers' texts without it.
            raise ValueError(
                "kafka.ca_file or kafka.cert_file is set, but kafka.security_protocol is"
                f" {self.security_protocol}, without encryption: use ssl or sasl_ssl"
            )
        return self


class WarehouseSettings(_Section):
    """Where ClickHouse is and how long it keeps what."""

    host: str = Field("localhost", description="ClickHouse host")
    port: Port = Field(9000, description="native protocol; 9440 is usual with TLS")
    database: str = Field("voc", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="database name")
    user: str = Field("default", description="ClickHouse user")
    password: SecretStr = Field(SecretStr(""), description="its password")
    secure: bool = Field(default=False, description="TLS")
    verify: bool = Field(default=True, description="check the server's certificate")
    ca_file: Path | None = Field(None, description="CA certificates, PEM")
    cluster: str = Field("", description="cluster name; turns tables into Replicated + Distributed")
    connect_timeout: Seconds = Field(5, description="seconds until a connection attempt fails")
    query_timeout: Seconds = Field(60, description="seconds until a query fails")
    insert_timeout: Seconds = Field(
        15, description="seconds the server may work on one block; shorter than worker.drain"
    )
    retention_days: int = Field(730, ge=0, description="contacts older than this go; 0 keeps all")
    duplicate_days: int = Field(
        30, ge=0, description="a contact_id seen again within these days is not stored twice"
    )

    @model_validator(mode="after")
    def _tls(self) -> Self:
        if self.ca_file and not self.secure:
            raise ValueError("warehouse.ca_file is set, but warehouse.secure is false")
        return self


class WorkerSettings(_Section):
    """The stream processor."""

    group: str = Field("voc-worker", description="Kafka consumer group; one per deployment")
    topic_epoch: int = Field(
        1, ge=1, description="raise by one after a topic was deleted and created anew on purpose"
    )
    block_rows: int = Field(2048, ge=1, le=100_000, description="contacts read together at most")
    block_wait: Seconds = Field(0.25, description="seconds to wait for a fuller block")
    drain: Seconds = Field(25, description="seconds to finish blocks on shutdown or rebalance")
    session_timeout: Seconds = Field(45, description="seconds until a silent worker is dead")
    rebalance_timeout: Seconds = Field(60, description="seconds a rebalance may take")
    heartbeat: Seconds = Field(3, description="seconds between heartbeats")
    commit_interval: Seconds = Field(2.8, description="seconds between offset commits")
    poll_records: int = Field(5000, ge=1, description="records fetched at once")
    buffer: int = Field(4096, ge=1, description="events waiting in memory at most")
    stall: Seconds = Field(120, description="seconds without progress until /healthz fails")
    host: str = Field("127.0.0.1", description="address of /metrics, /healthz and /readyz")
    port: Port = Field(9101, description="its port; 0 takes a free one")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.drain >= self.rebalance_timeout:
            raise ValueError(
                f"worker.drain ({self.drain:g} s) must be shorter than worker.rebalance_timeout"
                f" ({self.rebalance_timeout:g} s): blocks must be done before they are revoked"
            )
        if self.heartbeat * 2 > self.session_timeout:
            raise ValueError("worker.heartbeat must be at most half of worker.session_timeout")
        return self


class ModelSettings(_Section):
    """What reads the clauses."""

    path: Path | None = Field(None, description="model directory; the shipped model when unset")
    engine: Literal["onnx", "torch"] = Field("onnx", description="torch needs the extra `torch`")
    threads: int = Field(0, ge=0, le=256, description="CPU threads; 0 takes one per core")
    cache: int = Field(20_000, ge=0, description="readings of repeated clauses kept in memory")
    labels: dict[str, Literal["negative", "neutral", "positive"]] = Field(
        default_factory=dict, description="label map of a foreign checkpoint (torch engine)"
    )


class PrivacySettings(_Section):
    """Masking and pseudonyms."""

    secret: SecretStr = Field(
        SecretStr(""), description="key of the customer hashes, 16 bytes or more; never change it"
    )
    secret_file: Path | None = Field(None, description="file that holds the key instead")
    patterns: dict[str, str] = Field(
        default_factory=dict, description="further things to mask: PLACEHOLDER = regular expression"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.secret.get_secret_value() and self.secret_file:
            raise ValueError("privacy.secret and privacy.secret_file exclude each other")
        return self


class GatewaySettings(_Section):
    """HTTP ingest."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Port = Field(8080, description="port; 0 takes a free one")
    tokens: list[SecretStr] = Field(
        default_factory=list, description="accepted bearer tokens, 16 characters or more"
    )
    max_body: int = Field(5 << 20, ge=1024, description="bytes of one request at most")
    max_items: int = Field(1000, ge=1, description="contacts of one request at most")
    rate: float = Field(500, gt=0, description="contacts per second and client, sustained")
    burst: int = Field(2000, ge=1, description="contacts a client may send at once")
    ack_timeout: Seconds = Field(10, description="seconds to wait for Kafka")
    read_timeout: Seconds = Field(30, description="seconds a request's body may take to arrive")
    memory: int = Field(
        64 << 20, ge=1024, description="bytes of the bodies being read at once; more get a 503"
    )

    @field_validator("tokens")
    @classmethod
    def _long_enough(cls, tokens: list[SecretStr]) -> list[SecretStr]:
        if any(len(token.get_secret_value()) < 16 for token in tokens):
            raise ValueError("a token has fewer than 16 characters: take `openssl rand -hex 32`")
        return tokens

    @model_validator(mode="after")
    def _burst(self) -> Self:
        if self.burst < self.max_items:
            raise ValueError("gateway.burst below gateway.max_items refuses every full request")
        if self.memory < self.max_body:
            raise ValueError("gateway.memory below gateway.max_body refuses every full request")
        return self


class WatchSettings(_Section):
    """Spikes and trailing figures."""

    interval: Seconds = Field(60, description="seconds between two looks at the warehouse")
    zone: str = Field("UTC", description="time zone of the company's day and week profile")
    holidays: list[date] = Field(
        default_factory=list, description="days with a profile of their own, as 2026-12-25"
    )
    slices: list[str] = Field(
        default_factory=lambda: [
            *("", "topic", "channel", "language", "product", "region"),
            *("topic,channel", "topic,product", "topic,region"),
        ],
        description="what is watched: dimensions joined by commas; the empty one is everything",
    )
    max_slices: int = Field(500, ge=1, description="slices watched at most, the busiest first")
    max_active: int = Field(50, ge=1, description="spikes exported as metrics at most")
    windows: list[int] = Field(
        default_factory=lambda: [1, 7, 28], description="days of the trailing figures"
    )
    repeat_days: int = Field(
        7, ge=1, le=90, description="a repeat within these days is no first-contact resolution"
    )
    host: str = Field("127.0.0.1", description="address of /metrics, /healthz and /readyz")
    port: Port = Field(9102, description="its port; 0 takes a free one")

    @field_validator("zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone, write one such as Asia/Seoul") from error
        return value

    @field_validator("slices")
    @classmethod
    def _slices(cls, value: list[str]) -> list[str]:
        for name in {name for each in value for name in each.split(",") if name}:
            if name not in WATCHED:
                raise ValueError(f"{name!r} is not watched, use {', '.join(WATCHED)}")
        return value


class LogSettings(_Section):
    """Log lines on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="threshold")
    format: Literal["text", "json"] = Field("text", description="json for log collectors")


class LocalSettings(_Section):
    """The embedded stack of `voc demo` and `voc up`."""

    data: Path = Field(Path(".voc"), description="folder of `voc up`; what it keeps between runs")


class Settings(BaseSettings):
    """The effective settings of a process."""

    model_config = SettingsConfigDict(
        env_prefix="VOC_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    kafka: KafkaSettings = KafkaSettings()
    warehouse: WarehouseSettings = WarehouseSettings()
    worker: WorkerSettings = WorkerSettings()
    model: ModelSettings = ModelSettings()
    privacy: PrivacySettings = PrivacySettings()
    gateway: GatewaySettings = GatewaySettings()
    watch: WatchSettings = WatchSettings()
    log: LogSettings = LogSettings()
    local: LocalSettings = LocalSettings()

    @model_validator(mode="after")
    def _fencing(self) -> Self:
        # A block that the server still works on after the partition went to another worker would
        # be stored beside that worker's own block: the insert has to end before the drain does.
        if self.warehouse.insert_timeout >= self.worker.drain:
            raise ValueError(
                f"warehouse.insert_timeout ({self.warehouse.insert_timeout:g} s) must be shorter"
                f" than worker.drain ({self.worker.drain:g} s)"
            )
        # The same for a worker that died in an insert: its partitions go to another one once the
        # session is over.
        if self.warehouse.insert_timeout >= self.worker.session_timeout:
            raise ValueError(
                f"warehouse.insert_timeout ({self.warehouse.insert_timeout:g} s) must be shorter"
                f" than worker.session_timeout ({self.worker.session_timeout:g} s)"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` merges file, environment and command line; nothing else is read."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


class _Environment(EnvSettingsSource):
    """`VOC_…` variables with the two short forms written out."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        found = {k.lower(): v for k, v in os.environ.items() if k.startswith("VOC_")}
        found.pop("voc_config", None)
        kafka, warehouse = found.pop("voc_kafka", None), found.pop("voc_clickhouse", None)
        short: dict[str, str | None] = {}
        if kafka:
            short["voc_kafka__bootstrap"] = kafka
        if warehouse:
            short.update(_from_url(warehouse))
        return {**short, **found}


def _split(url: str) -> tuple[SplitResult, int | None]:
    """The address and its port. Raises ConfigError, which shows nothing of it: a password may be
    anywhere in an address that is malformed, and urllib's own errors quote it.
    """
    try:
        parts = urlsplit(url if "://" in url else f"clickhouse://{url}")
        port = parts.port
    except ValueError:
        raise _no_address() from None
    # An "@" behind the host was to end a password with an unescaped "/", "?" or "#": what looks
    # like host and port is the user and the password's start.
    behind = parts.path + parts.query + parts.fragment
    if parts.scheme not in {"clickhouse", "clickhouses"} or not parts.hostname or "@" in behind:
        raise _no_address()
    return parts, port


def _no_address() -> ConfigError:
    return ConfigError(
        "VOC_CLICKHOUSE is not an address (not shown: it may hold a password)",
        fix="Write clickhouse://user:password@host:9000/database (clickhouses:// for TLS), the"
        " password percent-encoded: %2F for /, %40 for @, %23 for #.",
    )


def _from_url(url: str) -> dict[str, str | None]:
    parts, port = _split(url)
    secure = parts.scheme == "clickhouses"
    found: dict[str, str | None] = {
        "host": parts.hostname,
        "port": str(port or (9440 if secure else 9000)),
        "secure": str(secure).lower(),
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "database": parts.path.strip("/") or None,
    }
    return {f"voc_warehouse__{k}": v for k, v in found.items() if v is not None}


def load(file: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Reads the settings; `overrides` (from the command line) win over everything.

    Raises:
        ConfigError: a file that cannot be read, an unknown name, a wrong value, a contradiction.
    """
    _check_variables()
    path = file or _named_by_environment()
    values = _read(path) if path else {}
    values = _merge(values, _environment())
    try:
        return Settings(**_merge(values, overrides or {}))
    except ValidationError as error:
        raise ConfigError(
            _explain(error), fix="`voc config --reference` lists every setting."
        ) from error


def _environment() -> dict[str, Any]:
    """What `VOC_…` variables say. Raises ConfigError for one that is to be JSON and is not."""
    try:
        return dict(_Environment(Settings)())
    except SettingsError as error:
        # Only the group: the cause quotes the value, which may be a token.
        group = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "…")
        raise ConfigError(
            f"a variable VOC_{group.upper()}__… is not JSON",
            fix='Lists and tables are JSON: VOC_GATEWAY__TOKENS=\'["first", "second"]\'',
        ) from None


def _named_by_environment() -> Path | None:
    named = os.environ.get("VOC_CONFIG")
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", fix="Check --config.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if nested else value
    return merged


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in item["loc"])
        what = item["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {what}" if where else what)
    return "the settings cannot be used:\n  " + "\n  ".join(lines)


def _check_variables() -> None:
    """Refuses `VOC_…` variables that name no section: a typo must not be ignored."""
    sections = {f"VOC_{name.upper()}" for name in Settings.model_fields}
    known = sections | {"VOC_CONFIG", "VOC_CLICKHOUSE"}
    for name in os.environ:
        if name.startswith("VOC_") and name.split("__")[0] not in known:
            raise ConfigError(
                f"{name} names no setting", fix="`voc config --reference` lists every variable."
            )


def secret_of(settings: Settings) -> bytes:
    """The key of the customer hashes.

    Raises:
        ConfigError: no key, an unreadable file, or one shorter than 16 bytes.
    """
    privacy = settings.privacy
    try:
        text = (
            privacy.secret_file.read_text(encoding="utf-8").strip()
            if privacy.secret_file
            else privacy.secret.get_secret_value()
        )
    except OSError as error:
        raise ConfigError(f"cannot read {privacy.secret_file}: {error.strerror}") from error
    if len(text.encode()) < 16:
        raise ConfigError(
            "privacy.secret is missing or shorter than 16 bytes",
            fix='Set VOC_PRIVACY__SECRET="$(openssl rand -hex 32)" once and keep it: '
            "customers are recognised by it.",
        )
    return text.encode()
