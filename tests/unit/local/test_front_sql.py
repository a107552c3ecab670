"""Routing of statements, and settings that last one query."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.local.front.errors import (
    SUPPORT_IS_DISABLED,
    SYNTAX_ERROR,
    UNKNOWN_SETTING,
    ServerError,
)
from pipeline.local.front.packets import Setting
from pipeline.local.front.settings import SessionSettings
from pipeline.local.front.sql import Kind, classify, quote, tokens, unquote


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT 1", Kind.READ),
        ("  -- a comment\n /* SELECT */ with x as (select 1) select * from x", Kind.READ),
        ("(SELECT 1) UNION ALL (SELECT 2);", Kind.READ),
        ("FROM t SELECT a", Kind.READ),
        ("SELECT ';', '--', `a;b`, \"c;d\" FROM t; ;", Kind.READ),
        ("SELECT $$it's; here$$", Kind.READ),
        ("SET max_threads = 2", Kind.SET),
        ("SET ROLE admin", Kind.OTHER),
        ("SHOW TABLES", Kind.OTHER),
        ("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a", Kind.OTHER),
        ("INSERT INTO t VALUES", Kind.INSERT),
        ("insert into t (a, `b c`) format Native", Kind.INSERT),
        ("INSERT INTO t VALUES (1, 'x')", Kind.OTHER),
        ("INSERT INTO t SELECT 1", Kind.OTHER),
        ("INSERT INTO t (a) SELECT 1", Kind.OTHER),
        ("INSERT INTO t (SELECT 1)", Kind.OTHER),
        ("INSERT INTO t (a) SETTINGS async_insert = 0 VALUES", Kind.INSERT),
        ("INSERT INTO FUNCTION file('x', 'CSV') VALUES", Kind.INSERT),
    ],
)
def test_statements_are_told_apart(sql: str, kind: Kind) -> None:
    assert classify(sql).kind is kind


@pytest.mark.parametrize("sql", ["", "  ", "-- only a comment", ";", ";;"])
def test_nothing_to_do_is_an_error(sql: str) -> None:
    with pytest.raises(ServerError) as caught:
        classify(sql)
    assert caught.value.code == SYNTAX_ERROR


@pytest.mark.parametrize("sql", ["SELECT 1; SELECT 2", "SHOW TABLES; DROP TABLE t"])
def test_one_statement_at_a_time(sql: str) -> None:
    with pytest.raises(ServerError, match="Multi-statements"):
        classify(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE k (a String) ENGINE = Kafka",
        "create table k (a String) engine=kafka('b', 't', 'g', 'JSONEachRow')",
        "CREATE TABLE k (a String) ENGINE Kafka SETTINGS x = 1",
        "ATTACH TABLE k (a String) ENGINE = `Kafka`",
        'CREATE TABLE k (a String) /* hi */ ENGINE = "RabbitMQ"',
        "CREATE OR REPLACE TABLE k (a String) ENGINE = S3Queue('x')",
    ],
)
def test_engines_that_ruin_the_folder_are_refused(sql: str) -> None:
    with pytest.raises(ServerError) as caught:
        classify(sql)
    assert caught.value.code == SUPPORT_IS_DISABLED


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'ENGINE = Kafka'",
        "CREATE TABLE t (engine String COMMENT 'ENGINE = Kafka') ENGINE = Memory",
        "CREATE TABLE kafka (a String) ENGINE = Memory",
    ],
)
def test_the_word_alone_harms_nobody(sql: str) -> None:
    classify(sql)


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("SELECT 1 FORMAT JSON", "SELECT 1"),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "SELECT 1  SETTINGS max_threads = 1"),
        ("SELECT format FROM t", "SELECT format FROM t"),
        ("SELECT 'FORMAT JSON'", "SELECT 'FORMAT JSON'"),
        ("SELECT format('{}', 1)", "SELECT format('{}', 1)"),
    ],
)
def test_the_format_is_the_clients_matter(sql: str, left: str) -> None:
    assert classify(sql).sql.strip() == left


@pytest.mark.parametrize(
    ("sql", "table", "names", "settings"),
    [
        ("INSERT INTO t VALUES", "t", None, ""),
        ("INSERT INTO TABLE db.t (a, b) VALUES", "db.t", ("a", "b"), ""),
        ("INSERT INTO `d b`.`t` (`a b`, n.x) VALUES;", "`d b`.`t`", ("a b", "n.x"), ""),
        (
            "INSERT INTO t (a) SETTINGS insert_deduplication_token = 'x' VALUES",
            "t",
            ("a",),
            "SETTINGS insert_deduplication_token = 'x'",
        ),
    ],
)
def test_where_an_insert_goes(
    sql: str, table: str, names: tuple[str, ...] | None, settings: str
) -> None:
    target = classify(sql).insert
    assert target is not None
    assert (target.table, target.names, target.settings) == (table, names, settings)


def test_a_list_of_columns_that_is_an_expression_is_kept() -> None:
    target = classify("INSERT INTO t (* EXCEPT (a)) VALUES").insert
    assert target is not None
    assert target.names is None
    assert target.sql == "INSERT INTO t (* EXCEPT (a))"


@given(st.text(min_size=1))
def test_quoted_names_come_back(name: str) -> None:
    quoted = quote(name)
    assert unquote(quoted) == name
    assert [token.kind for token in tokens(quoted)] == ["quoted"]


@given(st.text(max_size=80))
def test_any_text_is_taken_apart_completely(sql: str) -> None:
    end = 0
    for token in tokens(sql):
        assert token.start >= end
        assert sql[token.start : token.end].upper() == token.text.upper()
        end = token.end


@given(st.text("SELECTINOabc();'`\"-/*,. =\n", max_size=60))
def test_any_text_is_classified_or_refused(sql: str) -> None:
    with suppress(ServerError):
        assert classify(sql).kind in Kind


def test_several_settings_in_one_statement() -> None:
    statement = classify("SET a = 1, `b` = 'x, y = 2', c = DEFAULT")
    assert statement.assigns == (("a", "1"), ("b", "'x, y = 2'"), ("c", "DEFAULT"))


# --- settings of a query


class FakeSession:
    """Keeps what it is told, as the engine's session does; knows only some settings."""

    KNOWN = frozenset({"a", "b", "c"})

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.calls = 0

    def run(self, sql: str) -> bytes:
        self.calls += 1
        name, _, value = sql.removeprefix("SET ").partition(" = ")
        if name not in self.KNOWN:
            raise ServerError(UNKNOWN_SETTING, f"Unknown setting {name}")
        if value == "'bad'":
            raise ServerError(72, "cannot parse")
        if value == "DEFAULT":
            self.values.pop(name, None)
        else:
            self.values[name] = value
        return b""


