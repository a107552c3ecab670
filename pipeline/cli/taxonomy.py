"""`voc taxonomy`: topics of one's own, from a definition and a few examples each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import resources
from pipeline.cli import annotated, console, texts
from pipeline.cli.options import AsJson, ConfigFile
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ConfigError, ContractError
from pipeline.settings import load as load_settings

if TYPE_CHECKING:
    from pipeline.language.classifier.contact import ContactClassifier
    from pipeline.language.classifier.directory import ModelDirectory
    from pipeline.language.classifier.refit import Example, TopicFit

app = typer.Typer(no_args_is_help=True, help="Check the topics, fit your own, judge them.")

_FORM = 'Write {"text": "…", "lang": "en", "topics": [["packaging", -1]]} in each line.'

Out = Annotated[Path, typer.Option(help="The new model directory; must not exist.")]
Examples = Annotated[
    Path, typer.Option(help='JSON lines: {"text", "topics": [[topic, polarity], …], "lang"}.')
]


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="taxonomy.yaml; default: the model's.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="Model directory to compare it with.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Checks a taxonomy and says which of its topics a model can read.

    \b
    Examples:
      voc taxonomy check
      voc taxonomy check mine.yaml --model models/contact-small
    """
    from pipeline.language.classifier.directory import ModelDirectory  # noqa: PLC0415  heavy

    where = model or load_settings(config).model.path or resources.default_model()
    taxonomy = Taxonomy.load(file or resources.taxonomy(where))
    current = ModelDirectory.read(where, Taxonomy.load(resources.taxonomy(where)))
    known = current.topics
    found: dict[str, Any] = {
        "version": taxonomy.version,
        "model_version": current.taxonomy_version,
        "topics": {
            topic.code: {"owner": topic.owner, "rater": topic.rater, "read": topic.code in known}
            for topic in taxonomy.topics
        },
        "dropped": [topic for topic in known if topic not in taxonomy],
    }
    if as_json:
        console.print_json(found)
    else:
        _print_check(found)
    _require_new_version(current, taxonomy)


def _print_check(found: Mapping[str, Any]) -> None:
    rows = [
        (code, entry["owner"], entry["rater"].value, "yes" if entry["read"] else "needs a fit")
        for code, entry in found["topics"].items()
    ]
    console.out.print(
        f"version {found['version']} (of the model: {found['model_version']}), {len(rows)} topics"
    )
    console.out.print(console.table(("topic", "owner", "dimension", "read by the model"), rows))
    if found["dropped"]:
        console.out.print(f"of the model, not in the file: {', '.join(found['dropped'])}")


