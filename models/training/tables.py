"""The two n-gram tables: which texts teach them, and how they are joined with the encoder."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.training import ngrams
from models.training.batches import encode
from models.training.calibrate import Truth, softmax, truth
from models.training.data import Example, declared
from models.training.hashing import FEELING_ROWS, MOST_TOKENS, SUBJECT_ROWS
from models.training.network import SIDES, ContactClassifier, NgramLogits, WithNgrams

log = logging.getLogger(__name__)

Floats = NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Keys [rows], weights [rows, k] and biases [k] of one NgramLogits."""

    keys: ngrams.Keys
    weights: ngrams.Floats
    bias: ngrams.Floats

    def save(self, path: Path) -> None:
        """Writes an .npz file."""
        np.savez(path, keys=self.keys, weights=self.weights, bias=self.bias)

    @classmethod
    def load(cls, path: Path) -> Table:
        """Reads what `save` wrote."""
        found = np.load(path)
        return cls(found["keys"], found["weights"], found["bias"])

    def logits(self, ids: ngrams.Ids, letters: ngrams.Letters) -> ngrams.Floats:
        """[N, k] logits of texts."""
        found: ngrams.Floats = ngrams.features(ids, letters, self.keys) @ self.weights + self.bias
        return found


def _ids(tokenizer: Tokenizer, examples: Sequence[Example], cap: int) -> list[list[int]]:
    return encode(tokenizer, [e.text for e in examples], cap)


def feelings(examples: Sequence[Example], tokenizer: Tokenizer, letters: ngrams.Letters) -> Table:
    """Positive against negative, and the complaint, from every text with such a label.

    Neutral is left out: Korean texts with weak labels have none, so the table would take every
    Korean text for anything else.
    """
    known = [e for e in examples if e.sentiment in (0, 2) or e.complaint >= 0]
    ids = _ids(tokenizer, known, MOST_TOKENS)
    keys = ngrams.dictionary(ids, letters, FEELING_ROWS, 5)
    counts = ngrams.features(ids, letters, keys)
    sentiment = np.array([e.sentiment for e in known])
    felt = np.flatnonzero((sentiment == 0) | (sentiment == 2))
    side = (sentiment[felt] == 2).astype(np.int64)
    mood, mood_bias = ngrams.sides(counts[felt], side, _balance(known)[felt])
    complaint = np.array([e.complaint for e in known])
    said = np.flatnonzero(complaint >= 0)
    equal = np.ones(len(said))
    fault, fault_bias = ngrams.sides(counts[said], complaint[said], equal, alpha=3e-6)
    return Table(keys, np.concatenate([mood, fault], 1), np.concatenate([mood_bias, fault_bias]))


def _balance(examples: Sequence[Example]) -> NDArray[np.float64]:
    """Weights under which a balanced source has as many negative as positive texts."""
    sources = np.array([e.source for e in examples])
    sentiment = np.array([e.sentiment for e in examples])
    weight = np.ones(len(examples))
    for name, spec in declared(permissive_only=False).items():
        if spec.get("balanced"):
            of_source = [(sources == name) & (sentiment == side) for side in (0, 2)]
            total = sum(int(rows.sum()) for rows in of_source)
            for rows in of_source:
                weight[rows] = total / 2 / max(int(rows.sum()), 1)
    return weight


def subjects(
    careful: Sequence[Example], tokenizer: Tokenizer, letters: ngrams.Letters,
    names: Sequence[str],
) -> Table:  # fmt: skip
    """Churn, the topics, three sentiments and the complaint, from the annotations alone."""
    ids = _ids(tokenizer, careful, MOST_TOKENS)
    keys = ngrams.dictionary(ids, letters, SUBJECT_ROWS, 2)
    known = truth(careful, names)
    side = np.eye(3, dtype=np.int64)[known.sentiment]
    answers = [known.churn[:, None], known.topic, side, known.complaint[:, None]]
    counts = ngrams.features(ids, letters, keys)
    return Table(keys, *ngrams.questions(counts, np.concatenate(answers, 1)))


_GRID = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0)
_HEAT = np.exp(np.linspace(np.log(0.5), np.log(3.0), 15))


