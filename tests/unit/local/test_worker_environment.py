"""Settings travel to a child as variables, and arrive as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.local.worker import QUICK, environment, quantile
from pipeline.settings import Settings


def test_what_a_child_loads_is_what_the_parent_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voc.toml").write_text('[kafka]\nbootstrap = "elsewhere:1"\n')
    monkeypatch.setenv("VOC_KAFKA", "not-this-one:9092")
    meant = Settings(
        kafka={"bootstrap": "127.0.0.1:5", "topics": {"contacts": "mine"}},
        warehouse={"port": 77, "insert_timeout": 2},
        worker=QUICK["worker"],
        model={"labels": {"LABEL_0": "negative"}, "path": "/models/mine"},
        gateway={"tokens": ["first-of-two-tokens", "second-of-two-tokens"]},
        privacy={"secret": "sixteen-bytes-and-more", "patterns": {"ORDER": r"\d{8}"}},
    )
    for name, value in environment(meant).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("VOC_KAFKA")
    assert settings.load() == meant


def test_the_parents_own_variables_do_not_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOC_CLICKHOUSE", "clickhouse://elsewhere:1/x")
    made = environment(Settings())
    assert "VOC_CLICKHOUSE" not in made
    assert made["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("buckets", "q", "wanted"),
    [
        ({}, 0.5, None),
        ({1.0: 0, 2.0: 10, float("inf"): 10}, 0.5, 1.5),
        ({1.0: 5, 2.0: 10, float("inf"): 10}, 0.5, 1.0),
        ({1.0: 0, 2.0: 0, float("inf"): 4}, 0.9, 2.0),
    ],
    ids=["empty", "inside a bucket", "at a bound", "beyond the last bound"],
)
def test_quantiles_of_a_histogram(
    buckets: dict[float, int], q: float, wanted: float | None
) -> None:
    assert quantile(buckets, q) == wanted
