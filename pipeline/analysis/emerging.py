"""Emerging topics: groups of contacts that no topic of the taxonomy explains.

Spherical k-means (Dhillon and Modha 2001) on embeddings, each language centred on its own mean so
that groups are of matter and not of language.  A group is kept only if it comes back: over
subsamples of 80 % its best Jaccard overlap averages 0.75 or more (Hennig 2007, clusterwise
stability).  k is the one whose stable groups hold the most and closest contacts.  Data without
structure have no stable groups, and then there are none to report.

Names are terms that a group uses more than the other contacts in the same language (see
`ngrams.distinctive`): a proposal for whoever adds the topic, not a topic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from pipeline.analysis import ngrams
from pipeline.analysis.columns import Columns, Floats, Ints, groups, texts, times
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, rate_ratio, share
from pipeline.analysis.period import Period

SAMPLE = 2000
"""Contacts that groups are sought in; of more, a seeded sample. The rest are assigned."""
WIDTH = 48
"""Dimensions that are kept of the vectors."""
STABLE = 0.75
"""Mean Jaccard overlap of a valid group (Hennig 2007)."""
RUNS = 6
COUNTS = (2, 3, 4, 6, 8, 11, 15, 20, 28)
MIN_COSINE = 0.4
"""Contacts farther from their group's middle belong to none."""
COHESIVE = 0.5
"""Mean cosine to the middle, of all that are nearest to it, from which a group is one. What is left
over when clear groups are taken out is stable too, but loose: 0.39 to 0.48 in simulation, where
planted groups had 0.87 and more."""
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group. `rows` are its contacts, the most central first (`rows[:5]` are typical);
    `distinct` different texts; `share` of all contacts given; `stability` and `cohesion` (mean
    cosine to the middle of all that are nearest to it) in 0..1; `terms` by language; `growth` the
    ratio of its share in the recent period to that before, None if no recent period was asked."""

    rows: tuple[int, ...]
    contacts: int
    distinct: int
    share: Estimate
    stability: float
    cohesion: float
    terms: Mapping[str, tuple[str, ...]]
    growth: Estimate | TooFew | None


@dataclass(frozen=True, slots=True)
class Emerging:
    """Groups, the largest first; `loose` contacts belong to none."""

    contacts: int
    clusters: tuple[Cluster, ...]
    loose: int


def emerging(
    columns: Columns,
    vectors: NDArray[np.float32] | NDArray[np.float64] | None = None,
    *,
    min_size: int = 10,
    recent: Period | None = None,
    seed: int = 0,
) -> Emerging | TooFew:
    """Groups among contacts that have no topic: pass those alone.

    Reads `text`, `language` and, with `recent`, `occurred_at`. `vectors` [n, d] are embeddings of
    the rows; without them character n-grams are used, which group within a language only.
    """
    words = texts(columns, "text")
    if len(words) < 3 * min_size:
        return TooFew("contacts", len(words), 3 * min_size)
    points = _points(columns, vectors)
    sample = np.sort(np.random.default_rng(seed).permutation(len(words))[:SAMPLE])
    middles, stability = _best(points[sample], min_size, seed)
    owner, nearness = _assign(points, middles)
    cohesion = _cohesion(points, middles)
    when = times(columns, "occurred_at") if recent else np.zeros(len(words))
    found = []
    for number in range(len(middles)):
        rows = np.flatnonzero(owner == number)
        rows = rows[np.argsort(-nearness[rows], kind="stable")]
        valid = stability[number] >= STABLE and cohesion[number] >= COHESIVE
        if valid and len(set(words[rows])) >= min_size:
            growth = _growth(when, rows, recent)
            found.append(_cluster(columns, rows, stability[number], cohesion[number], growth))
    found.sort(key=lambda cluster: (-cluster.contacts, cluster.rows))
    inside = sum(cluster.contacts for cluster in found)
    return Emerging(len(words), tuple(found), len(words) - inside)


def _points(columns: Columns, vectors: NDArray[np.float32] | NDArray[np.float64] | None) -> Floats:
    """Vectors [n, WIDTH or less] of length 1, centred by language."""
    if vectors is None:
        table = ngrams.vectors(texts(columns, "text"))
        width = min(WIDTH, min(table.shape) - 1)
        start = np.random.default_rng(0).standard_normal(min(table.shape))
        left, scale, _ = svds(table, k=width, v0=start)
        raw = left * scale
    else:
        raw = np.asarray(vectors, np.float64)
    language = groups(columns, "language")
    count = np.maximum(language.count(), 1)
    means = np.stack([language.count(column) for column in raw.T], 1) / count[:, None]
    # A language with few contacts is its own mean: centring would leave only noise of it.
    means[count < 20] = raw.mean(0)
    centred = raw - means[language.codes]
    if centred.shape[1] > WIDTH:
        _, vectors_of = np.linalg.eigh(centred.T @ centred)
        centred = centred @ vectors_of[:, -WIDTH:]
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return _ratio(centred, length)


def _best(points: Floats, min_size: int, seed: int) -> tuple[Floats, Floats]:
    """Middles [k, d] and stabilities [k] of the k whose stable groups hold most."""
    best = -1.0, np.zeros((0, points.shape[1])), np.zeros(0)
    for k in COUNTS:
        if k * min_size > len(points):
            break
        middles = kmeans(points, k, np.random.default_rng([seed, k]))
        owner, nearness = _assign(points, middles)
        stability = _stability(points, owner, k, seed)
        held = (owner >= 0) & (stability[np.maximum(owner, 0)] >= STABLE)
        score = float(nearness[held].sum())
        if score > best[0]:
            best = score, middles, stability
    return best[1], best[2]


def kmeans(points: Floats, k: int, random: np.random.Generator, rounds: int = 20) -> Floats:
    """Middles [k, d] of spherical k-means; the best of two k-means++ starts."""
    best = -np.inf, np.zeros((k, points.shape[1]))
    for _ in range(2):
        middles = _start(points, k, random)
        for _ in range(rounds):
            owner = (points @ middles.T).argmax(1)
            moved = _middles(points, owner, middles)
            if np.allclose(moved, middles, atol=1e-6):
                break
            middles = moved
        score = float((points @ middles.T).max(1).sum())
        if score > best[0]:
            best = score, middles
    return best[1]


def _start(points: Floats, k: int, random: np.random.Generator) -> Floats:
    """k-means++ (Arthur and Vassilvitskii 2007): far points are likelier."""
    chosen = [int(random.integers(len(points)))]
    far = np.ones(len(points))
    while len(chosen) < k:
        far = np.minimum(far, np.maximum(1 - points @ points[chosen[-1]], 0))
        total = far.sum()
        weights = far / total if total > 0 else None
        chosen.append(int(random.choice(len(points), p=weights)))
    return points[chosen]


def _middles(points: Floats, owner: Ints, before: Floats) -> Floats:
    sums = (owner[None, :] == np.arange(len(before))[:, None]).astype(np.float64) @ points
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(length > 1e-9, sums / np.maximum(length, 1e-9), before)


def _assign(points: Floats, middles: Floats) -> tuple[Ints, Floats]:
    """Each point's group, -1 where it is too far from all, and its cosine to the middle."""
    if not len(middles):
        return np.full(len(points), -1), np.zeros(len(points))
    cosines = points @ middles.T
    owner = cosines.argmax(1)
    nearness = cosines[np.arange(len(points)), owner]
    return np.where(nearness >= MIN_COSINE, owner, -1), nearness


