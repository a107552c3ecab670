"""The four locales say the same, and the code asks for nothing that they do not have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipeline import report, resources
from pipeline.analysis.few import TooFew
from pipeline.analysis.gaps import CLASSES
from pipeline.analysis.initiatives import Caution, Comparison, Verdict
from pipeline.analysis.kano import KanoClass
from pipeline.analysis.kano_grid import VavraCell
from pipeline.analysis.recovery import STEPS
from pipeline.analysis.style import Style
from pipeline.analysis.value_irritant import Quadrant
from pipeline.domain.contact import Channel, Language
from pipeline.domain.scales import LOCALES
from pipeline.domain.taxonomy import Taxonomy
from pipeline.report.collect import FACETS
from pipeline.report.model import Part
from pipeline.report.wording import FOLDER, Words, placeholders, texts

TAXONOMY = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
ENGLISH = texts("en")


@pytest.mark.parametrize("locale", LOCALES)
def test_keys_and_placeholders_match(locale: str) -> None:
    found = texts(locale)
    assert sorted(found) == sorted(ENGLISH)
    differing = [key for key in found if placeholders(found[key]) != placeholders(ENGLISH[key])]
    assert differing == []
    assert all(text.strip() for text in found.values())


@pytest.mark.parametrize("locale", LOCALES)
def test_no_key_is_written_twice(locale: str) -> None:
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[str, object]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), keys
        assert all(isinstance(key, str) for key in keys), keys
        return dict(loader.construct_pairs(node, deep=True))

    Strict.add_constructor("tag:yaml.org,2002:map", mapping)
    yaml.load((FOLDER / f"{locale}.yaml").read_text(encoding="utf-8"), Strict)


@pytest.mark.parametrize("locale", ["ko", "zh-Hans", "zh-Hant"])
def test_other_locales_are_translated(locale: str) -> None:
    same = {key for key, text in texts(locale).items() if text == ENGLISH[key]}
    # Only names that are the same everywhere, and pure placeholders.
    assert {key for key in same if re.search(r"[A-Za-z]{4,}", _bare(ENGLISH[key]))} == set()


def _bare(text: str) -> str:
    return re.sub(r"\{\w+\}", "", text)


def test_simplified_and_traditional_are_not_mixed() -> None:
    hans, hant = "".join(texts("zh-Hans").values()), "".join(texts("zh-Hant").values())
    assert not set("這個們為與過時對說問題變實際從來") & set(hans) - set("个")
    assert not set("这个们为与过时对说问题变实际从来") & set(hant) - set("来")


def test_every_key_that_is_named_in_the_code_exists() -> None:
    folder = Path(report.__file__).parent
    named = set()
    for path in [*folder.rglob("*.py"), *folder.rglob("*.html")]:
        source = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"""words(?:\.text)?\(\s*"([a-z_]+\.[a-zA-Z_]+)["]""", source))
        named |= set(re.findall(r"""(?:say|care|few)\(\s*"([a-z_]+\.[a-zA-Z_]+)["]""", source))
    assert len(named) > 80
    assert named - set(ENGLISH) == set()


def test_columns_axes_and_sections_exist() -> None:
    folder = Path(report.__file__).parent / "sections"
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    columns = re.findall(r"columns = \(([^)]*)\)", source)
    names = {name for group in columns for name in re.findall(r'"([a-z_]+)"', group)}
    assert {name for name in names if f"column.{name}" not in ENGLISH} == set()
    for section in re.findall(r'c\.section\(\s*"([a-z]+)"', source):
        parts = ("title", "question") if section == "overview" else ("title", "question", "reading")
        assert all(f"section.{section}.{part}" in ENGLISH for part in parts)


def test_every_value_of_an_analysis_has_a_name() -> None:
    wanted = [f"gap.{v}" for v in CLASSES["gap"]]  # type: ignore[index]
    for facet, values in CLASSES.items():
        wanted += [f"{facet}.{value}" for value in values]
    wanted += [f"facet.{facet}" for facet in FACETS if facet != "rater"]
    for prefix, kind in (
        ("verdict", Verdict), ("caution", Caution), ("compared", Comparison), ("style", Style),
        ("kano_class", KanoClass), ("vavra", VavraCell), ("quadrant", Quadrant),
        ("channel", Channel), ("language", Language),
    ):  # fmt: skip
        wanted += [f"{prefix}.{value.value}" for value in kind]
    wanted += [f"step.{step}" for step in STEPS]
    assert [key for key in wanted if key not in ENGLISH] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_owners_of_the_taxonomy_are_translated(locale: str) -> None:
    words = Words(locale, TAXONOMY)
    for topic in TAXONOMY.topics:
        key = f"owner.{topic.owner.replace(' ', '_').replace('-', '_')}"
        assert words.known(key, "") != ""


def test_a_sentence_keeps_its_numbers_as_links() -> None:
    words = Words("en", TAXONOMY)
    said = words("evidence.topic", mentions=Part("385", "mentions"), owner="logistics")
    assert said.text == "385 problem mentions. Owner: logistics."
    assert said.queries == ("mentions",)


def test_too_few_says_how_many_it_takes() -> None:
    few = TooFew("contacts", 3, 1200)
    assert Words("en", TAXONOMY).few(few).text == "Too few data: have 3 contacts, need 1,200."
    assert "1,200" in Words("zh-Hant", TAXONOMY).few(few).text


def test_names_that_the_data_bring_are_kept() -> None:
    words = Words("ko", TAXONOMY)
    assert words.slice({"region": "Seoul", "topic": "delivery"}) == (
        TAXONOMY["delivery"].labels["ko"] + " · Seoul"
    )
    assert words.topic("not_in_taxonomy") == "not_in_taxonomy"
    assert words.owner("night shift") == "night shift"
    assert words.member("region", "") == texts("ko")["name.unknown"]
