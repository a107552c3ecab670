"""`voc dead`: events that could not be processed, and putting them back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from pipeline import settings
from pipeline.cli.console import err, out, print_json
from pipeline.cli.options import AsJson, ConfigFile
from pipeline.errors import KafkaError, KafkaUnavailable, VocError

if TYPE_CHECKING:
    from pipeline.contract import DeadLetter
    from pipeline.kafka.deadletters import Selection
    from pipeline.settings import KafkaSettings

app = typer.Typer(
    no_args_is_help=True, help="Events that could not be processed: list, show, replay."
)

Reason = Annotated[
    str, typer.Option(help="Only this reason: malformed_json, contract, too_large, analysis …")
]
Since = Annotated[
    str, typer.Option(metavar="TIME", help="Failed since: 2026-03-01, a time with zone, 6h, 2d.")
]
SourceTopic = Annotated[str, typer.Option("--topic", help="Only events of this source topic.")]
_UNITS = {"m": 60, "h": 3600, "d": 86400}


@app.command("list")
def list_letters(
    reason: Reason = "",
    since: Since = "",
    topic: SourceTopic = "",
    limit: Annotated[int, typer.Option(min=1, help="Show the newest so many.")] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List dead letters, newest last, with how many there are by reason.

    Examples:
        voc dead list
        voc dead list --reason contract --since 2d --json
    """
    kafka = _kafka(config)
    reasons, newest = Counter[str](), _Newest(limit)
    with _reading() as seen:
        for letter in _letters(kafka, _selection(reason=reason, since=since, topic=topic), seen):
            reasons[letter.reason_code.value] += 1
            newest.add(_summary(letter))
        replayed = _replayed(kafka)
    rows = [{**row, "replayed_at": _when(replayed.get(row["dead_id"]))} for row in newest.sorted()]
    if json:
        print_json({"total": sum(reasons.values()), "reasons": dict(reasons), "letters": rows})
        return
    _print_list(rows, reasons)


