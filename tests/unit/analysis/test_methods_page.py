"""docs/methods.md and the index of the package name every method, and nothing that is not there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import pipeline.analysis
from pipeline.analysis.few import WORDS

ROOT = Path(__file__).parents[3]
ANALYSIS = ROOT / "pipeline" / "analysis"
PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
INDEX = pipeline.analysis.__doc__ or ""
MODULES = re.findall(r"^([a-z_]+) {2,}\S", INDEX.split("Index")[1], re.MULTILINE)
ENTRIES = re.findall(r"^    ([a-z_]+)\(", INDEX, re.MULTILINE)
HEADINGS = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("module", MODULES)
def test_each_module_of_the_index_exists_and_is_on_the_page(module: str) -> None:
    assert importlib.import_module(f"pipeline.analysis.{module}").__doc__
    assert f"`{module}`" in PAGE


def test_each_entry_of_the_index_exists() -> None:
    modules = [importlib.import_module(f"pipeline.analysis.{name}") for name in MODULES]
    known = {name for module in modules for name in vars(module)}
    assert len(ENTRIES) > 20
    assert set(ENTRIES) <= known


def test_links_of_the_page_lead_to_its_headings() -> None:
    anchors = {_anchor(heading) for heading in HEADINGS}
    links = set(re.findall(r"\]\(#([^)]+)\)", PAGE))
    assert links <= anchors
    assert anchors <= links


def test_every_too_few_is_a_known_word() -> None:
    """The report translates them by a table."""
    sources = [path.read_text(encoding="utf-8") for path in ANALYSIS.glob("*.py")]
    calls = r'(?:TooFew\(|MIN_[A-Z]+,)\s*"([^"]+)"'
    used = {word for text in sources for word in re.findall(calls, text)}
    assert len(used) > 10
    assert used <= set(WORDS)


def test_each_method_answers_the_same_questions() -> None:
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        for part in ("Question", "Formula", "Data", "How to read it", "When not to use it"):
            assert f"**{part}.**" in section, section.splitlines()[0]
