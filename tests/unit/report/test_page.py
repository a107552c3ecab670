"""The page and the document of a small made-up report: escaping, structure, too few data."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import orjson
import pytest

from pipeline import resources
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit
from pipeline.analysis.period import Period
from pipeline.domain.taxonomy import Taxonomy
from pipeline.report import charts, document, page
from pipeline.report.document import plain
from pipeline.report.model import (
    Answered,
    Asked,
    Chart,
    Claim,
    Heading,
    Note,
    Part,
    Quote,
    Quotes,
    Report,
    Request,
    Section,
    Sentence,
    Table,
    Tile,
)

TAXONOMY = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
SHARE = Estimate(0.4, 0.3, 0.5, 50, Unit.SHARE)


def sentence(text: str) -> Sentence:
    return Sentence((Part(text), Part("40%", "mentions", " (30% to 50%)")))


def small() -> Report:
    table = Table("A table", ("Name", "Share"), ((EVIL, "40%"),), "mentions", frozenset({1}))
    figure = charts.bars([charts.Bar(EVIL, SHARE, "40%")], "share")
    blocks = (
        sentence(EVIL),
        Heading("Inside"),
        Chart("skyline", "A chart", figure, table, ("one", "two")),
        Quotes("Voices", (Quote("c1", "zh-Hant", EVIL), Quote("c2", "und", "?")), "mentions"),
        Note("few", sentence("Too few ")),
    )
    return Report(
        request=Request(Period(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))),
        made_at=datetime(2026, 3, 1, tzinfo=UTC),
        version="1",
        empty=False,
        title="T",
        subtitle=EVIL,
        tiles=(Tile("Contacts", "5", "before: 4", "mentions"),),
        story=(Answered("hurts", "What hurts?", (sentence(EVIL),), more="rates"),),
        sections=(Section("rates", "Rates", "How many?", blocks, "Read it."),),
        claims=(Claim("hurts", {"topic": "wait"}, "most", "mentions"),),
        queries={"mentions": [Asked("SELECT %(x)s", {"x": EVIL}, 3)]},
    )


class Outline(HTMLParser):
    """Tags, headings and ids in order."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def html() -> str:
    return page(small(), TAXONOMY)


@pytest.fixture(scope="module")
def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    return found


def test_customers_words_cannot_become_markup(html: str, outline: Outline) -> None:
    assert EVIL not in html
    assert "onerror=alert(2)>" not in html
    assert [attrs for tag, attrs in outline.tags if tag == "img"] == []
    assert len([tag for tag, _ in outline.tags if tag == "script"]) == 3


def test_headings_are_in_order_and_ids_are_unique(outline: Outline) -> None:
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_link_leads_somewhere_on_the_page(outline: Outline) -> None:
    ids = {f"#{attrs['id']}" for _, attrs in outline.tags if "id" in attrs}
    links = {attrs["href"] for tag, attrs in outline.tags if tag == "a"}
    assert "#q-mentions" in links
    assert links <= ids


def test_the_page_asks_for_nothing_outside_itself(outline: Outline) -> None:
    for tag, attrs in outline.tags:
        assert not attrs.get("src"), tag
        if tag == "link":
            assert str(attrs["href"]).startswith("data:")


def test_a_chart_has_a_name_a_legend_and_a_table(html: str, outline: Outline) -> None:
    plot = next(attrs for tag, attrs in outline.tags if attrs.get("class") == "plot")
    assert plot["role"] == "img"
    assert "A chart" in str(plot["aria-label"])
    assert '<ol class="legend"><li>one</li>' in html
    assert [attrs for tag, attrs in outline.tags if tag == "th" and attrs.get("scope") == "row"]


def test_quotes_carry_their_language(outline: Outline) -> None:
    quotes = [attrs for tag, attrs in outline.tags if tag == "blockquote"]
    assert [quote.get("lang") for quote in quotes] == ["zh-Hant", None]


def test_an_empty_report_is_a_short_page() -> None:
    bare = replace(
        small(), empty=True, story=(), tiles=(), sections=(), subtitle="No contacts here."
    )
    html = page(bare, TAXONOMY)
    assert "No contacts here." in html
    assert "plotly" not in html.lower()
    assert len(html) < 20_000


def test_the_document_has_the_same_words() -> None:
    found = orjson.loads(orjson.dumps(document(small())))
    assert found["story"][0]["answers"][0]["text"] == f"{EVIL}40% (30% to 50%)"
    assert found["story"][0]["answers"][0]["queries"] == ["mentions"]
    kinds = [block["kind"] for block in found["sections"][0]["content"]]
    assert kinds == ["sentence", "heading", "chart", "quotes", "few"]
    assert found["claims"][0]["slice"] == {"topic": "wait"}
    assert found["queries"]["mentions"][0]["rows"] == 3


def test_results_become_plain_values() -> None:
    assert plain(TooFew("contacts", 1, 5)) == {"too_few": "contacts", "have": 1, "needed": 5}
    assert plain({Unit.SHARE: np.float64(0.5)}) == {"share": 0.5}
    assert plain((np.int64(3), float("inf"))) == [3, None]
    assert plain(SHARE)["unit"] == "share"


def test_intervals_are_drawn_around_their_value() -> None:
    figure = charts.bars([charts.Bar("a", SHARE, "40%")], "share")
    trace = figure["data"][0]
    assert trace["x"] == [40.0]
    assert trace["error_x"]["array"] == pytest.approx([10.0])
    assert trace["error_x"]["arrayminus"] == pytest.approx([10.0])


def test_long_labels_take_two_lines() -> None:
    long = "service not delivered as designed"
    figure = charts.bars([charts.Bar(long, SHARE, ""), charts.Bar("wait", SHARE, "")], "share")
    assert figure["data"][0]["y"] == ["service not delivered<br>as designed", "wait"]


def test_points_are_numbered_and_unsure_ones_hollow() -> None:
    spots = [charts.Spot("a", 0.1, 0.2), charts.Spot("b", 0.3, 0.1, sure=False)]
    trace = charts.grid(spots, ("x", "y"), (0.2, 0.15))["data"][0]
    assert trace["text"] == ["1", "2"]
    assert trace["marker"]["symbol"] == ["circle", "circle-open"]
