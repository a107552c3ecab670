"""Everything the card says, measured on the packaged model."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training import calibrate, metrics
from models.training.data import Example, rows, traditional
from models.training.data import annotated as annotated_row
from models.training.infer import Logits, Runner
from pipeline.language.classifier import load
from pipeline.language.evaluation import f1
from pipeline.language.judging import judge

_FOLD_SEED = 7


def _some(logits: Logits, rows: NDArray[np.bool_]) -> Logits:
    return {name: value[rows] for name, value in logits.items()}


def _known(truth: calibrate.Truth, rows: NDArray[np.bool_]) -> calibrate.Truth:
    return calibrate.Truth(*(getattr(truth, f.name)[rows] for f in fields(truth)))


def cross_fitted(logits: Logits, truth: calibrate.Truth, names: Sequence[str]) -> metrics.Answers:
    """Answers for each half under the calibration of the other half.

    The shipped calibration is fitted on both halves; scoring it on them would flatter it.
    """
    first = np.random.default_rng(_FOLD_SEED).random(len(truth.churn)) < 0.5
    by_first = calibrate.calibrate(_some(logits, first), _known(truth, first), names)
    by_second = calibrate.calibrate(_some(logits, ~first), _known(truth, ~first), names)
    return metrics.Answers(logits, by_second).join(metrics.Answers(logits, by_first), first)


def _rows(examples: Sequence[Example], field: str, value: str) -> NDArray[np.int64]:
    return np.array([i for i, e in enumerate(examples) if getattr(e, field) == value], np.int64)


def annotated(runner: Runner, dev: Sequence[Example], names: list[str]) -> dict[str, Any]:
    """Figures on annotated dev: overall, by script, by source, by topic."""
    logits = runner([e.text for e in dev])
    known = calibrate.truth(dev, names)
    found = cross_fitted(logits, known, names)
    sources = sorted({(e.lang, e.source) for e in dev})
    right = found.sentiment == known.sentiment
    return {
        "all": metrics.report(found, known, np.arange(len(dev))),
        "languages": {
            lang: metrics.report(found, known, _rows(dev, "lang", lang))
            for lang in ("zh-Hans", "zh-Hant", "ko", "en")
        },
        "sources": {
            f"{lang}/{name}": metrics.accuracy(
                right[np.array([e.source == name and e.lang == lang for e in dev])]
            )
            for lang, name in sources
        },
        "topics": metrics.per_topic(found, known, names),
        "reliability": {
            "sentiment": metrics.reliability(
                found.feeling.max(-1), found.feeling.argmax(-1) == known.sentiment
            ),
            "complaint": metrics.reliability(found.complaining, known.complaint == 1),
            "churn": metrics.reliability(found.leaving, known.churn == 1),
            "topics": metrics.reliability(found.likely.reshape(-1), known.topic.reshape(-1) == 1),
        },
    }


def _side(feeling: NDArray[np.float32], sides: int) -> NDArray[np.int64]:
    """Likeliest of three, or, where a source knows two sides, the likelier of those."""
    if sides == 3:
        return feeling.argmax(-1).astype(np.int64)
    return np.where(feeling[:, 2] > feeling[:, 0], 2, 0).astype(np.int64)


def held_out(runner: Runner, tests: dict[str, list[Example]], seed: int) -> dict[str, Any]:
    """Accuracy on each source's held-out texts; Simplified ones also in Traditional."""
    found = {}
    for name, examples in tests.items():
        target = np.array([e.sentiment for e in examples])
        sides = 3 if (target == 1).any() else 2
        versions = {examples[0].lang: examples}
        if examples[0].lang == "zh-Hans":
            versions["zh-Hant (converted)"] = traditional(examples, 1.0, seed)
        for lang, texts in versions.items():
            guess = _side(runner([e.text for e in texts])["sentiment"], sides)
            found[f"{name}, {lang}"] = {"classes": sides, **metrics.accuracy(guess == target)}
    return found


_ACCURACY = {
    "nsmc_raw, ko": 0.89,
    "online_shopping_10, zh-Hans": 0.95,
    "waimai_10k, zh-Hans": 0.92,
    "chnsenticorp_htl, zh-Hans": 0.93,
    "twitter_airline, en": 0.85,
}
_MACRO_F1, _COMPLAINT, _TOPICS, _ECE, _GAP = 0.85, 0.90, 0.80, 0.03, 0.01


