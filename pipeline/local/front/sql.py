"""What kind of statement a text is: just enough of the language to route it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from pipeline.local.front.errors import SUPPORT_IS_DISABLED, SYNTAX_ERROR, ServerError

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+|--[^\n]*|\#[!\s][^\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<number>\d[\w.]*)
    | (?P<symbol>.)
    """,
    re.VERBOSE | re.DOTALL,
)

_BREAKING_ENGINES = {"KAFKA", "RABBITMQ", "NATS", "S3QUEUE", "AZUREQUEUE", "FILELOG"}
"""Engines that chDB cannot run and whose failed CREATE leaves metadata that no start survives."""

_READS = {"SELECT", "WITH", "FROM", "("}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement; `text` is upper case for words that are not quoted."""

    kind: str
    text: str
    start: int
    end: int


class Kind(Enum):
    """How a statement is carried out."""

    READ = auto()
    """streams blocks"""
    INSERT = auto()
    """takes blocks from the client"""
    SET = auto()
    """changes the session"""
    OTHER = auto()
    """runs as a whole; its answer, if any, is small"""


@dataclass(frozen=True, slots=True)
class Statement:
    """A classified statement, without what follows the query in the text (FORMAT, `;`)."""

    kind: Kind
    sql: str
    insert: InsertTarget | None = None
    assigns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class InsertTarget:
    """`INSERT INTO table (columns) SETTINGS ...`, the pieces as SQL text.

    `names` is None where the statement lists no columns; `expression` holds a list that is not
    made of plain names (`* EXCEPT (a)`).
    """

    table: str
    names: tuple[str, ...] | None
    expression: str
    settings: str

    @property
    def sql(self) -> str:
        """The head of the statement; the data follow it.

        Names are quoted: it reads an unquoted `n.a` as an element of a column `n`.
        """
        listed = self.expression or ", ".join(quote(name) for name in self.names or ())
        columns = f" ({listed})" if listed else ""
        return f"INSERT INTO {self.table}{columns} {self.settings}".rstrip()


def quote(name: str) -> str:
    """A name as a quoted identifier."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def unquote(text: str) -> str:
    """The name that a quoted identifier stands for."""
    if text[:1] not in '`"':
        return text
    mark = text[0]
    return re.sub(r"\\(.)", r"\1", text[1:-1].replace(mark * 2, mark))


def tokens(sql: str) -> Iterator[Token]:
    """The tokens of `sql` without blanks and comments."""
    for found in _TOKEN.finditer(sql):
        kind = str(found.lastgroup)
        if found["tag"] is not None:
            kind = "heredoc"
        if kind != "blank":
            text = found[0].upper() if kind == "word" else found[0]
            yield Token(kind, text, found.start(), found.end())


def classify(sql: str) -> Statement:
    """Decides how to carry out `sql`.

    Raises ServerError for an empty text, for several statements at once, and for engines that
    would make the data folder unopenable.
    """
    first = next(tokens(sql), None)
    if first is None:
        raise ServerError(SYNTAX_ERROR, "Empty query")
    if first.text == "INSERT":
        return _insert(sql)
    parts = _single(sql)
    sql = sql[: parts[-1].end]
    if first.text in _READS:
        return Statement(Kind.READ, _without_format(sql, parts))
    _refuse_breaking_engines(first, parts)
    if first.text == "SET" and len(parts) > 2 and parts[2].text == "=":
        return Statement(Kind.SET, sql, assigns=tuple(_assignments(sql, parts[1:])))
    return Statement(Kind.OTHER, sql)


def _single(sql: str) -> list[Token]:
    parts = list(tokens(sql))
    while parts and parts[-1].text == ";":
        parts.pop()
    if not parts:
        raise ServerError(SYNTAX_ERROR, "Empty query")
    if any(part.kind == "symbol" and part.text == ";" for part in parts):
        raise ServerError(SYNTAX_ERROR, "Multi-statements are not allowed")
    return parts


def _without_format(sql: str, parts: list[Token]) -> str:
    """Cuts `FORMAT Name`: over this protocol the client formats, the server sends blocks."""
    depth = 0
    for at, part in enumerate(parts):
        depth += {"(": 1, ")": -1}.get(part.text, 0) if part.kind == "symbol" else 0
        if depth or part.text != "FORMAT" or part.kind != "word" or not 0 < at < len(parts) - 1:
            continue
        rest = parts[at + 2 :]
        if parts[at + 1].kind == "word" and (not rest or rest[0].text == "SETTINGS"):
            return sql[: part.start] + sql[parts[at + 1].end :]
    return sql


