from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest

from pipeline.contract import FieldError
from pipeline.errors import EventTooLarge, KafkaUnavailable, VocError
from pipeline.sources import Checked, Loader, Outcome, RejectsFile, SourceError

Settled = Callable[[VocError | None], None]


@dataclass
class Broker:
    """Confirms when it is flushed; `broken` maps a key to the error it gets."""

    broken: dict[bytes, VocError] = field(default_factory=dict)
    silent: set[bytes] = field(default_factory=set)
    sent: list[bytes] = field(default_factory=list)
    open: list[tuple[bytes, Settled]] = field(default_factory=list)

    def send(self, key: bytes, event: bytes, settled: Settled) -> None:
        self.sent.append(key)
        self.open.append((key, settled))
        if key in self.broken:
            self.flush()

    def flush(self) -> None:
        waiting, self.open = self.open, []
        for key, settled in waiting:
            if key not in self.silent:
                settled(self.broken.get(key))
        if self.silent & set(self.sent):
            raise KafkaUnavailable("did not confirm")


def _records(count: int, bad: set[int] = frozenset()) -> Iterator[Checked]:  # type: ignore[assignment]
    for line in range(1, count + 1):
        errors = (FieldError("ratings[3].value", f"ratings[{line}].value is bad"),)
        good = Checked(line, b"raw", b"{}", b"%d" % line)
        yield Checked(line, b"raw", errors=errors) if line in bad else good


def _load(broker: Broker, records: Iterator[Checked], **more: object) -> tuple[Outcome, Loader]:
    rejects: list[Checked] = []
    loader = Loader(send=broker.send, flush=broker.flush, reject=rejects.append, **more)  # type: ignore[arg-type]
    outcome = loader.load("x", records, lambda outcome: None)
    assert len(rejects) == outcome.rejected
    return outcome, loader


def test_everything_confirmed_is_accepted() -> None:
    outcome, _ = _load(Broker(), _records(1200))
    assert (outcome.accepted, outcome.rejected, outcome.unconfirmed) == (1200, 0, 0)
    assert outcome.finished


def test_rejects_are_counted_by_reason_with_their_first_lines() -> None:
    outcome, _ = _load(Broker(), _records(20, bad=set(range(3, 11))))
    assert (outcome.accepted, outcome.rejected) == (12, 8)
    ((message, reason),) = outcome.reasons.items()
    assert message == "ratings[].value is bad"
    assert (reason.count, reason.lines) == (8, [3, 4, 5, 6, 7])


def test_a_lost_broker_stops_the_loading_at_the_first_lost_line() -> None:
    lost = {b"%d" % n: KafkaUnavailable("gone") for n in range(501, 2000)}
    broker = Broker(broken=lost)
    outcome, _ = _load(broker, _records(2000))
    assert isinstance(outcome.error, KafkaUnavailable)
    assert (outcome.accepted, outcome.next_line) == (500, 501)
    assert len(broker.sent) < 1000, "it went on sending to a lost broker"


def test_what_was_never_confirmed_is_told_apart() -> None:
    outcome, _ = _load(Broker(silent={b"7", b"9"}), _records(10))
    assert (outcome.accepted, outcome.unconfirmed, outcome.next_line) == (8, 2, 7)
    assert isinstance(outcome.error, KafkaUnavailable)


def test_an_event_too_large_for_the_topic_is_a_reject_and_the_rest_goes_on() -> None:
    outcome, _ = _load(Broker(broken={b"3": EventTooLarge("too large")}), _records(10))
    assert (outcome.accepted, outcome.rejected) == (9, 1)
    assert outcome.finished


def test_stopping_waits_for_what_was_sent_and_says_where_to_go_on() -> None:
    broker = Broker()

    def records(loader: list[Loader]) -> Iterator[Checked]:
        for checked in _records(100):
            if checked.line == 40:
                loader[0].stopping = True
            yield checked

    held: list[Loader] = []
    loader = Loader(send=broker.send, flush=broker.flush, reject=lambda checked: None)
    held.append(loader)
    outcome = loader.load("x", records(held), lambda outcome: None)
    assert (outcome.accepted, outcome.next_line) == (40, 41)


def test_an_interrupt_while_reading_ends_cleanly() -> None:
    def records() -> Iterator[Checked]:
        yield from _records(5)
        raise KeyboardInterrupt

    outcome, loader = _load(Broker(), records())
    assert loader.stopping
    assert (outcome.accepted, outcome.next_line) == (5, 6)


def test_a_source_that_breaks_off_keeps_what_was_sent() -> None:
    def records() -> Iterator[Checked]:
        yield from _records(5)
        raise SourceError("damaged")

    outcome, _ = _load(Broker(), records())
    assert isinstance(outcome.error, SourceError)
    assert (outcome.accepted, outcome.next_line) == (5, 6)


def test_a_source_that_cannot_be_read_at_all_has_nowhere_to_go_on() -> None:
    def records() -> Iterator[Checked]:
        raise SourceError("binary")
        yield

    outcome, _ = _load(Broker(), records())
    assert outcome.next_line == 0


def test_a_dry_run_sends_nothing() -> None:
    loader = Loader(send=None, flush=lambda: None, reject=lambda checked: None)
    outcome = loader.load("x", _records(10, bad={2}), lambda outcome: None)
    assert (outcome.accepted, outcome.rejected) == (9, 1)


def test_the_rejects_file_keeps_the_line_its_number_and_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    for raw in ("원문".encode(), b"\xff"):
        with RejectsFile(path) as rejects:
            rejects.write("a.csv", Checked(7, raw, errors=(FieldError("text", "text is bad"),)))
            assert path.read_bytes().endswith(b"\n"), "not there before the file is closed"
    first, second = (orjson.loads(line) for line in path.read_bytes().splitlines())
    assert first["original"] == "원문"
    assert (first["file"], first["line"]) == ("a.csv", 7)
    assert first["errors"] == [{"field": "text", "message": "text is bad"}]
    assert second["original_base64"] == "/w=="


def test_a_rejects_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be written"):
        RejectsFile(tmp_path / "none" / "rejects.jsonl")
