"""`voc model`: what a model directory is, how good it is, how fast it is."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import annotated, console
from pipeline.cli.options import AsJson, ConfigFile
from pipeline.settings import Settings
from pipeline.settings import load as load_settings

if TYPE_CHECKING:
    from pipeline.language.classifier import LoadedClassifier

app = typer.Typer(no_args_is_help=True, help="Check, judge and time a model directory.")

Directory = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="Model directory; default: model.path.")
]


@app.command()
def info(path: Directory = None, as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Verifies a model directory, every file against the manifest, and shows what it is.

    \b
    Examples:
      voc model info
      voc model info models/mine --json
    """
    from pipeline import resources  # noqa: PLC0415  heavy, as all below
    from pipeline.language.classifier import load  # noqa: PLC0415
    from pipeline.language.classifier.directory import ModelDirectory  # noqa: PLC0415

    where = path or load_settings(config).model.path or resources.default_model()
    directory = ModelDirectory.read(where)
    load(where, threads=1)
    found = _described(directory)
    if as_json:
        console.print_json(found)
        return
    console.out.print(f"[bold]{found['revision']}[/]  {where}: complete, unchanged, loads")
    shown = {k: v for k, v in found.items() if k not in {"revision", "topics", "files"}}
    console.out.print(console.table(("", ""), list(shown.items())))
    console.out.print(console.table(("topic", "said from"), list(found["topics"].items())))


def _described(directory: Any) -> dict[str, Any]:
    thresholds = directory.calibration.thresholds
    cuts = directory.calibration.cuts
    sizes = {name: (directory.path / name).stat().st_size for name in sorted(directory.files)}
    return {
        "revision": directory.revision,
        "taxonomy version": directory.taxonomy_version,
        "tokens at most": directory.max_tokens,
        "megabytes": round(sum(sizes.values()) / 1e6, 1),
        "complaint from": thresholds.complaint,
        "churn from": thresholds.churn,
        "sentiment from": thresholds.sentiment,
        "files": sizes,
        "topics": dict(zip(directory.topics, map(float, cuts), strict=True)),
    }


