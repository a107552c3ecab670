"""Emerging topics: groups of contacts that no topic of the taxonomy explains.

Spherical k-means (Dhillon and Modha 2001) on embeddings, for several k; each language and mood is
centred on its own mean, so that groups are of matter and of neither.  A group is reported only if

* it comes back: over subsamples of 80 % its best Jaccard overlap averages 0.75 or more (Hennig
  2007, clusterwise stability),
* it holds together: the mean cosine to its middle is 0.5 or more, and
* it has a name: in the languages of half of its contacts, a term that a quarter of them share,
  three times as frequent as in the other contacts (see `ngrams.distinctive` for which).

Groups of different k that overlap are one: the closest and most stable stays.  Data without
structure have no such groups, and then there are none to report.  Names are a proposal for whoever
adds the topic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from pipeline.analysis import ngrams
from pipeline.analysis.columns import (
    Bools,
    Columns,
    Floats,
    Ints,
    Texts,
    cross,
    groups,
    texts,
    times,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, rate_ratio, share
from pipeline.analysis.period import Period

SAMPLE = 2000
"""Contacts that groups are sought in; of more, a seeded sample. The rest are assigned."""
WIDTH = 48
"""Dimensions that are kept of the vectors."""
STABLE = 0.75
"""Mean Jaccard overlap of a valid group (Hennig 2007)."""
NAMED, LIFT = 0.25, 3.0
MIN_GROWTH = 10
"""Contacts of a group, recent and before together, that its growth needs."""
OVERLAP = 0.5
"""Groups of which more is in a better one are the same group seen again."""
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

    Reads `text`, `language`, `sentiment` if there and, with `recent`, `occurred_at`. `vectors`
    [n, d] are embeddings of the rows; without them character n-grams are used, which find repeated
    wording within a language.
    """
    words = texts(columns, "text")
    if len(words) < 3 * min_size:
        return TooFew("contacts", len(words), 3 * min_size)
    points = _points(columns, vectors)
    sample = np.sort(np.random.default_rng(seed).permutation(len(words))[:SAMPLE])
    when = times(columns, "occurred_at") if recent else np.zeros(len(words))
    taken = np.zeros(len(words), bool)
    found = []
    for group in _candidates(points, sample, min_size, seed):
        if taken[group.rows].mean() > OVERLAP:
            continue
        rows = group.rows[~taken[group.rows]]
        terms = _terms(columns, rows)
        if len(set(words[rows])) < min_size or not _named(columns, rows, terms):
            continue
        taken[rows] = True
        kept = _Group(rows, group.stability, group.cohesion)
        found.append(_cluster(words, kept, terms, _growth(when, rows, recent)))
    found.sort(key=lambda cluster: (-cluster.contacts, cluster.rows))
    return Emerging(len(words), tuple(found), len(words) - int(taken.sum()))


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows, the most central first."""

    rows: Ints
    stability: float
    cohesion: float


def _candidates(points: Floats, sample: Ints, min_size: int, seed: int) -> list[_Group]:
    """Stable and cohesive groups of every k, the best first."""
    found = []
    for k in COUNTS:
        if k * min_size > len(sample):
            break
        middles = kmeans(points[sample], k, np.random.default_rng([seed, k]))
        inside, _ = _assign(points[sample], middles)
        stability = _stability(points[sample], inside, k, seed)
        cohesion = _cohesion(points, middles)
        owner, nearness = _assign(points, middles)
        for number in np.flatnonzero((stability >= STABLE) & (cohesion >= COHESIVE)):
            rows = np.flatnonzero(owner == number)
            rows = rows[np.argsort(-nearness[rows], kind="stable")]
            if len(rows) >= min_size:
                found.append(_Group(rows, float(stability[number]), float(cohesion[number])))
    return sorted(found, key=lambda g: (-round(g.stability * g.cohesion, 2), -len(g.rows)))


def _points(columns: Columns, vectors: NDArray[np.float32] | NDArray[np.float64] | None) -> Floats:
    """Vectors [n, WIDTH or less] of length 1, centred by language and, if there, sentiment."""
    if vectors is None:
        table = ngrams.vectors(texts(columns, "text"))
        width = min(WIDTH, min(table.shape) - 1)
        start = np.random.default_rng(0).standard_normal(min(table.shape))
        left, scale, _ = svds(table, k=width, v0=start)
        raw = left * scale
    else:
        raw = np.asarray(vectors, np.float64)
    strata = [groups(columns, n).codes for n in ("language", "sentiment") if n in columns]
    stratum = cross(*strata)
    count = np.bincount(stratum)
    means = np.stack([np.bincount(stratum, column) for column in raw.T], 1) / count[:, None]
    # A few contacts are their own mean: centring would leave only noise of them.
    means[count < 20] = raw.mean(0)
    centred = raw - means[stratum]
    if centred.shape[1] > WIDTH:
        _, vectors_of = np.linalg.eigh(centred.T @ centred)
        centred = centred @ vectors_of[:, -WIDTH:]
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return _ratio(centred, length)


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
    words: Texts,
    group: _Group,
    terms: Mapping[str, tuple[str, ...]],
    growth: Estimate | TooFew | None,
) -> Cluster:
    return Cluster(
        rows=tuple(int(row) for row in group.rows),
        contacts=len(group.rows),
        distinct=len(set(words[group.rows])),
        share=share(len(group.rows), len(words)),
        stability=group.stability,
        cohesion=group.cohesion,
        terms=terms,
        growth=growth,
    )


def _named(columns: Columns, rows: Ints, terms: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether half of the group is in languages in which a term names it; see the module."""
    words, language = texts(columns, "text"), texts(columns, "language")
    inside = np.zeros(len(words), bool)
    inside[rows] = True
    named = 0
    for name, proposed in terms.items():
        mine = np.flatnonzero(language == name)
        plain = [ngrams.normalised(words[row]) for row in mine]
        ours = inside[mine]
        if any(_names(np.array([term in text for text in plain]), ours) for term in proposed):
            named += int(ours.sum())
    return 2 * named >= len(rows)


def _names(has: Bools, ours: Bools) -> bool:
    """Whether texts that have a term are a quarter of ours, and thrice as rare elsewhere."""
    elsewhere = float(has[~ours].mean()) if not ours.all() else 0.0
    return float(has[ours].mean()) >= max(NAMED, LIFT * elsewhere)


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
    if k1 + k0 < MIN_GROWTH:
        return TooFew("contacts", int(k1 + k0), MIN_GROWTH)
    if k0 == 0 or not new.any():
        return TooFew("earlier contacts" if k0 == 0 else "contacts", 0, 1)
    return rate_ratio(k1, float(new.sum()), k0, float(old.sum()))
