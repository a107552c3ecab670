"""Sending files of events: what `voc send`, `voc volumes send` and `voc initiatives send` share."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from pipeline import settings
from pipeline.cli.console import complain, err, out, print_json
from pipeline.errors import VocError

if TYPE_CHECKING:
    from pipeline.sources import Kind, Loader, Options, Outcome, Source

CONFIRM_SECONDS = 60.0
BULK_LINGER_SECONDS = 0.25
"""Fuller batches where the machine is busy; the last ones do not wait for it."""
_SHOWN_REASONS = 8


@dataclass(frozen=True)
class Job:
    """What to send and how to report it."""

    files: Sequence[str]
    kind: Kind
    options: Options
    rejects: Path | None = None
    dry_run: bool = False
    rate: float = 0.0
    as_json: bool = False


def pairs(values: Sequence[str], option: str) -> dict[str, str]:
    """`["a=b"]` to `{"a": "b"}`. Raises typer.BadParameter for a text without `=`."""
    found = {}
    for value in values:
        # The scale of a rating stands before the sign too: rating.csat@satisfaction-1-5=score
        name, sign, other = value.partition("=")
        if not (sign and name.strip()):
            raise typer.BadParameter(f"{value!r} is not field=…", param_hint=option)
        found[name.strip()] = other.strip() if option == "--map" else other
    return found


def zone_of(name: str | None) -> ZoneInfo | None:
    """The time zone. Raises typer.BadParameter for an unknown one."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise typer.BadParameter(
            f"{name!r} is not a time zone: use one like Asia/Seoul", param_hint="--zone"
        ) from error


def run(job: Job, config: Path | None) -> None:
    """Sends the files, reports, and ends with the exit code that tells how it went."""
    from pipeline.sources import Loader, RejectsFile  # noqa: PLC0415 - jsonschema-rs

    started = time.monotonic()
    _refuse_missing(job.files)
    with ExitStack() as stack:
        rejects = stack.enter_context(RejectsFile(job.rejects)) if job.rejects else None
        send, flush = _producer(job, config, stack)
        current = [""]
        loader = Loader(
            send=send,
            flush=flush,
            reject=lambda checked: rejects.write(current[0], checked) if rejects else None,
            rate=job.rate,
        )
        stack.enter_context(_interruptible(loader))
        outcomes = _load_all(job, loader, current)
    _report(job, outcomes, time.monotonic() - started)
    code = _exit_code(outcomes, stopped=loader.stopping)
    if code:
        raise typer.Exit(code)


def _refuse_missing(files: Sequence[str]) -> None:
    """Raises SourceError for a file that is not there, before Kafka is asked for anything."""
    from pipeline.sources import open_source  # noqa: PLC0415 - jsonschema-rs

    for name in files:
        if name != "-" and not Path(name).exists():
            with open_source(name):
                pass


def _producer(job: Job, config: Path | None, stack: ExitStack) -> tuple[Any, Callable[[], None]]:
    """What sends and what waits; nothing at all in a dry run."""
    if job.dry_run:
        return None, lambda: None
    from pipeline.kafka import Message, Producer, hush, require_topics  # noqa: PLC0415 - slow

    hush()
    kafka = settings.load(config).kafka
    topic = getattr(kafka.topics, job.kind.topic)
    require_topics(kafka, [topic])
    producer = stack.enter_context(
        Producer(kafka, timeout=CONFIRM_SECONDS, linger=BULK_LINGER_SECONDS)
    )

    def send(key: bytes, event: bytes, settled: Callable[[VocError | None], None]) -> None:
        producer.dispatch(
            Message(topic, key, event),
            lambda result: settled(result if isinstance(result, VocError) else None),
        )

    return send, lambda: producer.flush(CONFIRM_SECONDS)