@app.command()
def fit(
    taxonomy: Annotated[Path, typer.Option(help="taxonomy.yaml with your topics.")],
    examples: Examples,
    out: Out,
    base: Annotated[
        Path | None, typer.Option(help="Model directory to start from; default: model.path.")
    ] = None,
    rename: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="Keep OLD's head under NEW.")
    ] = None,
    correct: Annotated[
        list[str] | None, typer.Option(metavar="TOPIC", help="Let the examples move its old head.")
    ] = None,
    background: Annotated[
        Path | None, typer.Option(help="Texts of yours, mostly not about the new topics.")
    ] = None,
    cache: Annotated[
        bool, typer.Option(help="Keep what the encoder said of the texts, for the next fit.")
    ] = True,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Fits heads for your topics, in minutes and without touching the encoder.

    Raise the taxonomy's version when you change topics. About ten examples per language make a new
    topic; examples of other topics, and --background, teach what it is not. A topic of the base
    keeps its head; --correct moves it, for a topic whose meaning changed. Rows then carry the new
    version: `voc reclassify` brings stored contacts up to date. What the encoder said of each text
    is kept in the user's cache folder, so that a second fit reads the new ones only.

    \b
    Examples:
      voc taxonomy fit --taxonomy mine.yaml --examples mine.jsonl --out models/mine
      voc taxonomy fit --taxonomy mine.yaml --examples mine.jsonl --out models/mine \\
          --rename wait=queueing --background reviews.txt
    """
    from pipeline.language.classifier import packing, refit, remembered  # noqa: PLC0415  heavy

    packing.require_absent(out)
    wanted = Taxonomy.load(taxonomy)
    start = _model(base or load_settings(config).model.path)
    _require_new_version(start.directory, wanted)
    given = _examples(examples)
    other = [_as_read(text) for text in texts.texts([], background)] if background else []
    with console.err.status(f"reading {len(given) + len(other):,} texts, fitting"):
        found = refit.fit(
            remembered.Remembered(start, remembered.folder() if cache else None),
            wanted,
            given,
            renames=_renames(rename),
            correct=correct or (),
            background=other,
        )
        revision = packing.pack(start.directory, found, wanted, taxonomy, out)
    rows = _fit_rows(found.topics, given)
    confusion = _confusion(wanted.codes, given, _fit_sides(found.topics, len(given)))
    if as_json:
        console.print_json(
            {"revision": revision, "out": str(out), "topics": rows, "confusion": confusion}
        )
        return
    _print_topics(rows)
    _print_confusion(confusion)
    console.out.print(
        "after: out of fold, on these examples; a topic is rarer among all contacts, and precision"
        " lower. `voc taxonomy eval` judges on texts of your own choice."
    )
    console.out.print(f"[bold]{revision}[/] is in {out}; use it with model.path = {str(out)!r}")


@app.command("eval")
def evaluate(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="Model directory.")],
    data: Annotated[Path, typer.Argument(metavar="DATA.jsonl", help="Texts with their topics.")],
    against: Annotated[
        Path | None, typer.Option(help="Another directory, shown as before.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judges topics on texts that were not fitted on: by topic, and what is taken for what.

    \b
    Examples:
      voc taxonomy eval models/mine held-out.jsonl --against models/contact-small
    """
    given = _examples(data)
    model = _model(path)
    sides = {"before": _side(_model(against), given)} if against else {}
    sides["after"] = _side(model, given)
    found = {
        "revision": model.revision,
        "topics": [_judged(topic, given, sides) for topic in model.topics],
        "confusion": _confusion(model.topics, given, sides),
        "unknown_topics": _unknown(given, model.topics),
    }
    if as_json:
        console.print_json(found)
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    _print_topics(found["topics"])
    _print_confusion(found["confusion"])
    for topic, count in found["unknown_topics"].items():
        console.err.print(f"{topic}: {count} mentions that this model cannot say", markup=False)


def _model(path: Path | None) -> ContactClassifier:
    from pipeline.language.classifier.contact import ContactClassifier  # noqa: PLC0415  heavy
    from pipeline.language.classifier.directory import ModelDirectory  # noqa: PLC0415

    where = path or resources.default_model()
    return ContactClassifier(ModelDirectory.read(where))


def _require_new_version(model: ModelDirectory, wanted: Taxonomy) -> None:
    """Stored rows say which taxonomy they were read with: one version must mean one list.

    A lower one counts as used too: the model's topics come from those of earlier versions.
    """
    if wanted.version <= model.taxonomy_version and wanted.codes != model.topics:
        raise ConfigError(
            f"the topics are not the model's, but version {wanted.version} is not above"
            f" its {model.taxonomy_version}",
            fix=f"Write version: {model.taxonomy_version + 1} into the file.",
        )


