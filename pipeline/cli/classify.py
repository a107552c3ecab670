"""`voc classify`: what the model says of some texts, here and now."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from pydantic import SecretStr
from rich.table import Table
from rich.text import Text

from pipeline.cli import console, texts
from pipeline.cli.options import AsJson, ConfigFile
from pipeline.domain.contact import Channel, Contact
from pipeline.settings import Settings
from pipeline.settings import load as load_settings

if TYPE_CHECKING:
    from pipeline.domain.analysis import ContactAnalysis
    from pipeline.language.analyser import ContactAnalyser

_AT_ONCE = 256
_SIGN = {-1: "−", 0: "·", 1: "+"}
_COLOUR = {"negative": "red", "neutral": "", "positive": "green"}

Texts = Annotated[
    list[str] | None, typer.Argument(metavar="[TEXT]…", help="Texts; a shell needs quotes.")
]
TextFile = Annotated[
    Path | None,
    typer.Option("--file", "-f", help='One text per line, or JSON lines with "text"; - is stdin.'),
]
ModelPath = Annotated[
    Path | None, typer.Option("--model", help="Model directory instead of model.path.")
]


def classify(
    text: Texts = None,
    file: TextFile = None,
    model: ModelPath = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Reads texts: language, sentiment, complaint, churn, topics. Personal data is masked first.

    Needs no broker, no database, no network and no secret.

    \b
    Examples:
      voc classify "快递太慢了，客服也不回复"
      voc classify --file reviews.txt --json > read.jsonl
      cat reviews.jsonl | voc classify
    """
    current = reader(load_settings(config, {"model": {"path": str(model)}} if model else None))
    found = _read(current, texts.texts(text or [], file))
    if as_json:
        for analysis in found:
            sys.stdout.write(orjson.dumps(as_object(analysis)).decode() + "\n")
    else:
        console.out.print(_table(list(found)))


def reader(settings: Settings) -> ContactAnalyser:
    """The worker's own reading, for commands that read no customer id: any secret does there."""
    from pipeline.cli import wiring  # noqa: PLC0415  heavy

    throwaway = settings.privacy.model_copy(
        update={"secret": SecretStr(secrets.token_hex(16)), "secret_file": None}
    )
    return wiring.analyser(settings.model_copy(update={"privacy": throwaway}))


def _read(current: ContactAnalyser, given: Iterable[str]) -> Iterable[ContactAnalysis]:
    for chunk in texts.chunks(given, _AT_ONCE):
        yield from current.analyse(contacts(chunk))


def contacts(given: Sequence[str]) -> list[Contact]:
    """A contact of nobody for each text."""
    now = datetime.now(UTC)
    return [Contact(str(at), now, Channel.OTHER, text=text) for at, text in enumerate(given)]


def as_object(analysis: ContactAnalysis) -> dict[str, Any]:
    """One line of `--json`."""
    return {
        "text": analysis.text,
        "language": analysis.language.value,
        "sentiment": analysis.sentiment,
        "score": round(analysis.score, 4),
        "confidence": round(analysis.confidence, 4),
        "uncertain": analysis.uncertain,
        "complaint": analysis.complaint,
        "complaint_confidence": round(analysis.complaint_confidence, 4),
        "churn": analysis.churn,
        "churn_confidence": round(analysis.churn_confidence, 4),
        "topics": [
            {
                "topic": mention.topic,
                "polarity": mention.polarity,
                "confidence": round(mention.confidence, 4),
                "evidence": analysis.evidence.get(mention.topic, ""),
            }
            for mention in analysis.topics
        ],
        "masked": dict(analysis.masked),
        "truncated": analysis.truncated_clauses,
        "model_revision": analysis.model_revision,
        "taxonomy_version": analysis.taxonomy_version,
    }


def _table(found: Sequence[ContactAnalysis]) -> Table:
    """Narrow first, the text last: it takes what is left of 80 columns."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("lang", "sentiment", "complaint", "leaves"):
        made.add_column(name, no_wrap=True)
    made.add_column("topics", min_width=16, overflow="fold")
    made.add_column("masked text", ratio=1, overflow="fold")
    for analysis in found:
        made.add_row(*_cells(analysis))
    return made


def _cells(analysis: ContactAnalysis) -> list[Text]:
    unsure = "?" if analysis.uncertain else ""
    feeling = f"{analysis.sentiment}{unsure} {analysis.score:+.2f}"
    topics = "\n".join(f"{_SIGN[m.polarity]}{m.topic}" for m in analysis.topics)
    return [
        Text(analysis.language.value),
        Text(feeling, style=_COLOUR[analysis.sentiment]),
        Text(f"yes {analysis.complaint_confidence:.2f}" if analysis.complaint else ""),
        Text(f"yes {analysis.churn_confidence:.2f}" if analysis.churn else ""),
        Text(topics),
        Text(analysis.text),
    ]