@dataclass(frozen=True)
class Asked:
    """What the encoder (`ours`) and the tables (`theirs`) say of texts, and the truth."""

    ours: Mapping[str, Floats]
    theirs: Mapping[str, Floats]
    known: Truth


def shares(choice: Asked, spare: Asked | None) -> dict[str, float]:
    """How much of each table's logits to add: what makes the truth likeliest.

    `sentiment` and `complaint` come from both tables, first from the one of every text. `spare`
    are texts of the sources of weak labels, of which only the sentiment is known: the annotated
    `choice` alone would hardly use what that table knows of them. `neutral` is what is added to
    that sentiment: many weak labels know no neutral, so the encoder says it too seldom.
    """
    found = {}
    for name, tables in _QUESTIONS.items():
        judged = [_part(choice, name, tables)]
        if spare and name == "sentiment":
            judged.append(_two_sided(_part(spare, name, tables)))
        found.update(zip(tables, _best(judged), strict=True))
    return found


_QUESTIONS = {
    "sentiment": ("sentiment", "careful_sentiment", "neutral"),
    "complaint": ("complaint", "careful_complaint"),
    "churn": ("churn",),
    "topic": ("topic",),
}
"""What is added to the encoder's answer to each question."""

Judged: TypeAlias = tuple[Floats, tuple[Floats, ...], NDArray[np.int64]]


def _part(asked: Asked, name: str, tables: Sequence[str]) -> Judged:
    theirs = tuple(asked.theirs[table] for table in tables)
    return asked.ours[name], theirs, getattr(asked.known, name)


def _two_sided(judged: Judged) -> Judged:
    """Without neutral: of a source that knows two sides."""
    ours, theirs, target = judged
    return ours[:, ::2], tuple(t[:, ::2] for t in theirs), target // 2


def _best(judged: Sequence[Judged]) -> tuple[float, ...]:
    def loss(share: tuple[float, ...]) -> float:
        return sum(_cooled(judged_of, share) for judged_of in judged)

    return min(product(_GRID, repeat=len(judged[0][1])), key=loss)


def _cooled(judged: Judged, share: tuple[float, ...]) -> float:
    """The loss under the temperature that suits it best."""
    ours, theirs, target = judged
    total = ours + sum(s * t for s, t in zip(share, theirs, strict=True))
    return min(_loss(total / heat, target) for heat in _HEAT)


def _loss(logits: Floats, target: NDArray[np.int64]) -> float:
    if logits.shape == target.shape:
        return float(np.logaddexp(0, np.where(target == 1, -logits, logits)).mean())
    likely = softmax(logits)[np.arange(len(target)), target]
    return float(-np.log(np.maximum(likely, 1e-9)).mean())


def split_logits(feeling: Floats, subject: Floats) -> dict[str, Floats]:
    """The tables' logits by question."""
    return {
        "sentiment": feeling[:, :1] * SIDES.numpy(),
        "complaint": feeling[:, 1],
        "churn": subject[:, 0],
        "topic": subject[:, 1:-4],
        "careful_sentiment": subject[:, -4:-1],
        "neutral": np.tile(np.float32([0, 1, 0]), (len(subject), 1)),
        "careful_complaint": subject[:, -1],
    }


def join(
    model: ContactClassifier,
    letters: ngrams.Letters,
    feeling: Table,
    subject: Table,
    share: Mapping[str, float],
) -> WithNgrams:
    """The model that is exported."""
    whole = WithNgrams(model, letters)
    _fill(whole.feelings, feeling, [share["sentiment"], share["complaint"]])
    careful = [share["careful_sentiment"]] * 3 + [share["careful_complaint"]]
    _fill(whole.subjects, subject, [share["churn"]] + [share["topic"]] * model.topics + careful)
    model.sentiment.bias.data[1] += share["neutral"]
    return whole.eval()


def _fill(module: NgramLogits, table: Table, scale: Sequence[float]) -> None:
    columns = torch.tensor(scale)
    module.table.weight.data = torch.from_numpy(table.weights) * columns
    module.bias.data = torch.from_numpy(table.bias) * columns
    module.keys.copy_(torch.from_numpy(table.keys)[:, None])