def targets(dev: Mapping[str, Any], pools: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was asked of the model, beside what it gives; intervals where there are any."""
    found = [_target(f"accuracy, {k}", v, pools[k]["value"], pools[k]["low"], pools[k]["high"])
             for k, v in _ACCURACY.items() if k in pools]  # fmt: skip
    for lang, m in dev["languages"].items():
        value, (low, high) = m["sentiment_macro_f1"], m["sentiment_macro_f1_interval"]
        found.append(_target(f"sentiment macro-F1, annotated, {lang}", _MACRO_F1, value, low, high))
    every = dev["all"]
    for name, least, key in (
        ("complaint F1, annotated", _COMPLAINT, "complaint"),
        ("topics micro-F1 with polarity, annotated", _TOPICS, "topics_polarity_micro_f1"),
    ):
        value = every[key]["f1"] if key == "complaint" else every[key]
        found.append(_target(name, least, value, *every[f"{key}_interval"]))
    found += [
        _target(f"calibration error, {name}", _ECE, every[f"{name}_ece"], most=True)
        for name in ("sentiment", "complaint", "churn", "topics")
    ]
    for name, figure in pools.items():
        source, lang = name.split(", ", 1)
        if "converted" in lang:
            gap = round(pools[f"{source}, zh-Hans"]["value"] - figure["value"], 4)
            found.append(_target(f"loss in Traditional, {source}", _GAP, gap, most=True))
    return found


def _target(
    name: str, wanted: float, value: float, low: float | None = None, high: float | None = None,
    *, most: bool = False,
) -> dict[str, Any]:  # fmt: skip
    reached = value <= wanted if most else value >= wanted
    return {"name": name, "wanted": wanted, "most": most, "value": value, "low": low,
            "high": high, "reached": reached}  # fmt: skip


def as_product(folder: Path, dev: Path) -> dict[str, Any]:
    """What `voc model eval` says of the packaged model; its thresholds were fitted on this."""
    return judge(load(folder), list(rows(dev)))


def agreement(path: Path, overlap: Path, names: Sequence[str]) -> dict[str, Any]:
    """How far the further annotations agree with the careful ones on texts that have both."""
    second = {row["id"]: row for row in rows(overlap)}
    pairs = [(row, second[row["id"]]) for row in rows(path) if row["id"] in second]
    careful = [annotated_row(row) for row, _ in pairs]
    further = [annotated_row({**row, **labels}) for row, labels in pairs]
    one, two = calibrate.truth(careful, names), calibrate.truth(further, names)
    both = (one.topic == 1) & (two.topic == 1)
    said, there = float(two.topic.sum()), float(one.topic.sum())
    return {
        "texts": len(pairs),
        "sentiment": metrics.accuracy(one.sentiment == two.sentiment),
        "complaint": metrics.accuracy(one.complaint == two.complaint),
        "topics_micro_f1": round(f1(float(both.sum()), said, there), 4),
        "topics_polarity_micro_f1": round(
            f1(float((both & (one.polarity == two.polarity)).sum()), said, there), 4
        ),
    }


def neighbours(runner: Runner, dev: Sequence[Example], most: int = 400) -> dict[str, Any]:
    """How far a text's answers depend on what else is in its batch."""
    texts = [e.text for e in dev[:most]]
    ids = runner.ids(texts)
    mixed = [runner.run(ids[at : at + 64]) for at in range(0, len(ids), 64)]
    alone = [runner.run([row]) for row in ids]
    together = np.concatenate([m["sentiment"] for m in mixed])
    single = np.concatenate([a["sentiment"] for a in alone])
    return {
        "texts": len(texts),
        "largest_logit_difference": float(np.abs(together - single).max()),
        "changed_sentiments": int((together.argmax(-1) != single.argmax(-1)).sum()),
    }


def against(runner: Runner, other: Runner, dev: Sequence[Example]) -> dict[str, Any]:
    """How far 8 bits moved the float model's answers."""
    texts = [e.text for e in dev]
    ours, theirs = runner(texts), other(texts)
    cosine = (ours["embedding"] * theirs["embedding"]).sum(-1)
    return {
        "same_sentiment": metrics.accuracy(
            ours["sentiment"].argmax(-1) == theirs["sentiment"].argmax(-1)
        ),
        "same_topic_sides": round(float(((ours["topic"] > 0) == (theirs["topic"] > 0)).mean()), 5),
        "least_embedding_cosine": round(float(cosine.min()), 4),
    }


def _pace(runner: Runner, tokens: int, seconds: float) -> float:
    ids = np.random.default_rng(0).integers(10, 20_000, (64, tokens)).tolist()
    runner.run(ids)
    started, texts = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        runner.run(ids)
        texts += len(ids)
    return round(texts / (time.perf_counter() - started))


def speed(folder: Path, seconds: float = 1.5) -> dict[str, Any]:
    """Texts a second by threads and tokens a text, batch 64, with the machine's load before."""
    found: dict[str, Any] = {
        "load_average_before": round(os.getloadavg()[0], 2),
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "texts_per_second": {},
    }
    for threads in (1, 2):
        runner = Runner(folder / "model.onnx", folder / "tokenizer.json", threads=threads)
        for tokens in (16, 32, 64):
            key = f"{threads} threads, {tokens} tokens"
            found["texts_per_second"][key] = _pace(runner, tokens, seconds)
    return found
