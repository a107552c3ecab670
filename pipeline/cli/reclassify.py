"""`voc reclassify`: stored contacts through the current model again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from pipeline import resources
from pipeline.cli import console
from pipeline.cli.options import AsJson, ConfigFile, moment
from pipeline.domain.analysis import Analyser, ContactAnalysis
from pipeline.domain.contact import Contact, Language
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ConfigError, WarehouseUnavailable
from pipeline.settings import load as load_settings

if TYPE_CHECKING:
    from pipeline.warehouse.reclassify import Selection, StoredContact, StoredContacts

_PAUSES = (0.5, 1, 2, 4, 8, 15, 30)
"""Seconds between attempts; a minute bridges a restart of the database."""

Since = Annotated[str, typer.Option(metavar="TIME", help="From: 2026-11-01, or an age: '7 days'.")]
Until = Annotated[str, typer.Option(metavar="TIME", help="Before this time; default: all.")]
Topic = Annotated[str, typer.Option(help="Only contacts that have this topic now.")]


def reclassify(
    since: Since,
    until: Until = "",
    topic: Topic = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    batch: Annotated[int, typer.Option(help="Contacts replaced at once.", min=1, max=5000)] = 512,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Reads stored contacts again with the current model and taxonomy, and replaces what they say.

    Only contacts that another model or taxonomy read. The stored, masked text is read; customer,
    facts and ratings stay, rollups follow. Killed or cut off, it goes on where it stopped: run the
    same command again. Each contact is replaced exactly once. Run one at a time.

    \b
    Examples:
      voc reclassify --since "30 days" --dry-run
      voc reclassify --since 2026-10-01 --until 2026-11-01
      voc reclassify --since 2026-01-01 --topic delivery --json
    """
    from pipeline.cli import wiring  # noqa: PLC0415  heavy, as below
    from pipeline.cli.classify import reader  # noqa: PLC0415
    from pipeline.warehouse import require_migrated  # noqa: PLC0415
    from pipeline.warehouse.reclassify import StoredContacts  # noqa: PLC0415

    wanted = _selection(since, until, topic)
    settings = load_settings(config)
    current = reader(settings)
    with wiring.warehouse(settings) as store:
        require_migrated(store)
        work = Reclassification(StoredContacts(store), current, wanted, *current.identity)
        left, selected = work.left(), work.stored.selected(wanted)
        if not selected:
            _require_topic(work.stored, topic, settings.model.path)
        if not dry_run and left:
            with _progress() as shown:
                task = shown.add_task("reading again", total=left)
                work.run(batch, lambda done: shown.advance(task, done))
    _tell(work, left, selected, dry_run=dry_run, as_json=as_json)


def _selection(since: str, until: str, topic: str) -> Selection:
    from pipeline.warehouse.reclassify import Selection  # noqa: PLC0415  heavy

    now = datetime.now(UTC)
    start, end = moment(since, now), moment(until, now) if until else None
    if end is not None and start >= end:
        raise ConfigError("--since is not before --until", fix="Give the earlier time first.")
    return Selection(start, end, topic)


def _require_topic(stored: StoredContacts, topic: str, model: Path | None) -> None:
    """A mistyped topic selects nothing, and looked like a run that was done: it is an error."""
    if topic and topic not in Taxonomy.load(resources.taxonomy(model)) and not stored.have(topic):
        raise ConfigError(
            f"--topic {topic}: neither a stored contact nor the taxonomy has it",
            fix="`voc taxonomy check` lists the topics.",
        )


@dataclass
class Reclassification:
    """Replaces the readings of a selection that are not of `revision` and `taxonomy_version`.

    `done` counts the contacts replaced, `changed` what is different about them.
    """

    stored: StoredContacts
    analyser: Analyser
    selection: Selection
    revision: str
    taxonomy_version: int
    done: int = 0
    changed: Counter[str] = field(default_factory=Counter)

    def left(self) -> int:
        """Contacts that are still to be read. Raises WarehouseErrors."""
        return self.stored.count(self.selection, self.revision, self.taxonomy_version)

    def run(self, size: int, advance: Callable[[int], None]) -> None:
        """Replaces them all, `size` at once; `advance` hears how many each time.

        Raises WarehouseUnavailable after about a minute without the database: what was replaced
        stays replaced, and another run goes on from there.
        """
        for old in self._batches(size):
            new = self.analyser.analyse([_as_contact(each) for each in old])
            pairs = list(zip(old, new, strict=True))
            _patiently(lambda pairs=pairs: self.stored.replace(pairs))  # type: ignore[misc]
            self.done += len(pairs)
            self._count(pairs)
            advance(len(pairs))

    def _batches(self, size: int) -> Iterator[Sequence[StoredContact]]:
        """What is left; asked for anew where a question fails, since the rest is the answer."""
        pauses = iter(_PAUSES)
        while True:
            try:
                for batch in self.stored.batches(
                    self.selection, self.revision, self.taxonomy_version, size
                ):
                    pauses = iter(_PAUSES)
                    yield batch
                return
            except WarehouseUnavailable as error:
                _wait(error, next(pauses, None))

    def _count(self, pairs: Sequence[tuple[StoredContact, ContactAnalysis]]) -> None:
        for old, new in pairs:
            was = old.values
            self.changed["sentiment"] += was["sentiment"] != new.sentiment
            self.changed["complaint"] += bool(was["complaint"]) != new.complaint
            self.changed["topics"] += set(was["topics"]) != {m.topic for m in new.topics}


def _as_contact(old: StoredContact) -> Contact:
    """With the language that was found when the source's hint was still there."""
    language = Language(old.values["language"])
    return replace(old.as_contact(), language=None if language is Language.UND else language)


def _patiently(call: Callable[[], None]) -> None:
    """Repeats the identical call while the database is away: its token keeps it to one effect."""
    for pause in (*_PAUSES, None):
        try:
            call()
        except WarehouseUnavailable as error:
            _wait(error, pause)
        else:
            return


def _wait(error: WarehouseUnavailable, pause: float | None) -> None:
    """Waits, or gives up where there is no pause left. Raises WarehouseUnavailable."""
    if pause is None:
        fix = "Run the same command again later: it goes on where it stopped."
        raise WarehouseUnavailable(error.message, fix=fix) from error
    console.err.print(f"{error.message}; trying again in {pause:g} s", style="yellow")
    time.sleep(pause)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console.err,
    )


def _tell(
    work: Reclassification, left: int, selected: int, *, dry_run: bool, as_json: bool
) -> None:
    if as_json:
        console.print_json(
            {
                "model_revision": work.revision,
                "taxonomy_version": work.taxonomy_version,
                "selected": selected,
                "found": left,
                "replaced": work.done,
                "changed": dict(work.changed),
            }
        )
        return
    console.out.print(_said(work, left, selected, dry_run=dry_run))
    for what, count in work.changed.items():
        console.out.print(f"  {count:,} have another {what}")


def _said(work: Reclassification, left: int, selected: int, *, dry_run: bool) -> str:
    reading = f"{work.revision}, taxonomy {work.taxonomy_version}"
    if not selected:
        return "no stored contact matches this time and topic"
    if not left:
        return f"all {selected:,} contacts were read by {reading} already"
    if dry_run:
        return (
            f"{left:,} of {selected:,} contacts were read by another model or taxonomy"
            f" than {reading}"
        )
    return f"{work.done:,} of {selected:,} contacts read again by {reading}"
