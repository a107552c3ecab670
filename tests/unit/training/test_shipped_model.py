from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from models.training import package
from models.training.infer import Runner
from pipeline import resources
from pipeline.domain.taxonomy import Taxonomy

LIMIT = 40_000_000
"""Bytes of the whole folder."""


@pytest.fixture(scope="module")
def folder() -> Path:
    return resources.default_model()


@pytest.fixture(scope="module")
def runner(folder: Path) -> Runner:
    return Runner(folder / "model.onnx", folder / "tokenizer.json", threads=1)


def test_the_folder_is_complete_and_small(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) >= set(package.LISTED)
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], name
        assert len(content) == entry["bytes"], name
    assert sum(path.stat().st_size for path in folder.iterdir()) < LIMIT


def test_the_card_is_of_this_revision(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith(f"# contact-small {config['voc']['revision']}\n")
    for part in ("Targets", "Intended use", "Calibration", "Robustness", "Training data", "Limits"):
        assert f" {part}\n" in card


def test_topics_are_the_taxonomys(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    taxonomy = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
    assert tuple(config["voc"]["topics"]) == taxonomy.codes
    assert tuple(config["voc"]["threshold"]["topic"]) == taxonomy.codes


def test_plain_feelings_are_read_in_every_script(runner: Runner) -> None:
    pairs = [
        ("质量太差了，用了一天就坏，要求退款！", 0),
        ("東西很好用，送貨也很快，非常滿意。", 2),
        ("배송이 너무 늦고 상담원도 불친절해요. 실망입니다.", 0),
        ("맛있고 친절해서 정말 만족합니다. 최고예요!", 2),
        ("Terrible service, they lost my luggage and nobody helps.", 0),
        ("Great staff, fast and friendly. I love it!", 2),
    ]
    found = runner([text for text, _ in pairs])["sentiment"].argmax(-1)
    assert list(found) == [side for _, side in pairs]


def test_answers_do_not_depend_on_the_neighbours(runner: Runner) -> None:
    texts = ["好", "The parcel never came.", "배송이 늦어요 " * 40]
    together = runner(texts)
    for at, text in enumerate(texts):
        alone = runner([text])
        for name in package.OUTPUTS:
            assert np.allclose(together[name][at], alone[name][0], atol=0.05), name