def _settings(session: FakeSession, **base: str) -> SessionSettings:
    return SessionSettings(session, base)  # type: ignore[arg-type]


queries = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.text("xy'\\", max_size=3), max_size=3), max_size=8
)


@given(queries)
def test_every_query_has_its_own_settings_and_the_base(asked: list[dict[str, str]]) -> None:
    session = FakeSession()
    settings = _settings(session, a="'base'")
    for query in asked:
        settings.for_query({name: Setting(value) for name, value in query.items()})
        escaped = {
            name: "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
            for name, value in query.items()
        }
        assert session.values == {"a": "'base'"} | escaped


def test_the_same_settings_again_cost_nothing() -> None:
    session = FakeSession()
    settings = _settings(session)
    settings.for_query({"a": Setting("1"), "unknown": Setting("1")})
    calls = session.calls
    settings.for_query({"a": Setting("1"), "unknown": Setting("1")})
    assert session.calls == calls


def test_an_unknown_setting_matters_only_if_it_is_important() -> None:
    settings = _settings(FakeSession())
    settings.for_query({"nothing": Setting("1")})
    with pytest.raises(ServerError) as caught:
        settings.for_query({"other": Setting("1", important=True)})
    assert caught.value.code == UNKNOWN_SETTING


def test_a_refused_value_is_an_error_and_the_next_query_is_clean() -> None:
    session = FakeSession()
    settings = _settings(session)
    with pytest.raises(ServerError):
        settings.for_query({"b": Setting("2"), "a": Setting("bad")})
    settings.for_query({})
    assert session.values == {}


@pytest.mark.parametrize("name", ["a = 1; DROP TABLE t", "a b", "1a", ""])
def test_a_name_is_no_place_for_sql(name: str) -> None:
    session = FakeSession()
    with pytest.raises(ServerError):
        _settings(session).for_query({name: Setting("1", important=True)})
    assert session.calls == 0


def test_set_lasts() -> None:
    session = FakeSession()
    settings = _settings(session)
    session.run("SET a = 5")
    settings.remember((("a", "5"),))
    settings.for_query({"a": Setting("6")})
    assert session.values == {"a": "'6'"}
    settings.for_query({})
    assert session.values == {"a": "5"}
    session.run("SET a = DEFAULT")
    settings.remember((("a", "DEFAULT"),))
    settings.for_query({})
    assert session.values == {}
