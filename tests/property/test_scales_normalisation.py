"""Scores of any scale lie in [0, 1], follow its orientation and mirror with it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import resources
from pipeline.domain.scales import LOCALES, Orientation, Scale, Scales

SHIPPED = Scales.load(resources.schemas() / "scales.yaml")
KEYS = st.lists(st.integers(-100, 100), min_size=2, max_size=12, unique=True)
ORIENTATIONS = st.sampled_from(list(Orientation))


def _load(keys: list[int], orientation: Orientation, rule: Any = "even") -> Scale:
    """The scale as it is read from a file (JSON is YAML, but its keys are text: spelt out here)."""
    labels = "\n".join(
        f"      {locale}: {{{', '.join(f'{key}: label' for key in keys)}}}" for locale in LOCALES
    )
    text = f"""version: 1
scales:
  any:
    description: any
    orientation: {orientation}
    keys: {keys}
    default_key: null
    normalisation: {json.dumps(rule)}
    top_box: [{keys[0]}]
    labels:
{labels}
"""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scales.yaml"
        path.write_text(text, encoding="utf-8")
        return Scales.load(path)["any"]


def _in_shown_order(scale: Scale) -> list[float]:
    return [scale.normalise(key) for key in scale.keys]


@settings(max_examples=60, deadline=None)
@given(KEYS, ORIENTATIONS)
def test_scores_lie_between_0_and_1_and_reach_both_ends(
    keys: list[int], orientation: Orientation
) -> None:
    scores = _in_shown_order(_load(keys, orientation))
    assert all(0 <= score <= 1 for score in scores)
    assert (min(scores), max(scores)) == (0, 1)
    assert {scores[0], scores[-1]} == {0, 1}


@settings(max_examples=60, deadline=None)
@given(KEYS, ORIENTATIONS)
def test_scores_follow_the_orientation(keys: list[int], orientation: Orientation) -> None:
    scores = _in_shown_order(_load(keys, orientation))
    rises = [low < high for low, high in pairwise(scores)]
    assert all(rise is (orientation is Orientation.ASCENDING) for rise in rises)


@settings(max_examples=60, deadline=None)
@given(KEYS)
def test_the_other_orientation_mirrors_the_scores(keys: list[int]) -> None:
    up = _load(keys, Orientation.ASCENDING)
    down = _load(keys, Orientation.DESCENDING)
    for key in keys:
        assert down.normalise(key) == pytest.approx(1 - up.normalise(key))


@settings(max_examples=60, deadline=None)
@given(st.data(), KEYS, ORIENTATIONS)
def test_explicit_scores_are_kept_as_they_are_written(
    data: Any, keys: list[int], orientation: Orientation
) -> None:
    inner = data.draw(
        st.lists(
            st.floats(0.001, 0.999), min_size=len(keys) - 2, max_size=len(keys) - 2, unique=True
        )
    )
    scores = [0.0, *sorted(inner), 1.0]
    rule = scores if orientation is Orientation.ASCENDING else scores[::-1]
    assert _in_shown_order(_load(keys, orientation, rule)) == rule


@pytest.mark.parametrize("scale", SHIPPED.values(), ids=lambda scale: scale.id)
def test_shipped_scale_is_even_and_its_top_box_is_its_best_end(scale: Scale) -> None:
    ranked = sorted(scale.keys, key=scale.normalise)
    steps = [scale.normalise(high) - scale.normalise(low) for low, high in pairwise(ranked)]
    assert steps == pytest.approx([1 / (len(ranked) - 1)] * len(steps))
    assert set(ranked[-len(scale.top_box) :]) == scale.top_box
    assert len(scale.top_box) < len(ranked)
