from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.errors import ConfigError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("VOC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def _file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_command_line_beats_environment_beats_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = _file(tmp_path / "a.toml", '[kafka]\nbootstrap = "file:1"\nclient_id = "file"\n')
    monkeypatch.setenv("VOC_KAFKA__BOOTSTRAP", "env:2")
    assert settings.load(file).kafka.bootstrap == "env:2"
    assert settings.load(file).kafka.client_id == "file"
    over = {"kafka": {"bootstrap": "cli:3"}}
    assert settings.load(file, over).kafka.bootstrap == "cli:3"


def test_voc_toml_of_the_working_directory_is_read(tmp_path: Path) -> None:
    _file(tmp_path / "voc.toml", "[worker]\nblock_rows = 7\n")
    assert settings.load().worker.block_rows == 7


def test_short_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOC_KAFKA", "a:1,b:2")
    monkeypatch.setenv("VOC_CLICKHOUSE", "clickhouses://me:p%40ss@db.example/cx")
    loaded = settings.load()
    assert loaded.kafka.bootstrap == "a:1,b:2"
    house = loaded.warehouse
    assert (house.host, house.port, house.secure) == ("db.example", 9440, True)
    assert (house.user, house.password.get_secret_value(), house.database) == ("me", "p@ss", "cx")


def test_the_long_form_beats_the_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOC_CLICKHOUSE", "clickhouse://h:1/x")
    monkeypatch.setenv("VOC_WAREHOUSE__DATABASE", "y")
    assert settings.load().warehouse.database == "y"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("VOC_KAFKA", "nonsense", "kafka.bootstrap"),
        ("VOC_KAFKA__SECURITY_PROTOCOL", "sasl_ssl", "kafka.username"),
        ("VOC_KAFKA__USERNAME", "me", "security_protocol"),
        ("VOC_KAFKA__CERT_FILE", "x.pem", "go together"),
        ("VOC_KAFKA__CA_FILE", "ca.pem", "ssl or sasl_ssl"),
        ("VOC_KAFKA__BOOTSTRP", "x:1", "bootstrp"),
        ("VOC_KAFK", "x:1", "VOC_KAFK"),
        ("VOC_CLICKHOUSE", "http://h", "clickhouse://"),
        ("VOC_WAREHOUSE__CA_FILE", "ca.pem", "secure"),
        ("VOC_WAREHOUSE__DATABASE", "a b", "warehouse.database"),
        ("VOC_WAREHOUSE__INSERT_TIMEOUT", "60", "worker.drain"),
        ("VOC_WORKER__DRAIN", "61", "rebalance_timeout"),
        ("VOC_WORKER__HEARTBEAT", "44", "session_timeout"),
        ("VOC_GATEWAY__BURST", "10", "max_items"),
        ("VOC_LOG__LEVEL", "loud", "log.level"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        settings.load()
    assert told in str(caught.value)


@pytest.mark.parametrize("protocol", ["plaintext", "sasl_plaintext"])
@pytest.mark.parametrize("files", [["ca_file"], ["cert_file", "key_file"]])
def test_certificates_without_encryption_are_refused(protocol: str, files: list[str]) -> None:
    given = {"security_protocol": protocol, **dict.fromkeys(files, "x.pem")}
    if protocol == "sasl_plaintext":
        given |= {"username": "voc", "password": "hush"}
    with pytest.raises(ConfigError, match=f"security_protocol is {protocol}, without encryption"):
        settings.load(overrides={"kafka": given})
    safe = protocol.replace("plaintext", "ssl")
    assert settings.load(overrides={"kafka": {**given, "security_protocol": safe}})


@pytest.mark.parametrize(
    "address",
    [
        "http://voc:hush@ch:8123/voc",
        "clickhouse://voc:hu/sh@ch:9000/voc",
        "clickhouse://voc:hu#sh@ch:9000/voc",
        "clickhouse://voc:hu[sh@ch:9000/voc",
        "clickhouse://voc:4711/sh@ch:9000/voc",
        "clickhouse://voc:4711?sh@ch:9000/voc",
        "clickhouse://voc:hush@ch:90000/voc",
        "clickhouse://voc:hush@ch:port/voc",
        "clickhouse://voc:hush@/voc",
        "voc:hu/sh@ch:9000",
    ],
)
def test_a_malformed_address_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("VOC_CLICKHOUSE", address)
    with pytest.raises(ConfigError, match="percent-encoded") as caught:
        settings.load()
    shown = "".join(traceback.format_exception(caught.value, limit=0)) + str(caught.value)
    for part in ("hu", "sh@", "4711"):
        assert part not in shown


def test_a_file_that_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        settings.load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="not TOML"):
        settings.load(_file(tmp_path / "b.toml", "= 3"))


def test_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="16 bytes"):
        settings.secret_of(settings.load())
    monkeypatch.setenv("VOC_PRIVACY__SECRET", "0123456789abcdef")
    assert settings.secret_of(settings.load()) == b"0123456789abcdef"
    monkeypatch.setenv("VOC_PRIVACY__SECRET_FILE", str(tmp_path / "s"))
    with pytest.raises(ConfigError, match="exclude each other"):
        settings.load()
    monkeypatch.delenv("VOC_PRIVACY__SECRET")
    with pytest.raises(ConfigError, match="cannot read"):
        settings.secret_of(settings.load())
    _file(tmp_path / "s", "0123456789abcdef0\n")
    assert settings.secret_of(settings.load()) == b"0123456789abcdef0"


def test_a_list_that_is_not_json_is_refused_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOC_GATEWAY__TOKENS", "a-token-without-brackets")
    with pytest.raises(ConfigError) as caught:
        settings.load()
    assert "VOC_GATEWAY__" in caught.value.message
    assert "JSON" in (caught.value.fix or "")
    assert "a-token" not in f"{caught.value.message}{caught.value.fix}"
