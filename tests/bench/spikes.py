"""`make bench-spikes`: false alarms, recall and delay of the spike detector beside simple rules.

Simulated complaints an hour: weekday and hour profile, negative binomial with dispersion 1 to 4,
mean 1 to 500. `--csv FILE --labels FILE` judges a labelled series in the form of NAB instead.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np

from pipeline.analysis.few import TooFew
from pipeline.analysis.spikes import Calendar, Policy, episodes, score

FIRST = date(2026, 1, 5)
TRAIN_DAYS = 56
Opened = list[int]


def profile(windows: int) -> np.ndarray:
    """The rhythm of a contact centre, mean 1: little at night, a third less at weekends."""
    hour = np.arange(windows) % 24
    day = np.arange(windows) // 24 % 7
    shape = 0.25 + np.exp(-(((hour - 11) / 4.0) ** 2)) + 0.8 * np.exp(-(((hour - 20) / 2.5) ** 2))
    shape = shape * np.where(day >= 5, 0.65, 1.1)
    return shape / shape[: 24 * 7].mean()


def draw(chance: np.random.Generator, mean: np.ndarray, phi: float) -> np.ndarray:
    """Counts with variance phi * mean."""
    if phi <= 1:
        return chance.poisson(mean).astype(float)
    return chance.poisson(chance.gamma(mean / (phi - 1), phi - 1)).astype(float)


def ours(counts: np.ndarray) -> Opened:
    """Windows at which voc opens a spike."""
    calendar = Calendar.hourly(FIRST, 0, len(counts))
    found = score(counts, calendar, Policy())
    return [] if isinstance(found, TooFew) else [each.first for each in episodes(found)]


def ears_c2(counts: np.ndarray) -> Opened:
    """EARS C2 (Hutwagner et al. 2003) per hour of day: mean + 3 sd of seven days, two days back."""
    fired = []
    for at in range(24 * 9, len(counts)):
        past = (
            counts[at - 24 * np.arange(3, 10)] if at >= 240 else counts[at - 24 * np.arange(3, 9)]
        )
        if counts[at] > past.mean() + 3 * max(past.std(ddof=1), 0.5):
            fired.append(at)
    return _merged(fired)


def z_score(counts: np.ndarray) -> Opened:
    """The usual Prometheus rule: three standard deviations above the mean of a week."""
    fired = []
    for at in range(168, len(counts)):
        past = counts[at - 168 : at]
        if counts[at] > past.mean() + 3 * past.std():
            fired.append(at)
    return _merged(fired)


def threshold(counts: np.ndarray) -> Opened:
    """Twice the largest hour of the first eight weeks."""
    limit = 2 * counts[: 24 * TRAIN_DAYS].max()
    return _merged([int(at) for at in np.flatnonzero(counts > limit)])


def _merged(fired: list[int]) -> Opened:
    """One alarm until six hours of silence."""
    return [at for n, at in enumerate(fired) if n == 0 or at - fired[n - 1] > 6]


METHODS: dict[str, Callable[[np.ndarray], Opened]] = {
    "voc": ours,
    "EARS C2": ears_c2,
    "z-score": z_score,
    "threshold": threshold,
}


def quiet(mean: float, phi: float, series: int, months: int, seed: int) -> dict[str, float]:
    """Alarms per slice-month where nothing happens."""
    chance = np.random.default_rng(seed)
    alarms = dict.fromkeys(METHODS, 0)
    windows = 24 * (TRAIN_DAYS + 30 * months)
    for _ in range(series):
        counts = draw(chance, mean * profile(windows), phi)
        for name, method in METHODS.items():
            alarms[name] += sum(at >= 24 * TRAIN_DAYS for at in method(counts))
    return {name: found / (series * months) for name, found in alarms.items()}


def jumps(
    mean: float, phi: float, factor: float, series: int, seed: int, *, slow: bool
) -> dict[str, tuple[float, float]]:
    """Share found (two hours for jumps, a day for slow rises), and the median delay in hours."""
    chance = np.random.default_rng(seed)
    delays: dict[str, list[float]] = {name: [] for name in METHODS}
    lasts = 72 if slow else 6
    allowed = 24 if slow else 1
    for _ in range(series):
        windows = 24 * (TRAIN_DAYS + 7)
        level = mean * profile(windows)
        # Jumps start in hours with at least the mean rate; a rise starts at any hour.
        hours = [
            t for t in range(24 * (TRAIN_DAYS + 1), windows - lasts) if slow or level[t] >= mean
        ]
        at = int(chance.choice(hours))
        ramp = np.minimum(1.0, np.arange(lasts) / 6) if slow else np.ones(lasts)
        level[at : at + lasts] *= 1 + (factor - 1) * ramp
        counts = draw(chance, level, phi)
        for name, method in METHODS.items():
            inside = [t - at for t in method(counts) if at - 1 <= t < at + lasts]
            delays[name].append(max(0.0, float(inside[0])) if inside else np.inf)
    return {
        name: (float(np.mean(np.array(d) <= allowed)), float(np.median(d)))
        for name, d in delays.items()
    }


def simulated(series: int, seed: int) -> None:
    """Prints the three tables."""
    head = "".join(f"{name:>14}" for name in METHODS)
    print(f"false alarms per slice-month ({series} series of 3 months each, seed {seed})")
    print(f"{'mean/h':>8}{'phi':>5}{head}")
    for mean in (1, 5, 20, 100, 500):
        for phi in (1, 2, 4):
            found = quiet(mean, phi, series, 3, seed)
            print(f"{mean:8}{phi:5}" + "".join(f"{found[name]:14.3f}" for name in METHODS))
    for slow, factors in ((False, (2, 3, 5)), (True, (1.5, 2))):
        within = "a day" if slow else "two hours"
        print(
            f"\n{'slow rises' if slow else 'jumps'}: share found within {within} (median delay, h)"
        )
        print(f"{'mean/h':>8}{'phi':>5}{'size':>6}{head}")
        for mean in (5, 20, 100, 500):
            for phi in (1, 2, 4):
                for factor in factors:
                    found_in = jumps(mean, phi, factor, series * 2, seed, slow=slow)
                    cells = "".join(
                        f"{share:8.2f} ({delay:3.0f})" for share, delay in found_in.values()
                    )
                    print(f"{mean:8}{phi:5}{factor:6}{cells}")


def labelled(series: Path, labels: Path) -> None:
    """A NAB-like CSV (timestamp,value) with a JSON list of [start, end] windows."""
    with series.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    counts = np.array([float(row["value"]) for row in rows])
    windows = [[datetime.fromisoformat(t) for t in pair] for pair in json.loads(labels.read_text())]
    calendar = Calendar.hourly(times[0].date(), times[0].hour, len(counts))
    found = score(counts, calendar)
    opened = [] if isinstance(found, TooFew) else [times[e.first] for e in episodes(found)]
    hit = sum(any(a <= t <= b for t in opened) for a, b in windows)
    false = sum(not any(a <= t <= b for a, b in windows) for t in opened)
    print(f"{series.name}: {hit} of {len(windows)} labelled windows found, {false} other alarms")


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=40)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--labels", type=Path)
    options = parser.parse_args()
    if options.csv and options.labels:
        labelled(options.csv, options.labels)
    else:
        simulated(options.series, options.seed)


if __name__ == "__main__":
    main()