def _cohesion(points: Floats, middles: Floats) -> Floats:
    """Mean cosine [k] to each middle of all points that are nearest to it."""
    if not len(middles):
        return np.zeros(0)
    cosines = points @ middles.T
    owner = cosines.argmax(1)
    size = np.bincount(owner, minlength=len(middles))
    total = np.bincount(owner, cosines.max(1), len(middles))
    return np.asarray(total / np.maximum(size, 1), np.float64)


def _stability(points: Floats, owner: Ints, k: int, seed: int) -> Floats:
    """Mean over subsamples of each group's best Jaccard overlap with the subsample's groups."""
    found = np.zeros((RUNS, k))
    for run in range(RUNS):
        random = np.random.default_rng([seed, k, run + 1])
        rows = random.permutation(len(points))[: int(0.8 * len(points))]
        again, _ = _assign(points[rows], kmeans(points[rows], k, random))
        found[run] = _overlap(owner[rows], again, k)
    return np.asarray(found.mean(0), np.float64)


def _overlap(first: Ints, second: Ints, k: int) -> Floats:
    table = np.zeros((k + 1, k + 1))
    np.add.at(table, (first, second), 1.0)  # -1 is the last row and column
    size, other = table.sum(1)[:k], table.sum(0)[:k]
    common = table[:k, :k]
    union = size[:, None] + other[None, :] - common
    return np.asarray(_ratio(common, union).max(1), np.float64)


def _ratio(above: Floats, below: Floats) -> Floats:
    """The quotient, 0 where `below` is 0."""
    found: Floats = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return found


def _cluster(
    columns: Columns,
    rows: Ints,
    stability: float,
    cohesion: float,
    growth: Estimate | TooFew | None,
) -> Cluster:
    words, total = texts(columns, "text"), len(columns["text"])
    return Cluster(
        rows=tuple(int(row) for row in rows),
        contacts=len(rows),
        distinct=len(set(words[rows])),
        share=share(len(rows), total),
        stability=float(stability),
        cohesion=float(cohesion),
        terms=_terms(columns, rows),
        growth=growth,
    )


def _terms(columns: Columns, rows: Ints) -> dict[str, tuple[str, ...]]:
    """Naming terms by language, for languages with three contacts or more in the group."""
    words, language = texts(columns, "text"), texts(columns, "language")
    inside = np.zeros(len(words), bool)
    inside[rows] = True
    found = {}
    for name in sorted(str(name) for name in set(language[inside])):
        mine = language == name
        if (mine & inside).sum() >= 3:
            found[name] = ngrams.distinctive(words[mine & inside], words[mine & ~inside][:SAMPLE])
    return found


def _growth(when: Floats, rows: Ints, recent: Period | None) -> Estimate | TooFew | None:
    if recent is None:
        return None
    new, old = recent.holds(when), when < recent.first
    k1, k0 = float(new[rows].sum()), float(old[rows].sum())
    if k1 + k0 < 10 or k0 == 0 or not new.any():
        return TooFew("contacts", int(min(k1 + k0, 9)), 10)
    return rate_ratio(k1, float(new.sum()), k0, float(old.sum()))
