"""How often the report claims what was not planted, and how often it finds what was.

    python tests/bench/claims.py [--seeds N] [--size CONTACTS]

Each seed makes another sample company of the same kind. Its contacts are read as they were meant,
so that the figures are the analyses' and not the model's. A claim inside a placebo slice is false.
Everything a report compares is at stake at once: one report is one test of all placebos.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline import resources, sample
from pipeline.analysis.intervals import wilson
from pipeline.analysis.period import Period
from pipeline.cli.wiring import columns_query
from pipeline.contract import default_scales, initiative_from, volume_from
from pipeline.domain.taxonomy import Taxonomy
from pipeline.local.stack import Front
from pipeline.report import Report, Request, build
from pipeline.report.model import Claim
from pipeline.sample.intended import blocks, intended_rows
from pipeline.settings import WarehouseSettings
from pipeline.warehouse import ContactTable, InitiativeTable, VolumeTable, Warehouse, migrate

UNTIL = sample.DEFAULT_UNTIL
PERIOD = Period(UNTIL - timedelta(days=91), UNTIL)
PLANTED: Mapping[str, tuple[str, Mapping[str, str], frozenset[str]]] = {
    "double charge": ("changed", {"topic": "billing_payment"}, frozenset()),
    "new carrier, slow rise": (
        "rise", {"topic": "delivery", "region": "Hong Kong"}, frozenset(),
    ),
    "cold team": ("hotspot", {"topic": "staff_attitude", "team": "Seoul Care B"}, frozenset()),
    "callback worked": (
        "initiative", {"initiative": "callback-instead-of-holding"}, frozenset({"worked"}),
    ),
    "help pages without effect": (
        "initiative", {"initiative": "help-pages-rewritten"},
        frozenset({"no_effect_seen", "too_early"}),
    ),
    "refunds too early": (
        "initiative", {"initiative": "refunds-in-48-hours"}, frozenset({"too_early"}),
    ),
    "must-be": ("kano", {"dimension": "delivery"}, frozenset({"must_be"})),
    "attractive": ("kano", {"dimension": "staff_attitude"}, frozenset({"attractive"})),
    "performance": ("kano", {"dimension": "product_quality"}, frozenset({"performance"})),
    "keypad bias": ("layout", {"scale": "keypad-1-2-3"}, frozenset({"higher"})),
    "snowball": ("snowball", {"topic": "returns_refunds"}, frozenset()),
    "mix shift": ("mix", {"region": "Singapore"}, frozenset()),
    "SERVQUAL gap": ("servqual", {"dimension": "responsiveness"}, frozenset()),
}  # fmt: skip
"""What a report on the last 13 weeks should say: kind, slice, verdicts (none: any)."""


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--size", type=int, default=12_000)
    chosen = parser.parse_args()
    found: Counter[str] = Counter()
    false: Counter[str] = Counter()
    claims = placebos = wrong_reports = 0
    stray: Counter[str] = Counter()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        front = Front(Path(folder) / "data", Path(folder))
        front.child.start()
        front.wait(60)
        try:
            for seed in range(1, chosen.seeds + 1):
                report = reported(front.port, seed, chosen.size)
                found.update(name for name in PLANTED if is_found(name, report))
                wrong = false_claims(report, seed, chosen.size)
                false.update(wrong)
                wrong_reports += bool(wrong)
                stray.update(unplanted(report))
                claims += len(places(report))
                placebos += len(sample.truth(seed, chosen.size).placebos)
        finally:
            front.stop()
    print(f"\n{chosen.seeds} companies of {chosen.size:,} contacts, reports on 13 weeks,"
          f" {time.monotonic() - started:.0f} s\n")  # fmt: skip
    for name in PLANTED:
        print(f"  {name:<28} {found[name]:>3} of {chosen.seeds}")
    low, high = wilson(wrong_reports, chosen.seeds)
    print(f"\nfalse claims: {sum(false.values())} in {placebos} placebo slices"
          f" ({claims} claims about slices in all)")  # fmt: skip
    print(f"reports with a false claim: {wrong_reports} of {chosen.seeds}"
          f" (95% interval {low:.0%} to {high:.0%})")  # fmt: skip
    for name, count in false.most_common():
        print(f"  {name}: {count}")
    print(f"claims about topics in which nothing was planted: {sum(stray.values())}")
    for name, count in stray.most_common():
        print(f"  {name}: {count}")


def reported(port: int, seed: int, size: int) -> Report:
    """The report on one company."""
    settings = WarehouseSettings(host="127.0.0.1", port=port, database=f"claims_{seed}")
    at = datetime.now(UTC).replace(microsecond=0)
    with Warehouse(settings) as store:
        migrate(store, settings)
        for contacts in blocks("contacts.v1", intended_rows(seed, size), at):
            ContactTable(store).insert(contacts)
        for volumes in blocks("volumes.v1", map(volume_from, sample.volumes(seed, size)), at):
            VolumeTable(store).insert(volumes)
        actions = map(initiative_from, sample.initiatives(seed, size))
        for initiatives in blocks("initiatives.v1", actions, at):
            InitiativeTable(store).insert(initiatives)
        made = build(
            columns_query(store),
            Request(PERIOD),
            UNTIL,
            taxonomy=Taxonomy.load(resources.schemas() / "taxonomy.yaml"),
            scales=default_scales(),
        )
        store.execute(f"DROP DATABASE claims_{seed}")
    return made


def is_found(name: str, report: Report) -> bool:
    """Whether a planted cause is claimed as it should be."""
    kind, where, verdicts = PLANTED[name]
    return any(
        claim.kind == kind
        and all(claim.slice.get(key) == value for key, value in where.items())
        and (not verdicts or str(claim.verdict) in verdicts)
        for claim in report.claims
    )


def places(report: Report) -> list[Claim]:
    """Claims that something is, or has changed, in a slice."""
    kinds = {"hotspot", "changed", "rise"}
    moved = {"worked", "got_worse"}
    return [
        claim
        for claim in report.claims
        if claim.kind in kinds or (claim.kind == "initiative" and str(claim.verdict) in moved)
    ]


def false_claims(report: Report, seed: int, size: int) -> list[str]:
    """Claims inside a placebo slice."""
    return [
        f"{claim.kind} {dict(claim.slice)}"
        for claim in places(report)
        for placebo in sample.truth(seed, size).placebos
        if all(claim.slice.get(name) in values for name, values in placebo.items())
    ]


def unplanted(report: Report) -> list[str]:
    """Claims about a topic that no cause names, where the sample's markets and products do not
    differ by construction either (Singapore complains more, the app has topics of its own)."""
    named = {
        topic
        for cause in sample.truth().causes
        for topic in cause.slice.get("topic", ())
        if cause.factor != 1.0
    }
    return [
        f"{claim.kind} {dict(claim.slice)}"
        for claim in places(report)
        if claim.slice.get("topic", "") not in named | {""}
        and claim.slice.get("region") != "Singapore"
        and claim.slice.get("product") != "Moonquay App"
        and not str(claim.slice.get("team", "")).startswith("Singapore")
    ]


if __name__ == "__main__":
    main()
