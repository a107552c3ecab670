"""Pages of the sample company, and the machine's Chromium to open them with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from pipeline import resources, sample
from pipeline.analysis.period import Period
from pipeline.cli.wiring import columns_query
from pipeline.contract import default_scales, initiative_from, volume_from
from pipeline.domain.taxonomy import Taxonomy
from pipeline.local.stack import Front
from pipeline.report import Report, Request, build, page, write
from pipeline.report.log import Log
from pipeline.sample.intended import blocks, intended_rows
from pipeline.settings import WarehouseSettings
from pipeline.warehouse import ContactTable, InitiativeTable, VolumeTable, Warehouse, migrate

SEED, SIZE = 11, 6_000
UNTIL = sample.DEFAULT_UNTIL
TAXONOMY = Taxonomy.load(resources.schemas() / "taxonomy.yaml")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the machine; a test without one has not been run, so it fails."""
    path = shutil.which("chromium") or shutil.which("google-chrome") or ""
    assert path, "no Chromium: `apt-get install chromium`, or leave these out with -m 'not browser'"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """The report of the sample company's last 13 weeks."""
    folder = tmp_path_factory.mktemp("warehouse")
    front = Front(folder / "data", folder)
    front.child.start()
    front.wait(60)
    settings = WarehouseSettings(host="127.0.0.1", port=front.port, database="browser")
    with Warehouse(settings) as warehouse:
        migrate(warehouse, settings)
        _fill(warehouse)
        yield build(
            columns_query(warehouse),
            Request(Period(UNTIL - timedelta(days=91), UNTIL)),
            datetime(2026, 3, 2, 9, tzinfo=UTC),
            taxonomy=TAXONOMY,
            scales=default_scales(),
        )
    front.stop()


def _fill(warehouse: Warehouse) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    for contacts in blocks("contacts.v1", intended_rows(SEED, SIZE), at):
        ContactTable(warehouse).insert(contacts)
    for volumes in blocks("volumes.v1", map(volume_from, sample.volumes(SEED, SIZE)), at):
        VolumeTable(warehouse).insert(volumes)
    actions = map(initiative_from, sample.initiatives(SEED, SIZE))
    for initiatives in blocks("initiatives.v1", actions, at):
        InitiativeTable(warehouse).insert(initiatives)


@pytest.fixture(scope="session")
def pages(report: Report, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page in each locale."""
    folder = tmp_path_factory.mktemp("pages")
    assert report.results is not None
    log = Log(lambda *_: {})
    log.asked = {name: list(asked) for name, asked in report.queries.items()}
    found = {}
    for locale in ("en", "ko", "zh-Hans", "zh-Hant"):
        request = Request(report.request.period, locale)
        made = write(
            report.results, request, report.made_at, log,
            taxonomy=TAXONOMY, scales=default_scales(),
        )  # fmt: skip
        found[locale] = folder / f"{locale}.html"
        found[locale].write_text(page(made, TAXONOMY), encoding="utf-8")
    return found
