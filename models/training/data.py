"""Training examples: weak labels of public sources, careful annotations, clean splits."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from models.training.labels import READERS, SENTIMENTS, stated_topics
from pipeline.language.clauses import split

_WORDLESS = re.compile(r"[\W\d_]+")

HELD_OUT = ("waimai_10k", "chnsenticorp_htl", "online_shopping_10", "twitter_airline")
"""A tenth of these, by a hash of the text, is for testing; NSMC is held out by film."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text with what is known of it; -1 means unknown, `topics` None means unknown."""

    text: str
    lang: str
    source: str
    sentiment: int = -1
    complaint: int = -1
    churn: int = -1
    topics: Mapping[str, int] | None = field(default=None)
    careful: bool = False
    """Annotated by the guide: a topic that is not listed is absent for sure."""
    taught: NDArray[np.float16] | None = None
    """Logits of a teacher, see batches.Batch."""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSONL file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def fingerprint(text: str) -> str:
    """Near-duplicates share it: letters only, first 40 of them."""
    return _WORDLESS.sub("", text).lower()[:40]


def _held_out(source: str, row: Mapping[str, Any]) -> bool:
    if source == "nsmc_raw":
        return int(row["movie_id"]) % 10 == 1
    digest = hashlib.sha256(fingerprint(row["text"]).encode()).digest()
    return source in HELD_OUT and digest[0] < 26


def _weak(row: Mapping[str, Any], name: str, spec: Mapping[str, Any]) -> Example | None:
    known = READERS[spec["reader"]](row)
    topics = stated_topics(row, spec, known)
    text = row["text"].strip()
    if not text or not (known or topics):
        return None
    return Example(text, spec["lang"], name, topics=topics, **known)


@dataclass
class Corpus:
    """Weak texts, annotated texts, and the test texts by source."""

    weak: list[Example]
    annotated: list[Example]
    dev: list[Example]
    tests: dict[str, list[Example]]
    sources: dict[str, dict[str, Any]]
    taught: list[Example] = field(default_factory=list)
    """Texts with a teacher's answers."""
    spare: list[Example] = field(default_factory=list)
    """Held-out texts beyond those that test, for what is chosen after training."""


def declared(*, permissive_only: bool) -> dict[str, dict[str, Any]]:
    """The sources of sources.yaml that may be used."""
    file = yaml.safe_load((Path(__file__).parent / "sources.yaml").read_text(encoding="utf-8"))
    allowed = set(file["permissive"])
    return {
        name: spec
        for name, spec in file["sources"].items()
        if not permissive_only or spec["licence"] in allowed
    }


def load(data: Path, seed: int, *, permissive_only: bool = False, every: bool = False) -> Corpus:
    """Reads everything; no text of a test or dev split, nor a near-duplicate of one, is trained on.

    Of each source as many weak texts as `draw` says, or all with `every`.

    Raises:
        FileNotFoundError: a declared source is missing.
    """
    sources = declared(permissive_only=permissive_only)
    dev = [annotated(row) for row in rows(data / "annotated" / "dev.jsonl")]
    tests: dict[str, list[Example]] = {}
    weak: list[Example] = []
    for name, spec in sources.items():
        path = data / "pool" / spec["lang"] / f"{name}.jsonl.gz"
        kept: list[Example] = []
        for row in rows(path):
            example = _weak(row, name, spec)
            if example:
                (tests.setdefault(name, []) if _held_out(name, row) else kept).append(example)
        random.Random(seed).shuffle(kept)
        if spec.get("balanced") and not every:
            kept = _balanced(kept)
        weak += kept if every else kept[: spec["draw"]]
    closed = {fingerprint(e.text) for group in (dev, *tests.values()) for e in group}
    train = [annotated(row) for row in rows(data / "annotated" / "train.jsonl")]
    chosen, spare = _sampled(tests)
    return Corpus(
        _without(weak, closed), _without(train, closed), dev, chosen, sources, spare=spare
    )


def teachable(data: Path, corpus: Corpus, seed: int, each: int = 900) -> list[Example]:
    """Texts for a teacher to answer: up to `each` of a source, the half of them a few clauses.

    The product reads clauses, while the annotations are of whole texts.
    """
    closed = {fingerprint(e.text) for group in (corpus.dev, *corpus.tests.values()) for e in group}
    by_source: dict[str, list[Example]] = {name: [] for name in corpus.sources}
    for example in corpus.weak:
        by_source[example.source].append(example)
    chance = random.Random(seed)
    found: list[Example] = []
    for name, spec in corpus.sources.items():
        texts = by_source[name] or [
            Example(row["text"], spec["lang"], name)
            for row in rows(data / "pool" / spec["lang"] / f"{name}.jsonl.gz")
            if fingerprint(row["text"]) not in closed
        ]
        drawn = chance.sample(texts, min(each, len(texts)))
        found += [replace(e, text=_part(e.text, chance)) for e in drawn]
    return found


def _part(text: str, chance: random.Random) -> str:
    """One to three clauses of a long text, or all of it."""
    clauses = split(text)
    if len(clauses) < 2 or chance.random() < 0.4:
        return text
    start = chance.randrange(len(clauses))
    return " ".join(clauses[start : start + chance.randint(1, 3)])


def _balanced(examples: Sequence[Example]) -> list[Example]:
    """As many positive as negative texts, taking turns; the surplus is dropped."""
    sides = [[e for e in examples if e.sentiment == side] for side in (0, 2)]
    return [e for pair in zip(*sides, strict=False) for e in pair]


_MOST, _SPARE = 4000, 1000
"""Test texts a source, and texts of what is left."""


def _sampled(
    tests: Mapping[str, list[Example]],
) -> tuple[dict[str, list[Example]], list[Example]]:
    """Distinct test texts, balanced for NSMC as in its benchmark; and spare ones."""
    found: dict[str, list[Example]] = {}
    spare: list[Example] = []
    for name, examples in tests.items():
        distinct = list({fingerprint(e.text): e for e in examples}.values())
        random.Random(0).shuffle(distinct)
        if name == "nsmc_raw":
            distinct = _balanced(distinct)
        found[name] = distinct[:_MOST]
        spare += distinct[_MOST : _MOST + _SPARE]
    return found, spare


def _without(examples: Iterable[Example], closed: set[str]) -> list[Example]:
    seen: set[str] = set()
    kept = []
    for example in examples:
        mark = fingerprint(example.text)
        if mark not in closed and example.text not in seen:
            seen.add(example.text)
            kept.append(example)
    return kept


def annotated(row: Mapping[str, Any]) -> Example:
    """An annotation of the guide's form."""
    return Example(
        row["text"],
        row["lang"],
        row["source"],
        SENTIMENTS[row["sentiment"]],
        int(row["complaint"]),
        int(row["churn"]),
        {topic: int(sign) for topic, sign in row["topics"]},
        careful=True,
    )


def traditional(examples: Iterable[Example], share: float, seed: int) -> list[Example]:
    """Converts a share of the Simplified texts to Traditional, Taiwan and Hong Kong wording."""
    from opencc import OpenCC  # noqa: PLC0415 -- loads dictionaries

    chance = random.Random(seed)
    converters = [OpenCC("s2twp"), OpenCC("s2hk")]
    return [
        replace(e, text=chance.choice(converters).convert(e.text), lang="zh-Hant")
        if e.lang == "zh-Hans" and chance.random() < share
        else e
        for e in examples
    ]