def _renames(pairs: Sequence[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or []:
        old, sign, new = pair.partition("=")
        if not (old and sign and new):
            raise ConfigError(f"--rename {pair!r} is not OLD=NEW", fix="Write wait=queueing.")
        found[old] = new
    return found


def _examples(path: Path) -> list[Example]:
    from pipeline.language.classifier.refit import Example  # noqa: PLC0415  heavy

    found = []
    for at, row in enumerate(texts.records(path), start=1):
        if not isinstance(row.get("text"), str):
            raise ContractError(f'{path}, text {at} has no "text"', fix=_FORM)
        if (wrong := annotated.wrong_topics(row.get("topics"))) is not None:
            raise ContractError(f"{path}, text {at}: {wrong}", fix=_FORM)
        found.append(Example(_as_read(row["text"]), dict(map(tuple, row["topics"]))))
    if not found:
        raise ContractError(f"{path} holds no texts", fix=_FORM)
    return found


def _as_read(text: str) -> str:
    """The form in which the model reads it in the worker."""
    from pipeline.language.normalise import clean, normalise  # noqa: PLC0415  heavy

    return normalise(clean(text))


@dataclass(frozen=True, slots=True)
class _Side:
    """What a model said of each text, and the topics that it can say."""

    said: Sequence[set[str]]
    topics: Collection[str]


def _side(model: ContactClassifier, given: Sequence[Example]) -> _Side:
    readings = model.read([example.text for example in given])
    return _Side([{m.topic for m in reading.topics} for reading in readings], model.topics)


def _judged(topic: str, given: Sequence[Example], sides: Mapping[str, _Side]) -> dict[str, Any]:
    """None for a side that does not have the topic: nothing of nothing is not a bad figure."""
    real = [topic in example.topics for example in given]
    figures = {
        name: _f1([topic in said for said in side.said], real) if topic in side.topics else None
        for name, side in sides.items()
    }
    return {"topic": topic, "texts": sum(real), **figures}


def _unknown(given: Sequence[Example], topics: Collection[str]) -> dict[str, int]:
    """Topics of the data that the model cannot say: left out of the figures, often mistyped."""
    named = Counter(topic for example in given for topic in example.topics)
    return {topic: count for topic, count in named.items() if topic not in topics}


def _fit_rows(fits: Sequence[TopicFit], given: Sequence[Example]) -> list[dict[str, Any]]:
    rows = []
    for fit in fits:
        real = [fit.topic in example.topics for example in given]
        row = {"topic": fit.topic, "head": fit.how, "said from": fit.cut, "texts": fit.examples}
        before = None if fit.how == "new" else _f1(fit.before.tolist(), real)
        rows.append({**row, "before": before, "after": _f1(fit.after.tolist(), real)})
    return rows


def _f1(said: Sequence[bool], real: Sequence[bool]) -> dict[str, float] | None:
    """Precision, recall, F1; None for a topic that no text has."""
    if not any(real):
        return None
    hits = sum(a and b for a, b in zip(said, real, strict=True))
    return {
        "precision": round(hits / sum(said), 3) if any(said) else 0.0,
        "recall": round(hits / sum(real), 3),
        "f1": round(2 * hits / (sum(said) + sum(real)), 3),
    }


def _fit_sides(fits: Sequence[TopicFit], texts: int) -> dict[str, _Side]:
    known = {"before": [fit for fit in fits if fit.how != "new"], "after": fits}
    return {
        side: _Side(_decisions(known[side], side, texts), {fit.topic for fit in known[side]})
        for side in ("before", "after")
    }


def _decisions(fits: Sequence[TopicFit], side: str, texts: int) -> list[set[str]]:
    """What was said of each text before or after."""
    return [{fit.topic for fit in fits if getattr(fit, side)[at]} for at in range(texts)]


def _print_topics(rows: Sequence[Mapping[str, Any]]) -> None:
    heads = [name for name in rows[0] if name not in {"before", "after"}]
    sides = [name for name in ("before", "after") if name in rows[0]]
    shown = [
        [*(row[name] for name in heads), *(_figures(row[side]) for side in sides)] for row in rows
    ]
    console.out.print(console.table([*heads, *(f"{side}: P R F1" for side in sides)], shown))


def _figures(found: Mapping[str, float] | None) -> str:
    return "" if found is None else " ".join(f"{value:.2f}" for value in found.values())


def _confusion(
    topics: Sequence[str], given: Sequence[Example], sides: Mapping[str, _Side]
) -> list[dict[str, Any]]:
    """For each topic of the texts: how often it was found, and what else was wrongly said."""
    about = {
        topic: [at for at, example in enumerate(given) if topic in example.topics]
        for topic in topics
    }
    return [
        {
            "topic": topic,
            "texts": len(places),
            "found": {name: _found(topic, places, side) for name, side in sides.items()},
            "wrongly_said": {name: _taken(places, given, side) for name, side in sides.items()},
        }
        for topic, places in about.items()
        if places
    ]


def _found(topic: str, about: Sequence[int], side: _Side) -> int | None:
    return sum(topic in side.said[at] for at in about) if topic in side.topics else None


def _taken(about: Sequence[int], given: Sequence[Example], side: _Side) -> dict[str, int]:
    wrong = Counter(name for at in about for name in side.said[at] if name not in given[at].topics)
    return dict(wrong.most_common())


def _print_confusion(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    sides = list(rows[0]["found"])
    heads = ("texts about", "number", *(f"found {side}" for side in sides),
             *(f"wrongly said {side}" for side in sides))  # fmt: skip
    shown = [
        (
            row["topic"],
            row["texts"],
            *row["found"].values(),
            *(_most(wrong) for wrong in row["wrongly_said"].values()),
        )
        for row in rows
    ]
    console.out.print(console.table(heads, shown, title="confusion"))


def _most(wrong: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in list(wrong.items())[:3])