@app.command("show")
def show(
    dead_id: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    payload: Annotated[
        bool, typer.Option("--payload", help="Show the event too: it holds personal data.")
    ] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Show one dead letter: what was wrong, field by field, and where it came from.

    Examples:
        voc dead show 3f2a9c
        voc dead show 3f2a9c --payload
    """
    kafka = _kafka(config)
    with _reading() as seen:
        letter = _one(list(_letters(kafka, _selection(ids=[dead_id]), seen)), dead_id)
        replayed = _replayed(kafka).get(letter.dead_id)
    if payload:
        err.print("The event is not masked: it holds personal data.", style="yellow")
    details = {**_details(letter, with_payload=payload), "replayed_at": _when(replayed)}
    if json:
        print_json(details)
        return
    _print_details(details)


@app.command("replay")
def replay(
    ids: Annotated[list[str], typer.Option("--id", help="This letter; may be repeated.")] = [],  # noqa: B006 - typer copies it
    reason: Reason = "",
    since: Since = "",
    topic: SourceTopic = "",
    everything: Annotated[bool, typer.Option("--all", help="Every letter.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also those that were replayed before.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Put the events of dead letters back into the topics they came from.

    Do it once their cause is gone: a new release, a corrected scale, a repaired warehouse. Bytes
    and key are the original ones; the attempt is counted, and an event that fails again becomes a
    new letter. Letters that were replayed before are left out unless --again. Replaying a contact
    twice is harmless, its id is stored once (within warehouse.duplicate_days). An old volume or
    initiative replaces a newer one of the same key: leave those out with --topic.

    Examples:
        voc dead replay --all --dry-run
        voc dead replay --reason warehouse --since 6h --yes
        voc dead replay --id 3f2a9c
    """
    if not (ids or reason or since or topic or everything):
        raise typer.BadParameter("say which: --id, --reason, --since, --topic or --all")
    kafka = _kafka(config)
    wanted = _selection(ids=ids, reason=reason, since=since, topic=topic)
    plan = _plan(kafka, wanted, again=again)
    if dry_run or not plan.count:
        _print_plan(plan, done=None, as_json=json)
        return
    _confirm(plan, yes=yes)
    done = _replay(kafka, wanted, plan)
    _print_plan(plan, done=done, as_json=json)
    if done.failed:
        raise done.failed


@dataclass
class _Plan:
    """What a replay is about to do."""

    count: int = 0
    skipped: int = 0
    topics: Counter[str] = field(default_factory=Counter)
    replayed: dict[str, datetime] = field(default_factory=dict)


@dataclass
class _Done:
    """What a replay did."""

    count: int = 0
    left: int = 0
    failed: KafkaError | None = None


def _plan(kafka: KafkaSettings, wanted: Selection, *, again: bool) -> _Plan:
    from pipeline.kafka.deadletters import replayed_ids, source_topic  # noqa: PLC0415 - kafka

    plan = _Plan(replayed={} if again else replayed_ids(kafka))
    with _reading() as seen:
        for letter in _letters(kafka, wanted, seen):
            if letter.dead_id in plan.replayed:
                plan.skipped += 1
            else:
                plan.count += 1
                plan.topics[source_topic(letter)] += 1
    return plan


def _confirm(plan: _Plan, *, yes: bool) -> None:
    if not yes:
        topics = ", ".join(f"{count:,} to {topic}" for topic, count in plan.topics.items())
        typer.confirm(f"Put back {topics}?", abort=True, err=True)


def _replay(kafka: KafkaSettings, wanted: Selection, plan: _Plan) -> _Done:
    """Replays at most as many as were counted; letters that came since stay where they are."""
    from pipeline.kafka import Producer  # noqa: PLC0415 - kafka
    from pipeline.kafka.deadletters import replay as replay_letters  # noqa: PLC0415

    done = _Done()
    bar = Progress(
        TextColumn("replaying"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    chosen = (x for x in _letters(kafka, wanted, None) if x.dead_id not in plan.replayed)
    with Producer(kafka) as producer, bar:
        task = bar.add_task("", total=plan.count)
        for each in replay_letters(kafka, producer, chosen):
            if isinstance(each.result, KafkaError):
                done.failed = done.failed or each.result
                done.left += 1
            else:
                done.count += 1
            bar.update(task, completed=done.count + done.left)
            if isinstance(each.result, KafkaUnavailable) or done.count + done.left >= plan.count:
                break
    return done


def _print_plan(plan: _Plan, *, done: _Done | None, as_json: bool) -> None:
    found = {
        "selected": plan.count,
        "replayed_before": plan.skipped,
        "topics": dict(plan.topics),
        "replayed": done.count if done else 0,
    }
    if as_json:
        print_json(found)
        return
    if done:
        out.print(f"{done.count:,} of {plan.count:,} events are back in their topics.")
    else:
        out.print(f"{plan.count:,} events would go back to their topics.")
    for topic, count in plan.topics.items():
        out.print(Text(f"  {count:>7,}  {topic}"))
    if plan.skipped:
        out.print(f"{plan.skipped:,} were replayed before; --again includes them.")


class _Newest:
    """The newest `limit` summaries, without keeping the rest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) >= 2 * self._limit + 100:
            self._rows = self.sorted()

    def sorted(self) -> list[dict[str, Any]]:
        return sorted(self._rows, key=lambda row: str(row["failed_at"]))[-self._limit :]


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {
        "dead_id": letter.dead_id,
        "failed_at": _when(letter.failed_at),
        "reason_code": letter.reason_code.value,
        "reason": letter.reason,
        "stage": letter.stage.value,
        "attempt": letter.attempt,
        "source": {
            "topic": letter.source.topic,
            "partition": letter.source.partition,
            "offset": letter.source.offset,
            "time": _when(letter.timestamp),
        },
        "bytes": len(letter.payload or b""),
        "version": letter.version,
    }


def _details(letter: DeadLetter, *, with_payload: bool) -> dict[str, Any]:
    details = {
        **_summary(letter),
        "errors": [{"field": error.field, "message": error.message} for error in letter.errors],
    }
    if with_payload:
        details["key"] = (letter.key or b"").decode(errors="backslashreplace")
        details["payload"] = (letter.payload or b"").decode(errors="backslashreplace")
    return details


def _print_list(rows: Sequence[dict[str, Any]], reasons: Counter[str]) -> None:
    for row in rows:
        mark = " (replayed)" if row["replayed_at"] else ""
        attempt = f" attempt {row['attempt']}" if row["attempt"] > 1 else ""
        head = f"{row['dead_id'][:12]}  {row['failed_at']}  {row['reason_code']}{attempt}{mark}"
        out.print(Text(head, style="bold"), soft_wrap=True)
        out.print(Text(f"  {_shortened(row['reason'])}"), soft_wrap=True)
    total = sum(reasons.values())
    if not total:
        out.print("No dead letters.")
        return
    counts = ", ".join(f"{count:,} {name}" for name, count in reasons.most_common())
    shown = f"; the newest {len(rows)} are shown" if len(rows) < total else ""
    out.print(f"{total:,} dead letters: {counts}{shown}.")


def _print_details(details: dict[str, Any]) -> None:
    source = details["source"]
    place = f"{source['topic']}, partition {source['partition']}, offset {source['offset']}"
    lines = [
        ("id", details["dead_id"]),
        ("reason", f"{details['reason_code']}: {details['reason']}"),
        ("failed", f"{details['failed_at']} while in {details['stage']}"),
        ("attempt", f"{details['attempt']}, by version {details['version']}"),
        ("from", f"{place}, written {source['time']}"),
        ("size", f"{details['bytes']:,} bytes"),
        ("replayed", details["replayed_at"] or "no"),
    ]
    lines += [("error", error["message"]) for error in details["errors"]]
    for name, value in lines:
        out.print(Text.assemble((f"{name:<9}", "bold"), str(value)), soft_wrap=True)
    if "payload" in details:
        out.print(Text.assemble(("key      ", "bold"), details["key"]), soft_wrap=True)
        out.print(Text(details["payload"]), soft_wrap=True)


def _one(found: list[DeadLetter], dead_id: str) -> DeadLetter:
    if not found:
        raise VocError(
            f"there is no dead letter {dead_id}", fix="`voc dead list` shows those there are."
        )
    if len(found) > 1:
        ids = ", ".join(letter.dead_id[:16] for letter in found[:5])
        raise VocError(
            f"{len(found)} dead letters begin with {dead_id}: {ids}", fix="Give more of the id."
        )
    return found[0]


def _selection(
    *, ids: Sequence[str] = (), reason: str = "", since: str = "", topic: str = ""
) -> Selection:
    from pipeline.contract import Reason as Reasons  # noqa: PLC0415 - jsonschema-rs
    from pipeline.kafka.deadletters import Selection  # noqa: PLC0415 - kafka

    known = [each.value for each in Reasons]
    if reason and reason not in known:
        raise typer.BadParameter(f"use one of {', '.join(known)}", param_hint="--reason")
    return Selection(tuple(ids), reason, topic, _since(since) if since else None)


def _since(text: str) -> datetime:
    """A time, or so long ago. Raises typer.BadParameter."""
    if text[:-1].isdigit() and text[-1] in _UNITS:
        return datetime.now(UTC) - timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            "write 2026-03-01, 2026-03-01T09:00:00+08:00, 30m, 6h or 2d", param_hint="--since"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _kafka(config: Any) -> KafkaSettings:
    from pipeline.kafka import hush  # noqa: PLC0415 - kafka

    hush()
    return settings.load(config).kafka


def _letters(kafka: KafkaSettings, wanted: Selection, seen: Any) -> Iterator[DeadLetter]:
    from pipeline.kafka.deadletters import letters  # noqa: PLC0415 - kafka

    return letters(kafka, wanted, seen)


def _replayed(kafka: KafkaSettings) -> dict[str, datetime]:
    """What was replayed; nothing where the topic of replays was never created."""
    from pipeline.kafka import missing_topics  # noqa: PLC0415 - kafka
    from pipeline.kafka.deadletters import replayed_ids  # noqa: PLC0415

    return {} if missing_topics(kafka, [kafka.topics.replays]) else replayed_ids(kafka)


@contextmanager
def _reading() -> Iterator[Any]:
    """Shows on stderr how much of the topic was read."""
    columns = (TextColumn("reading dead letters"), BarColumn(), TextColumn("{task.completed:,.0f}"))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda passed, total: bar.update(task, completed=passed, total=total or None)


def _when(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None


def _shortened(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:157]}…"
