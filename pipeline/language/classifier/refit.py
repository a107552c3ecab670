"""Fits topic and polarity heads to a user's taxonomy, from a few examples and without the encoder.

Every text goes through the encoder once; the heads are fitted on what comes out. A topic that the
base has keeps its head; where asked, the head gets a small correction on top. A new topic is a
ridge logistic regression on the embedding, its polarity the text's sentiment with a
correction. Decisions that are reported were made out of fold: by heads that had not seen the text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import TaxonomyError
from pipeline.language.classifier import logistic
from pipeline.language.classifier.decide import sigmoid
from pipeline.language.classifier.directory import ModelDirectory
from pipeline.language.classifier.heads import Heads
from pipeline.language.normalise import clean, normalise

FEWEST_NEW = 8
"""Examples below which a new topic is refused: a head from fewer finds anything anywhere."""

FEWEST_KEPT = 10
"""Examples below which no head of the base is corrected."""

_FOLDS = 5
_RIDGES = {"new": 1.0, "kept": 8.0, "polarity": 8.0}
_SCALE = 8.0
"""Embeddings are unit vectors; features of about this length make a ridge of 1 a sensible one."""

_CUTS = np.linspace(0.2, 0.75, 56)
_BELIEF = 10.0
"""Examples' worth of belief that a topic's cut is 0.5."""

_DEFINITION_WEIGHT = 0.5
_BACKGROUND_WEIGHT = 0.25
"""A background text may well be about the topic; nobody looked."""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A text with the topics that it is about and their polarities (-1, 0, 1)."""

    text: str
    topics: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TopicFit:
    """How a topic came to its head, and what the examples say about it.

    `how` is kept, corrected or new. `before` and `after` are decisions [N] on the examples: of the
    base (none for a new topic), and out of fold.
    """

    topic: str
    how: str
    cut: float
    examples: int
    before: Bools
    after: Bools


@dataclass(frozen=True, slots=True)
class Refit:
    """The heads of a taxonomy, a cut for each topic, and how each was found."""

    heads: Heads
    topics: tuple[TopicFit, ...]


