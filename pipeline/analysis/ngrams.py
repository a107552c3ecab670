"""Texts as vectors without a model: hashed character n-grams, and the terms that name a group.

Works for Chinese, Korean and English alike, as nothing is cut into words for the vectors.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BUCKETS = 1 << 14
_MAX_CHARS = 400
_SPACE = re.compile(r"[\s!-&(-,./:-@\[-`{-~。、，！？；：“”「」『』…·]+")
_PLACEHOLDER = re.compile(r"<[A-Z_]{2,20}>|https?://\S+")
_WORD = re.compile(r"[^\W\d_][^\W_]*(?:['’-][^\W_]+)*")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
PRIOR = 500.0
"""Terms' counts in the prior of `distinctive`, all terms together."""


def normalised(text: str) -> str:
    """Lower case, NFKC, one space for any and punctuation; placeholders and addresses left out."""
    plain = unicodedata.normalize("NFKC", _PLACEHOLDER.sub(" ", text)).casefold()
    return _SPACE.sub(" ", plain).strip()


def vectors(texts: Sequence[str] | NDArray[Any]) -> Any:
    """TF-IDF vectors [n, BUCKETS] of character 2- and 3-grams, sparse, rows of length 1.

    Weight (1 + log count)·(1 + log((1 + n)/(1 + document frequency))); hashed by CRC-32, so the
    same everywhere. A row without text is all 0.
    """
    rows: list[int] = []
    columns: list[int] = []
    values: list[int] = []
    for row, text in enumerate(texts):
        counts = Counter(zlib.crc32(gram.encode()) % BUCKETS for gram in _grams(text))
        rows += [row] * len(counts)
        columns += counts.keys()
        values += counts.values()
    shape = (len(texts), BUCKETS)
    weight = 1 + np.log(np.array(values, np.float64))
    table = sparse.csr_array((weight, (rows, columns)), shape=shape)
    frequency = np.bincount(table.indices, minlength=BUCKETS)
    idf = np.log((1 + len(texts)) / (1 + frequency)) + 1
    table.data *= idf[table.indices]
    length = np.sqrt(np.asarray(table.multiply(table).sum(1)).reshape(-1))
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return sparse.csr_array(table.multiply(scale[:, None]))


def similarities(table: Any) -> NDArray[np.float64]:
    """Cosines [n, n] of rows of length 1."""
    product = table @ table.T
    dense = product.toarray() if sparse.issparse(product) else product
    return np.asarray(dense, np.float64)


def terms(text: str) -> Iterator[str]:
    """The terms of a text: words, and n-grams of 2 to 4 characters of runs of Han characters.

    Laughter and the like ("ㅋㅋㅋ", "哈哈", "!!!") is no term.
    """
    return (term for term in _terms(text) if len(set(term)) > 1)


def _terms(text: str) -> Iterator[str]:
    plain = normalised(text)
    for run in _HAN.findall(plain):
        for size in (2, 3, 4):
            yield from (run[i : i + size] for i in range(len(run) - size + 1))
    yield from (word for word in _WORD.findall(_HAN.sub(" ", plain)) if len(word) > 1)


def distinctive(group: Sequence[str], rest: Sequence[str], number: int = 5) -> tuple[str, ...]:
    """The terms that tell the texts of `group` from `rest`, the most telling first.

    z-scores of log-odds ratios with an informative Dirichlet prior from all texts (Monroe, Colaresi
    and Quinn 2008, "Fightin' Words"); a term counts once in a text. Parts of a chosen term that are
    hardly more frequent than it are left out.
    """
    mine, other = _document_counts(group), _document_counts(rest)
    if not mine:
        return ()
    names = [term for term, count in mine.items() if count >= min(2, len(group))]
    a = np.array([mine[name] for name in names], np.float64)
    b = np.array([other[name] for name in names], np.float64)
    prior = PRIOR * (a + b) / max(sum(mine.values()) + sum(other.values()), 1) + 0.01
    odds = _log_odds(a + prior, sum(mine.values()) + PRIOR)
    gap = odds - _log_odds(b + prior, sum(other.values()) + PRIOR)
    z = gap / np.sqrt(1 / (a + prior) + 1 / (b + prior))
    order = sorted(range(len(names)), key=lambda i: (-z[i], -len(names[i]), names[i]))
    return _chosen([names[i] for i in order if z[i] > 0], mine, number)


def _chosen(names: list[str], counts: Counter[str], number: int) -> tuple[str, ...]:
    kept: list[str] = []
    for name in names:
        if len(kept) == number:
            break
        whole = [k for k in kept if name in k]
        if any(counts[name] <= 1.5 * counts[k] for k in whole):
            continue
        parts = [k for k in kept if k in name and counts[k] <= 1.5 * counts[name]]
        kept = [k for k in kept if k not in parts[1:]]
        if parts:
            kept[kept.index(parts[0])] = name
        else:
            kept.append(name)
    return tuple(kept)


def _log_odds(count: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    return np.asarray(np.log(count) - np.log(np.maximum(total - count, 1e-9)), np.float64)


def _document_counts(texts: Sequence[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(terms(text)))
    return counts


def _grams(text: str) -> Iterator[str]:
    plain = normalised(text)[:_MAX_CHARS]
    plain = f" {plain} " if plain else ""
    for size in (2, 3):
        yield from (plain[i : i + size] for i in range(len(plain) - size + 1))
