"""Linear models on letter n-grams: minutes of CPU time for every text there is.

They see all texts, the encoder only some; each is wrong elsewhere, so their logits are added.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, SGDClassifier

from models.training.hashing import BASE, LONGEST

log = logging.getLogger(__name__)

Ids = Sequence[Sequence[int]]
Letters = NDArray[np.int64]
Keys = NDArray[np.int32]
Floats = NDArray[np.float32]

_EMPTY = -1


def _numbered(ids: Ids, letters: Letters) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of all n-grams of all texts, and the text that each is of."""
    lengths = np.array([len(row) for row in ids])
    flat = np.fromiter((i for row in ids for i in row), np.int64, int(lengths.sum()))
    spelt = letters[flat]
    there = spelt > 0
    place = np.repeat(np.arange(len(ids)), lengths).repeat(there.sum(1))
    text = spelt[there]
    numbers, texts = [text], [place]
    for reach in range(2, LONGEST + 1):
        end = max(len(text) - reach + 1, 0)
        inside = place[:end] == place[reach - 1 :]
        value = numbers[-1]
        longer = value[:end] * BASE + text[reach - 1 :]
        numbers.append(longer)
        texts.append(np.where(inside, place[:end], -1))
    numbers_, texts_ = np.concatenate(numbers), np.concatenate(texts)
    return numbers_[texts_ >= 0], texts_[texts_ >= 0]


def dictionary(ids: Ids, letters: Letters, rows: int, least: int) -> Keys:
    """[rows] keys of the n-grams found at least `least` times; of two for one row the commoner."""
    numbers, counts = np.unique(_numbered(ids, letters)[0], return_counts=True)
    often = counts >= least
    numbers = numbers[often][np.argsort(counts[often], kind="stable")]
    keys = np.full(rows, _EMPTY, np.int32)
    keys[numbers % rows] = numbers // rows
    log.info("%d n-grams, %d rows taken", len(numbers), int((keys != _EMPTY).sum()))
    return keys


def features(ids: Ids, letters: Letters, keys: Keys) -> csr_matrix:
    """[N, rows] counts of known n-grams over the root of their number, as NgramLogits adds them."""
    numbers, texts = _numbered(ids, letters)
    row, key = numbers % len(keys), numbers // len(keys)
    known = keys[row] == key
    row, texts = row[known], texts[known]
    number = np.bincount(texts, minlength=len(ids))
    values = (1 / np.sqrt(np.maximum(number, 1)))[texts].astype(np.float32)
    found = csr_matrix((values, (texts, row)), shape=(len(ids), len(keys)))
    found.sum_duplicates()
    return found


def _rarity(counts: csr_matrix) -> Floats:
    """Inverse document frequency of each row, 1 for one text in 3,000: rare ones learn faster."""
    touched = np.bincount(counts.indices, minlength=counts.shape[1])
    return (np.log((1 + counts.shape[0]) / (1 + touched)) / 8).astype(np.float32)


def _scaled(counts: csr_matrix) -> tuple[csr_matrix, Floats]:
    """Counts by rarity, of unit length on average, and what each row was multiplied with."""
    weight = _rarity(counts)
    found = counts.copy()
    found.data *= weight[found.indices]
    norm = float(np.sqrt((found.data**2).sum() / counts.shape[0]))
    found.data /= norm
    return found, weight / norm


def sides(
    counts: csr_matrix, target: NDArray[np.int64], trust: NDArray[np.float64], *,
    alpha: float = 1e-6, seed: int = 0,
) -> tuple[Floats, Floats]:  # fmt: skip
    """[rows, k] logits to add up and [k] biases: one class against the rest, each text `trust`.

    By stochastic descent, for half a million texts. Two classes have one column.
    """
    scaled, weight = _scaled(counts)
    head = SGDClassifier(loss="log_loss", alpha=alpha, max_iter=6, tol=None, random_state=seed)
    head.fit(scaled, target, sample_weight=trust)
    return _unscaled(head, weight)


def questions(
    counts: csr_matrix, answers: NDArray[np.int64], *, strength: float = 16.0
) -> tuple[Floats, Floats]:
    """[rows, k] logits to add up and [k] biases of k yes-no questions, for few texts.

    A question that nobody or everybody answers with yes adds nothing.
    """
    scaled, weight = _scaled(counts)
    columns = [_question(scaled, column, weight, strength) for column in answers.T]
    return np.concatenate([c for c, _ in columns], 1), np.concatenate([b for _, b in columns])


def _question(
    scaled: csr_matrix, answer: NDArray[np.int64], weight: Floats, strength: float
) -> tuple[Floats, Floats]:
    if len(np.unique(answer)) < 2:
        return np.zeros((len(weight), 1), np.float32), np.zeros(1, np.float32)
    head = LogisticRegression(C=strength, solver="liblinear", random_state=0)
    return _unscaled(head.fit(scaled, answer), weight)


def _unscaled(head: SGDClassifier | LogisticRegression, weight: Floats) -> tuple[Floats, Floats]:
    weights = head.coef_.T * weight[:, None]
    return weights.astype(np.float32), head.intercept_.astype(np.float32)
