from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline import resources
from pipeline.language.classifier import cores as module
from pipeline.language.classifier.contact import ContactClassifier
from pipeline.language.classifier.cores import bound_tokenizers, cores
from pipeline.language.classifier.directory import ModelDirectory


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("250000 100000", 3),
        ("10000 100000", 1),
        ("6400000 100000", 8),
        ("oops", 8),
        ("100000 0", 8),
    ],
)
def test_a_quota_bounds_the_threads(tmp_path: Path, said: str, wanted: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{said}\n")
    assert cores(tmp_path) == wanted


@pytest.mark.parametrize(("quota", "wanted"), [("-1", 8), ("150000", 2)])
def test_a_quota_of_the_first_version(tmp_path: Path, quota: str, wanted: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cores(tmp_path) == wanted


def test_no_quota_at_all(tmp_path: Path) -> None:
    assert cores(tmp_path) == 8


def test_the_tokenizer_keeps_to_the_threads_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, str] = {}
    monkeypatch.setattr(module, "_GIVEN", frozenset())
    bound_tokenizers(1, said)
    assert said == {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    bound_tokenizers(2, said)
    assert said == {"RAYON_NUM_THREADS": "2"}


def test_what_the_user_said_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"RAYON_NUM_THREADS": "5"}
    monkeypatch.setattr(module, "_GIVEN", frozenset(said))
    bound_tokenizers(1, said)
    assert said == {"RAYON_NUM_THREADS": "5", "TOKENIZERS_PARALLELISM": "false"}


def test_a_loaded_model_bounds_its_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GIVEN", frozenset())
    for name in ("RAYON_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "")
    ContactClassifier(ModelDirectory.read(resources.default_model()), threads=1)
    assert os.environ["RAYON_NUM_THREADS"] == "1"
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
