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

import yaml

from models.training.labels import READERS, SENTIMENTS, stated_topics
from pipeline.language.clauses import split

_WORDLESS = re.compile(r"[\W\d_]+")

HELD_OUT = ("waimai_10k", "chnsenticorp_htl", "online_shopping_10", "twitter_airline")
"""A tenth of these, by a hash of the text, is for testing; NSMC is held out by film."""


ANNOTATIONS = Path(__file__).parent / "annotations"
OVERLAP = ANNOTATIONS / "overlap.jsonl"
"""Further annotations of texts that have careful ones: they only show how far both agree."""

WRITTEN = Path(__file__).parent / "written"


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
    choice: list[Example]
    """Annotated texts that neither train nor test: what is chosen after training rests on them."""
    spare: list[Example]
    """Of the same use: held-out texts with weak labels beyond those that test."""


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
    given = rows(data / "annotated" / "train.jsonl")
    careful = [annotated(row) for row in given if row["source"] in sources]
    further, tests, weak = Further(), dict[str, list[Example]](), list[Example]()
    for name, spec in sources.items():
        kept = _pool(data, name, spec, further, tests)
        random.Random(seed).shuffle(kept)
        if spec.get("balanced") and not every:
            kept = _balanced(kept)
        weak += kept if every else kept[: spec["draw"]]
    closed = {fingerprint(e.text) for group in (dev, *tests.values()) for e in group}
    choice = [e for e in further.found if _for_choice(e) and fingerprint(e.text) not in closed]
    closed |= {fingerprint(e.text) for e in choice}
    weak, careful = _without(weak, closed), _without([*careful, *written(), *further.found], closed)
    chosen, spare = _sampled(tests)
    return Corpus(weak, careful, dev, chosen, sources, choice, spare)


def _pool(
    data: Path,
    name: str,
    spec: Mapping[str, Any],
    further: Further,
    tests: dict[str, list[Example]],
) -> list[Example]:
    """A source's texts with weak labels; what is held out goes to `tests`, labels to `further`."""
    kept: list[Example] = []
    for row in rows(data / "pool" / spec["lang"] / f"{name}.jsonl.gz"):
        held_out = _held_out(name, row)
        if not held_out:
            further.meet(row, spec["lang"], name)
        example = _weak(row, name, spec)
        if example:
            (tests.setdefault(name, []) if held_out else kept).append(example)
    return kept


def _for_choice(example: Example) -> bool:
    """A twelfth of the further annotations."""
    return hashlib.sha256(fingerprint(example.text).encode()).digest()[1] < 21


def written() -> list[Example]:
    """Texts of our own on what real ones say too seldom: negation, irony, leaving, rare topics."""
    paths = sorted(WRITTEN.glob("*.jsonl"))
    return [annotated({"source": "written", **row}) for path in paths for row in rows(path)]


class Further:
    """Annotations that this project adds to texts of the pools: labels by id, without the text.

    An entry names a pool's text and, where only a part of it was read, that part's clauses; `sum`
    tells whether the clauses are still cut where they were.
    """

    def __init__(self) -> None:
        paths = sorted(set(ANNOTATIONS.glob("*.jsonl")) - {OVERLAP})
        self._wanted = {entry["id"]: entry for path in paths for entry in rows(path)}
        self.found: list[Example] = []

    def meet(self, row: Mapping[str, Any], lang: str, source: str) -> None:
        """Adds the row's text if it was annotated and is what was read."""
        entry = self._wanted.get(row.get("id", ""))
        if entry is None:
            return
        text = part(row["text"], entry.get("clauses"))
        if checksum(text) == entry["sum"]:
            known = {"text": text, "lang": lang, "source": source}
            self.found.append(annotated({**entry, **known}))


def part(text: str, clauses: Sequence[int] | None) -> str:
    """The text, or its clauses from the first to before the last of the two numbers."""
    return " ".join(split(text)[slice(*clauses)]) if clauses else text


def checksum(text: str) -> str:
    """Eight hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


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
        {topic: int(sign) for topic, sign in _pairs(row["topics"])},
        careful=True,
    )


def _pairs(topics: Mapping[str, int] | Iterable[tuple[str, int]]) -> Iterable[tuple[str, int]]:
    return topics.items() if isinstance(topics, Mapping) else topics


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
