"""The report on the sample company: what was planted is found, what was not is not claimed."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner

from pipeline import resources, sample
from pipeline.analysis.few import TooFew
from pipeline.analysis.period import Period
from pipeline.cli.main import app
from pipeline.cli.wiring import columns_query
from pipeline.contract import default_scales, initiative_from, volume_from
from pipeline.domain.row import ContactRow
from pipeline.domain.spike import Severity, Spike, SpikeState
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ConfigError, WarehouseRejected
from pipeline.report import Report, Request, build, document, page, write
from pipeline.report.log import Log, runnable
from pipeline.report.model import Claim, Note, Table
from pipeline.sample.intended import blocks, intended_rows
from pipeline.warehouse import ContactTable, InitiativeTable, VolumeTable, Warehouse, migrate
from pipeline.warehouse.spikes import SpikeTable

pytestmark = pytest.mark.local

SEED, SIZE = 7, 12_000
UNTIL = sample.DEFAULT_UNTIL
PERIOD = Period(UNTIL - timedelta(days=91), UNTIL)
TAXONOMY = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
SPIKE = Spike(
    spike_id="s1",
    slice={"topic": "billing_payment", "region": "Seoul"},
    state=SpikeState.CLOSED,
    kind="jump",
    severity=Severity.CRITICAL,
    opened_at=UNTIL - timedelta(days=2),
    window_end=UNTIL - timedelta(days=2, hours=-4),
    expected=2.5,
    observed=76,
    limit=9,
    score=12.0,
    topic="billing_payment",
    owner="finance",
)
LOCALES = ("en", "ko", "zh-Hans", "zh-Hant")


def fill(warehouse: Warehouse, seed: int, size: int) -> None:
    """Stores the sample company as a perfect reader would read it."""
    at = datetime.now(UTC).replace(microsecond=0)
    for contacts in blocks("contacts.v1", intended_rows(seed, size), at):
        ContactTable(warehouse).insert(contacts)
    for volumes in blocks("volumes.v1", map(volume_from, sample.volumes(seed, size)), at):
        VolumeTable(warehouse).insert(volumes)
    actions = map(initiative_from, sample.initiatives(seed, size))
    for initiatives in blocks("initiatives.v1", actions, at):
        InitiativeTable(warehouse).insert(initiatives)


def reader(seed: int, size: int) -> Callable[[Sequence[str]], Any]:
    """Embeddings of a perfect reader: texts about the unlisted subject are one, others apart."""
    unlisted = {row.analysis.text for row in intended_rows(seed, size) if _unlisted(row)}

    def embed(texts: Sequence[str]) -> Any:
        rows = []
        for text in texts:
            noise = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(64)
            noise /= np.linalg.norm(noise)
            rows.append(noise * 0.2 + np.eye(64)[0] if text in unlisted else noise)
        return np.asarray(rows, np.float32)

    return embed


def _unlisted(row: ContactRow) -> bool:
    """A whole sentence in a mood of its own that speaks of no topic."""
    found = row.analysis
    known = found.language != "und" and not found.topics
    return known and found.sentiment == "neutral" and len(found.text) >= 8


@dataclass(frozen=True)
class Company:
    warehouse: Warehouse
    report: Report

    def claims(self, kind: str) -> list[Claim]:
        return [claim for claim in self.report.claims if claim.kind == kind]


@pytest.fixture(scope="module")
def company(front: Any) -> Iterator[Company]:
    name = "t_report_company"
    with Warehouse(front.settings(name)) as warehouse:
        migrate(warehouse, warehouse.settings)
        fill(warehouse, SEED, SIZE)
        SpikeTable(warehouse).save([SPIKE], SPIKE.window_end)
        report = made(warehouse, embed=reader(SEED, SIZE))
        yield Company(warehouse, report)
        warehouse.execute(f"DROP DATABASE {name}")


def made(warehouse: Warehouse, period: Period = PERIOD, **more: Any) -> Report:
    return build(
        columns_query(warehouse),
        Request(period, "en"),
        datetime(2026, 3, 2, 9, tzinfo=UTC),
        taxonomy=TAXONOMY,
        scales=default_scales(),
        **more,
    )


def verdicts(company: Company) -> dict[str, str]:
    return {c.slice["initiative"]: str(c.verdict) for c in company.claims("initiative")}


def test_initiatives_get_their_verdicts(company: Company) -> None:
    assert verdicts(company) == {
        "callback-instead-of-holding": "worked",
        "help-pages-rewritten": "no_effect_seen",
        "refunds-in-48-hours": "too_early",
    }


def test_the_double_charge_is_what_changed(company: Company) -> None:
    assert company.report.results is not None
    complaints = company.report.results.changes[0]
    moved = {tuple(one.slice.items()): one for one in complaints.moved}
    charge = moved[("topic", "billing_payment"),]
    assert charge.owner == "finance"
    assert charge.change.low > 1
    assert {"version": "5.4.0"} in charge.inside
    assert {"product": "Moonquay App"} in charge.inside
    assert charge.quotes


def test_the_new_carrier_is_a_slow_rise(company: Company) -> None:
    where = [claim.slice for claim in company.claims("rise")]
    assert where == [{"topic": "delivery", "region": "Hong Kong"}]


def test_the_cold_team_is_named(company: Company) -> None:
    assert {"topic": "staff_attitude", "team": "Seoul Care B"} in [
        claim.slice for claim in company.claims("hotspot")
    ]
    styles = company.report.results and company.report.results.styles
    assert styles is not None
    assert not isinstance(styles, TooFew)
    team = next(one for one in styles.teams if one.name == "Seoul Care B")
    assert team.personal.high < styles.personal_border
    others = [one for one in styles.teams if one.name != "Seoul Care B" and one.sure]
    assert not [one for one in others if one.style == "cold"]


def test_the_layout_that_flatters_is_named(company: Company) -> None:
    claims = [(claim.slice["scale"], claim.verdict) for claim in company.claims("layout")]
    assert claims == [("keypad-1-2-3", "higher")]


@pytest.mark.parametrize(
    ("dimension", "classes"),
    [
        ("delivery", {"must_be"}),
        ("staff_attitude", {"attractive"}),
        ("product_quality", {"performance", "attractive"}),
    ],
)
def test_kano_classes_are_those_planted(
    company: Company, dimension: str, classes: set[str]
) -> None:
    found = {claim.slice["dimension"]: str(claim.verdict) for claim in company.claims("kano")}
    assert found[dimension] in classes


def test_the_largest_servqual_gap_is_responsiveness(company: Company) -> None:
    assert [claim.slice for claim in company.claims("servqual")] == [
        {"dimension": "responsiveness"}
    ]


def test_refunds_snowball(company: Company) -> None:
    assert [claim.slice for claim in company.claims("snowball")] == [{"topic": "returns_refunds"}]


def test_the_mix_shift_is_warned_of(company: Company) -> None:
    assert {"region": "Singapore"} in [claim.slice for claim in company.claims("mix")]
    changed = next(each for each in company.report.story if each.id == "changed")
    assert any("Mind the mix" in s.text and "Singapore" in s.text for s in changed.sentences)


def test_the_unlisted_subject_emerges(company: Company) -> None:
    assert len(company.claims("emerging")) == 1


def test_spikes_of_the_period_are_shown(company: Company) -> None:
    section = next(each for each in company.report.sections if each.id == "spikes")
    table = next(block for block in section.blocks if isinstance(block, Table))
    label = TAXONOMY["billing_payment"].labels["en"]
    assert [row[0] for row in table.rows] == [f"{label} · Seoul"]
    assert table.rows[0][3:5] == ("2.5", "76")
    assert [claim.slice for claim in company.claims("spike")] == [dict(SPIKE.slice)]


def test_placebos_are_not_claimed(company: Company) -> None:
    claims = [c for c in company.report.claims if c.kind in {"hotspot", "changed", "rise"}]
    claims += [c for c in company.claims("initiative") if c.verdict in {"worked", "got_worse"}]
    assert claims
    placebos = sample.truth(SEED, SIZE).placebos
    assert [
        (claim, placebo) for claim in claims for placebo in placebos if _inside(claim, placebo)
    ] == []


def _inside(claim: Claim, placebo: Mapping[str, tuple[str, ...]]) -> bool:
    return all(claim.slice.get(name) in values for name, values in placebo.items())


def test_every_number_links_to_a_query_that_runs(company: Company) -> None:
    report = company.report
    said = [s for each in report.story for s in each.sentences]
    linked = {query for sentence in said for query in sentence.queries}
    linked |= {tile.query for tile in report.tiles}
    assert linked
    assert linked <= set(report.queries)
    for asked in report.queries.values():
        for one in asked:
            again = company.warehouse.query(runnable(one))
            assert len(again.rows) == one.rows


@pytest.mark.parametrize("locale", LOCALES)
def test_the_page_is_whole_in_each_locale(company: Company, locale: str) -> None:
    report = translated(company.report, locale)
    html = page(report, TAXONOMY)
    assert f'<html lang="{locale}">' in html
    body = html.partition("<body>")[2].partition('<script type="application/json"')[0]
    for name in report.queries:
        assert f'id="q-{name}"' in body
    targets = {part.partition('"')[0] for part in body.split('href="#')[1:]}
    assert all(f'id="{target}"' in body for target in targets)
    assert TAXONOMY["delivery"].labels[locale] in body
    assert "None" not in body


def translated(report: Report, locale: str) -> Report:
    """The same results in another locale."""
    assert report.results is not None
    log = Log(lambda *_: {})
    log.asked = {name: list(asked) for name, asked in report.queries.items()}
    return write(
        report.results,
        replace(report.request, locale=locale),
        report.made_at,
        log,
        taxonomy=TAXONOMY,
        scales=default_scales(),
    )


def test_the_document_says_what_the_page_says(company: Company) -> None:
    found = orjson.loads(orjson.dumps(document(company.report)))
    texts = [answer["text"] for each in found["story"] for answer in each["answers"]]
    body = page(company.report, TAXONOMY).partition("<body>")[2].partition("<script")[0]
    seen = " ".join(unescape(re.sub(r"<[^>]+>", "", body)).split())
    assert [text for text in texts if " ".join(text.split()) not in seen] == []
    assert [section["id"] for section in found["sections"]] == [
        section.id for section in company.report.sections
    ]
    assert found["results"]["overview"]["now"]["contacts"] > 5000
    assert found["results"]["initiatives"][0][1]["effect"]["low"] > 0


def test_few_contacts_make_an_honest_report(
    warehouse: Warehouse, make_block: Callable[..., Any]
) -> None:
    ContactTable(warehouse).insert(make_block(0, 5))
    report = made(warehouse, Period(datetime(2026, 2, 1, tzinfo=UTC), UNTIL))
    notes = [b for s in report.sections for b in s.blocks if isinstance(b, Note)]
    assert len([note for note in notes if note.kind == "few"]) >= 10
    assert {claim.kind for claim in report.claims} <= {"hurts"}
    assert "Too few data" in page(report, TAXONOMY)


def test_a_period_without_contacts_says_where_there_are_some(
    warehouse: Warehouse, make_block: Callable[..., Any]
) -> None:
    ContactTable(warehouse).insert(make_block(0, 5))
    report = made(
        warehouse, Period(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC))
    )
    assert report.empty
    assert "holds 5 contacts" in report.subtitle
    assert "holds 5 contacts" in page(report, TAXONOMY)


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`voc report` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(warehouse: Warehouse, *arguments: str) -> Any:
        at = warehouse.settings
        monkeypatch.setenv(
            "VOC_CLICKHOUSE", f"clickhouse://default:@{at.host}:{at.port}/{at.database}"
        )
        return CliRunner().invoke(app, ["report", *arguments])

    return run


def test_the_command_writes_a_page(
    company: Company, command: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "in" / "a folder" / "bericht.html"
    span = ("--since", "2026-02-23", "--until", "2026-03-02")
    result = command(company.warehouse, *span, "--lang", "zh-Hant", "--out", str(out))
    assert result.exit_code == 0, result.exception
    assert "bericht.html" in result.stderr
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert '<html lang="zh-Hant">' in out.read_text(encoding="utf-8")


def test_json_goes_to_stdout_and_no_file_is_written(
    company: Company, command: Callable[..., Any], tmp_path: Path
) -> None:
    span = ("--since", "2020-01-01", "--until", "2020-02-01")
    result = command(company.warehouse, *span, "--json")
    assert result.exit_code == 0, result.exception
    assert orjson.loads(result.stdout)["empty"] is True
    assert list(tmp_path.rglob("*.html")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lang", "fr"), "no report in 'fr'"),
        (("--since", "2026-03-02", "--until", "2026-03-01"), "--since is not before --until"),
        (("--volume", "shipments"), "no volume 'shipments'"),
    ],
)
def test_slips_are_named(
    company: Company, command: Callable[..., Any], arguments: tuple[str, ...], said: str
) -> None:
    result = command(company.warehouse, *arguments)
    assert isinstance(result.exception, ConfigError)
    assert said in result.exception.message
    assert result.exception.fix


def test_a_database_that_is_not_migrated_is_named(front: Any, command: Callable[..., Any]) -> None:
    with Warehouse(front.settings("t_report_bare")) as bare:
        result = command(bare)
    assert isinstance(result.exception, WarehouseRejected)
    assert "voc migrate" in result.exception.fix
