"""`voc send`: contacts from files and standard input into Kafka."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import AsJson, ConfigFile
from pipeline.cli.sending import Job, pairs, run, zone_of


class Format(StrEnum):
    """How a file is written."""

    AUTO = "auto"
    JSONL = "jsonl"
    CSV = "csv"


class Topic(StrEnum):
    """What the file holds."""

    CONTACTS = "contacts"
    VOLUMES = "volumes"
    INITIATIVES = "initiatives"


_ROWS, _VALUES = "How the file is written", "What its columns mean"

Files = Annotated[
    list[str], typer.Argument(metavar="FILE", help="JSONL or CSV, plain or .gz; - is stdin.")
]
FileFormat = Annotated[
    Format,
    typer.Option(
        "--format", help="auto looks at the name and the first character.", rich_help_panel=_ROWS
    ),
]
Encoding = Annotated[
    str,
    typer.Option(help="utf-8, gb18030, big5, cp949, or auto to guess.", rich_help_panel=_ROWS),
]
Delimiter = Annotated[
    str,
    typer.Option(help="Of CSV: one character, or tab; guessed if unset.", rich_help_panel=_ROWS),
]
Columns = Annotated[
    str,
    typer.Option(
        help="Names of the columns of a CSV without a header, joined by commas.",
        rich_help_panel=_ROWS,
    ),
]
Maps = Annotated[
    list[str],
    typer.Option(
        "--map", metavar="FIELD=COLUMN", help="Take FIELD from COLUMN.", rich_help_panel=_VALUES
    ),
]
Sets = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="FIELD=VALUE", help="FIELD of every event.", rich_help_panel=_VALUES
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        metavar="ZONE", help="Zone of times that have none, as Asia/Seoul.", rich_help_panel=_VALUES
    ),
]
TimeFormat = Annotated[
    str,
    typer.Option(help="strptime pattern of times, as '%d/%m/%Y %H:%M'.", rich_help_panel=_VALUES),
]
DropUnknown = Annotated[
    bool,
    typer.Option(
        "--drop-unknown", help="Leave out columns that are not mapped.", rich_help_panel=_VALUES
    ),
]
Rejects = Annotated[Path | None, typer.Option(help="Append what is refused to this file (JSONL).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only validate; needs no Kafka.")]
FromLine = Annotated[
    int, typer.Option(min=1, metavar="N", help="Start at this line of the first file.")
]
Rate = Annotated[float, typer.Option(min=0, metavar="N", help="Events per second; 0 is no limit.")]


def send(
    files: Files,
    topic: Annotated[Topic, typer.Option(help="What the files hold.")] = Topic.CONTACTS,
    form: FileFormat = Format.AUTO,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = "",
    columns: Columns = "",
    maps: Maps = [],  # noqa: B006 - typer copies it
    sets: Sets = [],  # noqa: B006
    zone: Zone = None,
    time_format: TimeFormat = "",
    make_ids: Annotated[
        bool,
        typer.Option(
            "--make-ids", help="Make missing contact_ids from the content.", rich_help_panel=_VALUES
        ),
    ] = False,
    drop_unknown: DropUnknown = False,
    rejects: Rejects = None,
    dry_run: DryRun = False,
    from_line: FromLine = 1,
    rate: Rate = 0,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Validate contacts and send them to Kafka, each confirmed by every replica.

    Columns that are named like a field need no --map; others are kept as attributes. A rating is
    rating.KIND@SCALE or rating.KIND.DIMENSION@SCALE. A contact that is sent twice counts once.
    Ends with 0 if all were accepted, 65 if some were rejected, 69 if Kafka is away.

    Examples:
        voc send contacts.jsonl chats.jsonl.gz --rejects rejects.jsonl
        voc send survey.csv --map text=comment --map rating.csat@satisfaction-1-5=score
          --set channel=survey --zone Asia/Seoul --make-ids
        voc send reviews.csv --encoding cp949 --dry-run
        zcat old.jsonl.gz | voc send - --rate 500
    """
    job = job_of(
        files,
        topic,
        form=form,
        encoding=encoding,
        delimiter=delimiter,
        columns=columns,
        maps=maps,
        sets=sets,
        zone=zone,
        time_format=time_format,
        make_ids=make_ids,
        drop_unknown=drop_unknown,
        rejects=rejects,
        dry_run=dry_run,
        from_line=from_line,
        rate=rate,
        as_json=json,
    )
    run(job, config)


def sender(topic: Topic, text: str) -> Callable[..., None]:
    """The `send` command of events that have ids and need no rate; `text` is its help."""

    def send(
        files: Files,
        form: FileFormat = Format.AUTO,
        encoding: Encoding = "utf-8",
        delimiter: Delimiter = "",
        columns: Columns = "",
        maps: Maps = [],  # noqa: B006 - typer copies it
        sets: Sets = [],  # noqa: B006
        zone: Zone = None,
        time_format: TimeFormat = "",
        drop_unknown: DropUnknown = False,
        rejects: Rejects = None,
        dry_run: DryRun = False,
        from_line: FromLine = 1,
        config: ConfigFile = None,
        json: AsJson = False,
    ) -> None:
        job = job_of(
            files,
            topic,
            form=form,
            encoding=encoding,
            delimiter=delimiter,
            columns=columns,
            maps=maps,
            sets=sets,
            zone=zone,
            time_format=time_format,
            drop_unknown=drop_unknown,
            rejects=rejects,
            dry_run=dry_run,
            from_line=from_line,
            as_json=json,
        )
        run(job, config)

    send.__doc__ = text
    return send


def job_of(
    files: list[str],
    topic: Topic,
    *,
    form: Format,
    encoding: str,
    delimiter: str,
    columns: str,
    maps: list[str],
    sets: list[str],
    zone: str | None,
    time_format: str,
    drop_unknown: bool,
    rejects: Path | None,
    dry_run: bool,
    from_line: int,
    as_json: bool,
    make_ids: bool = False,
    rate: float = 0,
) -> Job:
    """The options of a command as a job. Raises typer.BadParameter."""
    from pipeline.sources import KINDS, Options, Shaping, Table  # noqa: PLC0415 - jsonschema-rs

    shaping = Shaping(
        maps=pairs(maps, "--map"),
        sets=pairs(sets, "--set"),
        zone=zone_of(zone),
        time_format=time_format,
        make_ids=make_ids,
        drop_unknown=drop_unknown,
    )
    names = tuple(name.strip() for name in columns.split(",")) if columns else ()
    table = Table(delimiter_of(delimiter), names)
    options = Options(form.value, encoding, table, shaping, from_line)
    return Job(files, KINDS[topic.value], options, rejects, dry_run, rate, as_json)


def delimiter_of(given: str) -> str:
    """The character. Raises typer.BadParameter for more than one."""
    found = "\t" if given in {"tab", "\\t"} else given
    if len(found) > 1:
        raise typer.BadParameter(f"{given!r} is not one character", param_hint="--delimiter")
    return found