@app.command("eval")
def evaluate(
    path: Annotated[Path, typer.Argument(metavar="DIR", help="Model directory or checkpoint.")],
    data: Annotated[Path, typer.Argument(metavar="DATA.jsonl", help="Annotated texts.")],
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Judges a model on annotated texts, as the product reads them: masked, whole contacts.

    Each line: text, lang, sentiment, complaint, churn, topics [[topic, polarity], …]. DIR is a
    directory of voc's own, or any Hugging Face sequence classification checkpoint (needs the extra
    torch; its labels by model.labels), which is judged by its sentiment. Below a figure is its
    95 % interval: Wilson for accuracy, bootstrap over texts for F1. Calibration is the expected
    calibration error, 15 bins.

    \b
    Examples:
      voc model eval models/contact-small annotated.jsonl
      voc model eval ./twitter-roberta annotated.jsonl --json
    """
    from rich.progress import track  # noqa: PLC0415

    from pipeline.language.judging import judge  # noqa: PLC0415

    rows = annotated.load(data)
    model = _any(path, load_settings(config))
    found = judge(
        model,
        rows,
        lambda parts: track(parts, "reading", console=console.err, transient=True),
    )
    if as_json:
        console.print_json(found)
    else:
        _show(found)


def _any(path: Path, settings: Settings) -> LoadedClassifier:
    """The model of a directory, ours or a checkpoint."""
    from pipeline.language.classifier import load  # noqa: PLC0415  heavy

    return load(
        path,
        engine="torch" if _foreign(path) else "onnx",
        threads=settings.model.threads,
        labels=settings.model.labels,
    )


def _foreign(path: Path) -> bool:
    """Whether it is a checkpoint; a directory of ours that lost its manifest is still ours."""
    if not path.is_dir() or (path / "manifest.json").is_file():
        return False
    return not (path / "model.onnx").is_file() or any(path.glob("*.safetensors"))


def _show(found: Mapping[str, Any]) -> None:
    groups = {"all": found["all"], **found["languages"]}
    console.out.print(f"[bold]{found['model']}[/] on {found['texts']:,} texts")
    console.out.print(
        console.table(
            ("", *groups),
            [(name, *(read(group) for group in groups.values())) for name, read in _LINES],
        )
    )
    topics = [(t, f["positives"], f["precision"], f["recall"], f["f1"])
              for t, f in found["topics"].items()]  # fmt: skip
    if topics:
        console.out.print()
        console.out.print(console.table(("topic", "texts", "precision", "recall", "F1"), topics))
    for topic, count in found["unknown_topics"].items():
        console.err.print(f"[yellow]{topic}[/]: {count} mentions that this model cannot say")


def _with(value: float, interval: Sequence[float]) -> str:
    return f"{_share(value)}\n{_share(interval[0])}-{_share(interval[1])}"


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _accuracy(group: Mapping[str, Any]) -> str:
    found = group["sentiment_accuracy"]
    return _with(found["value"], (found["low"], found["high"]))


def _f1(question: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda group: _with(group[question]["f1"], group[question]["interval"])


def _counted(figure: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda group: _with(group[figure], group[f"{figure}_interval"])


_LINES: tuple[tuple[str, Callable[[Mapping[str, Any]], object]], ...] = (
    ("texts", lambda g: g["n"]),
    ("sentiment accuracy", _accuracy),
    ("  macro-F1", _counted("sentiment_macro_f1")),
    ("  calibration", lambda g: _share(g["sentiment_ece"])),
    ("complaint F1", _f1("complaint")),
    ("  precision", lambda g: _share(g["complaint"]["precision"])),
    ("  recall", lambda g: _share(g["complaint"]["recall"])),
    ("  calibration", lambda g: _share(g["complaint_ece"])),
    ("churn F1", _f1("churn")),
    ("  texts with it", lambda g: g["churn"]["positives"]),
    ("topics micro-F1", _counted("topics_micro_f1")),
    ("  with polarity", _counted("topics_polarity_micro_f1")),
)
"""A line of the table and how it is read from a group's report."""


@app.command()
def bench(
    path: Directory = None,
    threads: Annotated[list[int] | None, typer.Option(help="Threads; may be repeated.")] = None,
    length: Annotated[
        list[int] | None, typer.Option(help="Tokens of a text; may be repeated.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Seconds per figure.", min=0.1)] = 2.0,
    texts: Annotated[int, typer.Option(help="Different texts per figure.", min=1)] = 512,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Times a model on this machine: texts a second by length and threads, no cache.

    \b
    Examples:
      voc model bench
      voc model bench --threads 2 --length 32 --seconds 5 --json
    """
    from pipeline import resources  # noqa: PLC0415  heavy, as below
    from pipeline.language.classifier.contact import ContactClassifier  # noqa: PLC0415
    from pipeline.language.classifier.directory import ModelDirectory  # noqa: PLC0415
    from pipeline.language.classifier.pace import measure  # noqa: PLC0415

    where = path or load_settings(config).model.path or resources.default_model()
    directory = ModelDirectory.read(where)
    load_before = os.getloadavg()[0]
    found = []
    for number in threads or [1, 2]:
        model = ContactClassifier(directory, threads=number)
        with console.err.status(f"{number} threads"):
            found += [
                measure(model, tokens, texts=texts, seconds=seconds)
                for tokens in length or [8, 16, 32, 64, 128]
            ]
    if as_json:
        console.print_json(
            {
                "revision": directory.revision,
                "machine": platform.machine(),
                "cpus": os.cpu_count(),
                "load_before": round(load_before, 2),
                "paces": [asdict(pace) for pace in found],
            }
        )
        return
    console.out.print(
        f"[bold]{directory.revision}[/], {os.cpu_count()} CPUs ({platform.machine()}),"
        f" load before {load_before:.1f}; {texts} different texts, {seconds:g} s each"
    )
    rows = [(p.threads, p.tokens, round(p.tokenise), round(p.read)) for p in found]
    heads = ("threads", "tokens", "tokenizer texts/s", "tokenizer + model texts/s")
    console.out.print(console.table(heads, rows))