def _refuse_breaking_engines(first: Token, parts: list[Token]) -> None:
    if first.text not in ("CREATE", "ATTACH", "REPLACE"):
        return
    for at, part in enumerate(parts):
        if part.text == "ENGINE" and part.kind == "word":
            named = [p for p in parts[at + 1 : at + 3] if p.text != "="][:1]
            name = unquote(named[0].text).upper() if named else ""
            if name in _BREAKING_ENGINES:
                raise ServerError(
                    SUPPORT_IS_DISABLED,
                    f"ENGINE = {name} does not exist in the local warehouse, and a failed attempt "
                    "would make its data folder unopenable; use a ClickHouse server for it",
                )


def _assignments(sql: str, parts: list[Token]) -> Iterator[tuple[str, str]]:
    """`SET a = 1, b = 'x'` -> ("a", "1"), ("b", "'x'")."""
    starts = [
        at
        for at in range(len(parts) - 1)
        if parts[at + 1].text == "=" and (at == 0 or parts[at - 1].text == ",")
    ]
    for at, following in zip(starts, [*starts[1:], None], strict=True):
        last = parts[following - 2] if following is not None else parts[-1]
        name = sql[parts[at].start : parts[at].end]
        yield unquote(name), sql[parts[at + 1].end : last.end].strip()


def _insert(sql: str) -> Statement:
    """Data follow from the client if nothing follows VALUES or FORMAT in the text.

    Reads only the head: an INSERT with inline data may be megabytes long.
    """
    head = _Head(sql)
    target = head.target()
    word = head.current
    if target is None:
        return Statement(Kind.OTHER, sql[: _single(sql)[-1].end])
    if word is not None and word.text == "FORMAT" and word.kind == "word":
        head.step()
        word = head.current
    elif word is not None and word.text != "VALUES":
        return Statement(Kind.OTHER, sql[: _single(sql)[-1].end])
    if word is not None:
        head.step()
    while head.current is not None and head.current.text == ";":
        head.step()
    if head.current is not None:
        return Statement(Kind.OTHER, sql)
    return Statement(Kind.INSERT, sql, insert=target)


class _Head:
    """Walks through `INSERT INTO [TABLE] [FUNCTION] name [(columns)] [SETTINGS ...]`."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens = tokens(sql)
        self.current = next(self._tokens, None)

    def step(self) -> None:
        self.current = next(self._tokens, None)

    def _at(self, *texts: str) -> bool:
        return self.current is not None and self.current.text in texts

    def target(self) -> InsertTarget | None:
        """None where a query in brackets follows the table."""
        self.step()
        while self._at("INTO", "TABLE"):
            self.step()
        table = self._table()
        names: tuple[str, ...] | None = None
        expression = ""
        if self._at("("):
            listed = self._columns()
            if listed is None:
                return None
            names, expression = listed
        return InsertTarget(table, names, expression, self._settings())

    def _table(self) -> str:
        if self.current is None:
            raise ServerError(SYNTAX_ERROR, "INSERT without a table")
        start = self.current.start
        if self._at("FUNCTION"):
            self.step()
            self.step()
            return self._sql[start : self._bracket().end]
        end = self.current.end
        self.step()
        while self._at("."):
            self.step()
            end = self.current.end if self.current else end
            self.step()
        return self._sql[start:end]

    def _bracket(self) -> Token:
        """Moves past a bracket pair; the closing token."""
        depth = 0
        while self.current is not None:
            token = self.current
            if token.kind == "symbol":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            self.step()
            if depth <= 0:
                return token
        raise ServerError(SYNTAX_ERROR, "a bracket is not closed")

    def _columns(self) -> tuple[tuple[str, ...] | None, str] | None:
        start = self.current.end if self.current else 0
        text = self._sql[start : self._bracket().start].strip()
        names: list[str] = [""]
        first = next(tokens(text), None)
        if first is not None and first.text in ("SELECT", "WITH"):
            return None
        for token in tokens(text):
            if token.text == ",":
                names.append("")
            elif token.kind in ("word", "quoted") or token.text == ".":
                names[-1] += unquote(text[token.start : token.end])
            else:
                return None, text
        return tuple(names), ""

    def _settings(self) -> str:
        if not self._at("SETTINGS"):
            return ""
        start = end = self.current.start if self.current else 0
        while self.current is not None and not self._at("VALUES", "FORMAT", "SELECT", "WITH", "("):
            end = self.current.end
            self.step()
        return self._sql[start:end]