class Base(Protocol):
    """A loaded model of which the heads are refitted."""

    directory: ModelDirectory
    heads: Heads

    def logits(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Every output of the graph with the heads applied, in the texts' order."""
        ...


def fit(
    base: Base,
    taxonomy: Taxonomy,
    examples: Sequence[Example],
    *,
    renames: Mapping[str, str] | None = None,
    correct: Collection[str] = (),
    background: Sequence[str] = (),
) -> Refit:
    """Heads for `taxonomy`.

    `renames` maps a topic of the base to its name in `taxonomy`. `correct` are kept topics whose
    head the examples may move: a base of thousands of texts knows more than forty examples, so only
    where a topic's meaning changed. `background` are texts of the company that are mostly about
    none of the new topics. Examples and background are given as the model reads clauses
    (`normalise`); definitions become so here. Raises TaxonomyError: an example or rename that names
    no topic, a new topic with fewer than FEWEST_NEW examples, one to correct with fewer
    than FEWEST_KEPT.
    """
    sources = _sources(base, taxonomy, renames or {})
    _check(taxonomy, examples, sources)
    _check_corrections(correct, examples, sources)
    data = _Data.of(base, taxonomy, examples, background)
    return _Fitter(base, taxonomy, sources, data, correct).run()


def _sources(base: Base, taxonomy: Taxonomy, renames: Mapping[str, str]) -> dict[str, int]:
    """The base's position of every topic that it has under its old or new name."""
    place = {topic: at for at, topic in enumerate(base.directory.topics)}
    for old, new in renames.items():
        if old not in place or new not in taxonomy:
            raise TaxonomyError(
                f"cannot rename {old} to {new}",
                fix="The first must be a topic of the base, the second one of the taxonomy.",
            )
        if new in place and new != old:
            raise TaxonomyError(f"cannot rename {old} to {new}: the base has {new} already")
        place[new] = place.pop(old)
    return {topic: at for topic, at in place.items() if topic in taxonomy}


def _check(taxonomy: Taxonomy, examples: Sequence[Example], sources: Mapping[str, int]) -> None:
    for at, example in enumerate(examples, start=1):
        for topic in example.topics:
            if topic not in taxonomy:
                raise TaxonomyError(
                    f"example {at} is about {topic}, which the taxonomy does not have",
                    fix="Correct it, or add the topic to the taxonomy.",
                )
    for topic in taxonomy:
        count = sum(topic in example.topics for example in examples)
        if topic not in sources and count < FEWEST_NEW:
            raise TaxonomyError(
                f"{topic} is new and has {count} examples",
                fix=f"Give {FEWEST_NEW} or more, about ten per language; or --rename OLD={topic}.",
            )


def _check_corrections(
    correct: Collection[str], examples: Sequence[Example], sources: Mapping[str, int]
) -> None:
    for topic in correct:
        count = sum(topic in example.topics for example in examples)
        if topic not in sources or count < FEWEST_KEPT:
            raise TaxonomyError(
                f"cannot correct {topic}, which has {count} examples",
                fix=f"It must be a topic of the base, with {FEWEST_KEPT} examples or more.",
            )


@dataclass(frozen=True, slots=True)
class _Data:
    """Examples, then definitions, then background: all that the heads are fitted on.

    `topic` [M, n], `polarity` [M, n] in {0, 1, 2}, `fold` [M]: -1 for what is never left out.
    """

    examples: int
    features: Floats
    logits: Mapping[str, NDArray[np.float32]]
    topic: Bools
    polarity: NDArray[np.int64]
    weights: Floats
    fold: NDArray[np.int64]

    @classmethod
    def of(
        cls, base: Base, taxonomy: Taxonomy, examples: Sequence[Example], background: Sequence[str]
    ) -> _Data:
        defined = [
            (normalise(clean(text)), topic.code)
            for topic in taxonomy.topics
            for text in topic.definitions.values()
        ]
        texts = [e.text for e in examples] + [text for text, _ in defined] + list(background)
        place = {topic: at for at, topic in enumerate(taxonomy)}
        topic = np.zeros((len(texts), len(taxonomy)), bool)
        polarity = np.ones(topic.shape, np.int64)
        for at, example in enumerate(examples):
            for name, sign in example.topics.items():
                topic[at, place[name]], polarity[at, place[name]] = True, sign + 1
        for at, (_, name) in enumerate(defined, start=len(examples)):
            topic[at, place[name]] = True
        logits = base.logits(texts)
        sizes = (len(examples), len(defined), len(background))
        weights = np.repeat([1.0, _DEFINITION_WEIGHT, _BACKGROUND_WEIGHT], sizes)
        return cls(
            len(examples),
            _SCALE * logits["embedding"].astype(np.float64),
            logits,
            topic,
            polarity,
            weights,
            _folds(topic[: len(examples)], len(texts)),
        )


def _folds(topic: Bools, rows: int) -> NDArray[np.int64]:
    """A fold for each example, the examples of a topic spread evenly; -1 for the other rows."""
    fold = np.full(rows, -1, np.int64)
    first = np.where(topic.any(1), topic.argmax(1), topic.shape[1])
    for kind in np.unique(first):
        members = np.flatnonzero(first == kind)
        fold[members] = (np.arange(len(members)) + kind) % _FOLDS
    return fold


class _Fitter:
    def __init__(
        self,
        base: Base,
        taxonomy: Taxonomy,
        sources: Mapping[str, int],
        data: _Data,
        correct: Collection[str],
    ) -> None:
        self._correct = correct
        self._base, self._taxonomy, self._sources, self._data = base, taxonomy, sources, data
        self._heat = base.directory.calibration.temperatures

    def run(self) -> Refit:
        """The heads of the base in the new order, with what the examples add to each."""
        heads = self._carried()
        fits = [self._topic(heads, at, topic) for at, topic in enumerate(self._taxonomy)]
        return Refit(heads, tuple(fits))

    def _carried(self) -> Heads:
        old = self._base.heads
        heads = Heads.of_graph(np.full(len(self._taxonomy), -1), old.weight.shape[1])
        for at, topic in enumerate(self._taxonomy):
            if topic in self._sources:
                source = self._sources[topic]
                for name in (
                    "column",
                    "weight",
                    "bias",
                    "polarity_weight",
                    "polarity_bias",
                    "share",
                ):
                    getattr(heads, name)[at] = getattr(old, name)[source]
            else:
                heads.share[at] = self._heat["polarity"] / self._heat["sentiment"]
        return heads

    def _topic(self, heads: Heads, at: int, topic: str) -> TopicFit:
        count = int(self._data.topic[: self._data.examples, at].sum())
        source = self._sources.get(topic)
        offset, before, cut = self._known(source)
        seen = slice(self._data.examples)
        if source is not None and topic not in self._correct:
            return TopicFit(topic, "kept", cut, count, before, before)
        how = "corrected" if source is not None else "new"
        weight, bias, likely = self._fitted(
            at, offset, _RIDGES["kept" if source is not None else "new"]
        )
        heads.weight[at] += (self._heat["topic"] * _SCALE * weight).astype(np.float32)
        heads.bias[at] += self._heat["topic"] * bias
        self._fit_polarity(heads, at, source)
        cut = best_cut(likely, self._data.topic[seen, at])
        return TopicFit(topic, how, cut, count, before, likely >= cut)

    def _known(self, source: int | None) -> tuple[Floats, Bools, float]:
        """Of a topic of the base: log odds [M], decisions on the examples, the cut."""
        if source is None:
            rows = len(self._data.features)
            return np.zeros(rows), np.zeros(self._data.examples, bool), 0.5
        logits = self._data.logits["topic"][:, source].astype(np.float64) / self._heat["topic"]
        cut = float(self._base.directory.calibration.cuts[source])
        return logits, sigmoid(logits)[: self._data.examples] >= cut, cut

    def _fitted(self, at: int, offset: Floats, ridge: float) -> tuple[Floats, float, Floats]:
        """Weights and bias from everything; probabilities [N] of the examples out of fold."""
        data = self._data
        likely = np.zeros(data.examples)
        for fold in range(_FOLDS):
            train, test = data.fold != fold, np.flatnonzero(data.fold == fold)
            weight, bias = self._binary(at, offset, train, ridge)
            likely[test] = sigmoid(offset[test] + data.features[test] @ weight + bias)
        weight, bias = self._binary(at, offset, np.ones(len(offset), bool), ridge)
        return weight, bias, likely

    def _binary(self, at: int, offset: Floats, rows: Bools, ridge: float) -> tuple[Floats, float]:
        data = self._data
        return logistic.fit_binary(
            data.features[rows], data.topic[rows, at], offset[rows], data.weights[rows], ridge=ridge
        )

    def _fit_polarity(self, heads: Heads, at: int, source: int | None) -> None:
        """From the examples of the topic alone; definitions have no polarity."""
        data, heat = self._data, self._heat
        rows = np.flatnonzero(data.topic[: data.examples, at])
        if source is not None:
            offset = data.logits["polarity"][rows, source] / heat["polarity"]
        else:
            offset = data.logits["sentiment"][rows] / heat["sentiment"]
        weight, bias = logistic.fit(
            data.features[rows], data.polarity[rows, at], offset.astype(np.float64),
            data.weights[rows], ridge=_RIDGES["polarity"],
        )  # fmt: skip
        # With few examples of a polarity its bias would run away: the prior holds it.
        share = len(rows) / (len(rows) + 4 * FEWEST_KEPT)
        heads.polarity_weight[at] += (heat["polarity"] * _SCALE * weight).astype(np.float32)
        heads.polarity_bias[at] += (heat["polarity"] * share * bias).astype(np.float32)


def best_cut(likely: Floats, real: Bools) -> float:
    """The cut with the best F1, drawn towards 0.5 where few examples speak for another."""
    belief = _BELIEF / (real.sum() + _BELIEF)

    def value(cut: float) -> float:
        said = likely >= cut
        total = said.sum() + real.sum()
        f1 = 2 * float((said & real).sum()) / total if total else 0.0
        return f1 - belief * abs(cut - 0.5)

    return round(float(max(_CUTS, key=value)), 3)