@contextmanager
def _interruptible(loader: Loader) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the loading cleanly; the second one does not wait."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        insists, loader.stopping = loader.stopping, True
        if insists or loader.reading:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _load_all(job: Job, loader: Loader, current: list[str]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    options = job.options
    with _progress(job) as bar:
        for name in job.files:
            current[0] = name
            outcomes.append(_load(job, loader, name, options, bar))
            if loader.stopping or outcomes[-1].error:
                break
            options = replace(options, first_line=1)
    return outcomes


def _load(job: Job, loader: Loader, name: str, options: Options, bar: _Bar) -> Outcome:
    from pipeline.sources import Outcome, check, open_source  # noqa: PLC0415 - jsonschema-rs

    try:
        with open_source(name) as source:
            records = check(source, job.kind, options, datetime.now(UTC))
            return loader.load(name, records, lambda outcome: bar.show(source, outcome))
    except VocError as error:
        return Outcome(name, error=error)


class _Bar:
    """The progress bar on stderr: bytes where the size is known, counts always."""

    def __init__(self, progress: Progress, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, counts="")
        self._before = 0
        self._last: tuple[str, int] = ("", 0)

    def show(self, source: Source, outcome: Outcome) -> None:
        if self._last[0] != source.name:
            self._before += self._last[1]
        self._last = (source.name, source.position())
        self._progress.update(
            self._task,
            completed=self._before + self._last[1],
            description=Path(source.name).name[:24],
            counts=f"{outcome.accepted:,} ok, {outcome.rejected:,} rejected",
        )


@contextmanager
def _progress(job: Job) -> Iterator[_Bar]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        DownloadColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield _Bar(progress, _total(job.files))


def _total(files: Sequence[str]) -> int | None:
    paths = [Path(name) for name in files]
    known = all(name != "-" and path.is_file() for name, path in zip(files, paths, strict=True))
    return sum(path.stat().st_size for path in paths) if known else None


def _exit_code(outcomes: Sequence[Outcome], *, stopped: bool) -> int:
    if stopped:
        return 130
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if errors:
        return errors[0].exit_code
    return 65 if any(outcome.rejected for outcome in outcomes) else 0


def _report(job: Job, outcomes: Sequence[Outcome], seconds: float) -> None:
    if job.as_json:
        print_json(_document(job, outcomes, seconds))
    else:
        for outcome in outcomes:
            _describe(job, outcome)
    for outcome in outcomes:
        if outcome.error:
            complain(outcome.error)
        if outcome.unconfirmed:
            err.print(
                f"{outcome.unconfirmed:,} events were sent but not confirmed; sent again, they"
                " count once.",
                style="yellow",
            )
    _hints(job, outcomes)


def _describe(job: Job, outcome: Outcome) -> None:
    if outcome.error and not (outcome.accepted or outcome.rejected):
        return
    word = "valid" if job.dry_run else "accepted"
    _line(f"{outcome.name}: {outcome.accepted:,} {word}, {outcome.rejected:,} rejected")
    ordered = sorted(outcome.reasons.items(), key=lambda item: -item[1].count)
    for message, reason in ordered[:_SHOWN_REASONS]:
        lines = ", ".join(f"{line}" for line in reason.lines)
        more = " …" if reason.count > len(reason.lines) else ""
        word = "line" if reason.count == 1 else "lines"
        _line(f"  {reason.count:>7,} × {message}")
        _line(f"            {word} {lines}{more}")
    if len(ordered) > _SHOWN_REASONS:
        _line(f"            and {len(ordered) - _SHOWN_REASONS} other reasons")


def _line(text: str) -> None:
    out.print(Text(text), soft_wrap=True)


def _hints(job: Job, outcomes: Sequence[Outcome]) -> None:
    reasons = [reason for outcome in outcomes for reason in outcome.reasons]
    if any("date and time with its zone" in reason for reason in reasons):
        _hint(
            "--zone Asia/Seoul (or another) is for times without a zone, --time-format for times"
            " in another order, such as %d/%m/%Y %H:%M."
        )
    if any(reason.startswith("contact_id is missing") for reason in reasons):
        _hint("--make-ids gives contacts without an id one made from their content.")
    if not any(o.accepted or o.rejected or o.error or o.next_line for o in outcomes):
        _hint("There was nothing in it.")
    if job.rejects and reasons:
        _hint(f"The rejected lines are in {job.rejects}.")
    last = outcomes[-1]
    if last.next_line:
        rest = " ".join([last.name, *job.files[len(outcomes) :]])
        _hint(f"To go on, repeat the command with: --from-line {last.next_line} {rest}")


def _hint(text: str) -> None:
    err.print(Text(text, style="yellow"))


def _document(job: Job, outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    return {
        "dry_run": job.dry_run,
        "accepted": sum(outcome.accepted for outcome in outcomes),
        "rejected": sum(outcome.rejected for outcome in outcomes),
        "unconfirmed": sum(outcome.unconfirmed for outcome in outcomes),
        "seconds": round(seconds, 3),
        "files": [
            {
                "name": outcome.name,
                "accepted": outcome.accepted,
                "rejected": outcome.rejected,
                "unconfirmed": outcome.unconfirmed,
                "next_line": outcome.next_line or None,
                "error": outcome.error.message if outcome.error else None,
                "reasons": [
                    {"message": message, "count": reason.count, "first_lines": reason.lines}
                    for message, reason in outcome.reasons.items()
                ],
            }
            for outcome in outcomes
        ],
    }
