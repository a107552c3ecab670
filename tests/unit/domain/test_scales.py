"""The shipped scales, and the errors of files that people edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import resources
from pipeline.domain.scales import LOCALES, NpsClass, Orientation, Scales
from pipeline.errors import ContractError, TaxonomyError

SHIPPED = resources.schemas() / "scales.yaml"

GOOD = """version: 1
scales:
  keypad:
    description: A keypad.
    orientation: descending
    keys: [1, 2, 9]
    default_key: 1
    normalisation: [1, 0.4, 0]
    top_box: [1]
    nps:
      promoter: [1]
      passive: [2]
      detractor: [9]
    labels:
      zh-Hans: {1: "好", 2: "中", 9: "差"}
      zh-Hant: {1: "好", 2: "中", 9: "差"}
      ko: {1: "좋음", 2: "보통", 9: "나쁨"}
      en: {1: "good", 2: "fair", 9: "bad"}
"""


def _load(folder: Path, text: str) -> Scales:
    path = folder / "scales.yaml"
    path.write_text(text, encoding="utf-8")
    return Scales.load(path)


@pytest.mark.parametrize(
    ("scale", "key", "score"),
    [
        ("satisfaction-1-5", 1, 0),
        ("satisfaction-1-5", 4, 0.75),
        ("satisfaction-1-10", 10, 1),
        ("nps-0-10", 0, 0),
        ("nps-0-10", 7, 0.7),
        ("ces-1-7", 4, 0.5),
        ("stars-1-5", 5, 1),
        ("keypad-1-2-3", 1, 1),
        ("keypad-1-2-3", 3, 0),
        ("keypad-5-3-1", 5, 1),
        ("keypad-5-3-1", 3, 0.5),
        ("keypad-5-3-1", 1, 0),
        ("likert-1-7", 7, 1),
        ("importance-1-5", 2, 0.25),
        ("kano-1-5", 1, 1),
        ("yes-no", 0, 0),
        ("percent-0-100", 30, 0.3),
    ],
)
def test_shipped_scales_mean_what_their_layout_says(scale: str, key: float, score: float) -> None:
    assert Scales.load(SHIPPED).normalise(scale, key) == pytest.approx(score)


def test_net_promoter_classes_cover_the_scale() -> None:
    nps = Scales.load(SHIPPED)["nps-0-10"].nps
    assert [key for key in nps if nps[key] is NpsClass.PROMOTER] == [9, 10]
    assert sorted(key for key in nps if nps[key] is NpsClass.PASSIVE) == [7, 8]
    assert sorted(key for key in nps if nps[key] is NpsClass.DETRACTOR) == list(range(7))


def test_every_key_has_a_label_in_every_locale() -> None:
    for scale in Scales.load(SHIPPED).values():
        assert set(scale.labels) == set(LOCALES)
        assert all(set(labels) == set(scale.keys) for labels in scale.labels.values())


def test_a_file_is_read_in_full(tmp_path: Path) -> None:
    scales = _load(tmp_path, GOOD)
    scale = scales["keypad"]
    assert (scales.version, list(scales), scale.keys) == (1, ["keypad"], (1, 2, 9))
    assert scale.orientation is Orientation.DESCENDING
    assert scale.default_key == 1
    assert scale.top_box == {1}
    assert scale.scores == {1: 1, 2: 0.4, 9: 0}
    assert scale.labels["ko"][9] == "나쁨"
    assert scale.nps[2] is NpsClass.PASSIVE


def test_unknown_scale_and_key_are_refused_with_the_choices(tmp_path: Path) -> None:
    scales = _load(tmp_path, GOOD)
    with pytest.raises(ContractError, match="keypads is not a known scale") as unknown:
        scales.normalise("keypads", 1)
    assert unknown.value.fix == "Use one of keypad."
    with pytest.raises(ContractError, match="3 is not a key of scale keypad") as no_key:
        scales.normalise("keypad", 3)
    assert no_key.value.fix == "Use one of 1, 2, 9."


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ("version: 1", "version: one", "line 1: version is not a whole number"),
        ("version: 1\n", "", "line 1: version is missing"),
        ("version: 1", "version: 1\nlevels: 2", "line 2: levels is not known here"),
        ("    keys: [1, 2, 9]", "    keys: [1]", "line 6: scales.keypad.keys is not a list"),
        ("keys: [1, 2, 9]", "keys: [1, 2, x]", "line 6: scales.keypad.keys.2 is not a number"),
        ("keys: [1, 2, 9]", "keys: [1, 2, 2]", "line 6: scales.keypad.keys.2 is there twice"),
        ("descending", "downward", "line 5: scales.keypad.orientation is not an orientation"),
        ("default_key: 1", "default_key: 4", "line 7: scales.keypad.default_key is not one of"),
        ("    default_key: 1\n", "", "line 3: scales.keypad.default_key is missing"),
        ("[1, 0.4, 0]", "[1, 0]", "line 8: scales.keypad.normalisation does not give each key"),
        ("[1, 0.4, 0]", "[0, 0.4, 1]", "normalisation does not run from 0 at the worst"),
        ("[1, 0.4, 0]", "[1, 1, 0]", "normalisation does not rise"),
        ("top_box: [1]", "top_box: [3]", "line 9: scales.keypad.top_box is not a list of keys"),
        ("promoter: [1]", "promoter: [1, 2]", "line 12: scales.keypad.nps.passive repeats 2"),
        ("promoter: [1]", "promoters: [1]", "scales.keypad.nps.promoter is missing"),
        ('2: "中", 9: "差"}\n      ko', '9: "差"}\n      ko', "labels.zh-Hant.2 is missing"),
        ('"fair"', "2", "line 18: scales.keypad.labels.en.2 is not a text"),
        ("    top_box: [1]\n", "    top_box: [1]\n    top_box: [2]\n", "top_box is there twice"),
        ("scales:", "scales: [", "is not YAML"),
    ],
)
def test_a_fault_in_the_file_is_named_with_its_line(
    tmp_path: Path, was: str, becomes: str, message: str
) -> None:
    assert was in GOOD
    with pytest.raises(TaxonomyError) as refused:
        _load(tmp_path, GOOD.replace(was, becomes, 1))
    assert message in refused.value.message
    assert refused.value.fix


def test_nps_must_cover_every_key(tmp_path: Path) -> None:
    wider = (
        GOOD.replace("keys: [1, 2, 9]", "keys: [1, 2, 9, 0]")
        .replace("[1, 0.4, 0]", "even")
        .replace(", 9:", ", 0: x, 9:")
    )
    with pytest.raises(TaxonomyError, match=r"line 10: scales\.keypad\.nps leaves out 0"):
        _load(tmp_path, wider)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"- a\n- b\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scales.yaml"
    path.write_bytes(content)
    with pytest.raises(TaxonomyError):
        Scales.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match=r"none\.yaml cannot be read"):
        Scales.load(tmp_path / "none.yaml")
