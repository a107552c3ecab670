"""Logits that are kept between fits: asked for once, and never taken from another model."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.language.classifier import LoadedClassifier
from pipeline.language.classifier.remembered import Remembered, folder

TEXTS = ["The car park is full", "停车场太小", "The car park is full", "배송이 늦어요"]


class Counting:
    """A base that remembers what it was asked."""

    def __init__(self, base: LoadedClassifier) -> None:
        self.directory, self.heads, self._base = base.directory, base.heads, base
        self.asked: list[str] = []

    def logits(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        self.asked += texts
        return self._base.logits(texts)


@pytest.fixture
def base(model: LoadedClassifier) -> Counting:
    return Counting(model)


def kept(where: Path) -> Path:
    (file,) = where.iterdir()
    return file


def test_a_text_is_encoded_once(base: Counting, tmp_path: Path) -> None:
    first = Remembered(base, tmp_path).logits(TEXTS)
    assert sorted(base.asked) == sorted(set(TEXTS))
    again = Remembered(base, tmp_path).logits([*TEXTS[::-1], "new"])
    assert len(base.asked) == 4
    assert base.asked[-1] == "new"
    for name, values in first.items():
        np.testing.assert_array_equal(again[name][:4], values[::-1])
        np.testing.assert_allclose(values, base.logits(TEXTS)[name], atol=1e-4)


def test_what_was_kept_before_changes_no_digit(base: Counting, tmp_path: Path) -> None:
    Remembered(base, tmp_path / "one").logits(TEXTS[:1])
    mixed = Remembered(base, tmp_path / "one").logits(TEXTS)
    alone = Remembered(base, tmp_path / "two").logits(TEXTS)
    for name in alone:
        np.testing.assert_array_equal(mixed[name], alone[name])


def test_without_a_folder_the_same_comes_out(base: Counting, tmp_path: Path) -> None:
    bare, kept = (Remembered(base, where).logits(TEXTS) for where in (None, tmp_path))
    for name in bare:
        np.testing.assert_array_equal(bare[name], kept[name])


def test_what_another_model_said_is_not_taken(base: Counting, tmp_path: Path, copied: Path) -> None:
    Remembered(base, tmp_path / "kept").logits(TEXTS)
    manifest = (copied / "manifest.json").read_bytes()
    (copied / "manifest.json").unlink()
    (copied / "manifest.json").write_bytes(manifest + b"\n")
    base.directory = replace(base.directory, path=copied)
    Remembered(base, tmp_path / "kept").logits(TEXTS)
    assert len(base.asked) == 6


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04oops", b"\x93NUMPY"])
def test_a_damaged_file_is_made_again(base: Counting, tmp_path: Path, content: bytes) -> None:
    Remembered(base, tmp_path).logits(TEXTS)
    kept(tmp_path).write_bytes(content)
    for _ in range(2):
        Remembered(base, tmp_path).logits(TEXTS)
    assert len(base.asked) == 6


def test_a_cut_off_file_is_made_again(base: Counting, tmp_path: Path) -> None:
    Remembered(base, tmp_path).logits(TEXTS)
    file = kept(tmp_path)
    file.write_bytes(file.read_bytes()[:-300])
    Remembered(base, tmp_path).logits(TEXTS)
    assert len(base.asked) == 6


def test_it_is_bounded_and_the_last_texts_stay(base: Counting, tmp_path: Path) -> None:
    for text in ("a", "b", "c", "a b"):
        Remembered(base, tmp_path, limit=2).logits([text])
    base.asked.clear()
    Remembered(base, tmp_path, limit=2).logits(["c", "a b"])
    assert base.asked == []
    Remembered(base, tmp_path, limit=2).logits(["a"])
    assert base.asked == ["a"]


def test_files_of_old_bases_go(base: Counting, tmp_path: Path) -> None:
    for number in range(6):
        old = tmp_path / f"{number}.npz"
        old.touch()
        os.utime(old, (number, number))
    Remembered(base, tmp_path).logits(TEXTS)
    left = {file.name for file in tmp_path.iterdir()}
    assert len(left) == 4
    assert {"5.npz", "4.npz", "3.npz"} < left


def test_it_is_its_owners_alone(base: Counting, tmp_path: Path) -> None:
    Remembered(base, tmp_path / "kept").logits(TEXTS)
    assert stat.S_IMODE(kept(tmp_path / "kept").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_done_without(base: Counting, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = Remembered(base, tmp_path / "file" / "below").logits(TEXTS)
    assert len(found["embedding"]) == 4


def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folder() == tmp_path / "voc" / "fit"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder() == tmp_path / ".cache" / "voc" / "fit"
