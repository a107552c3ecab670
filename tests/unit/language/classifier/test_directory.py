from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import resources
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ConfigError, ModelError
from pipeline.language.classifier import load
from pipeline.language.classifier.directory import ModelDirectory

from .conftest import replace, vouch

Configured = Callable[[Callable[[dict[str, Any]], object]], Path]


def refused(folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load(folder, threads=1)
    assert caught.value.fix, "an error without a way out"
    return caught.value


def test_the_shipped_directory_is_read() -> None:
    directory = ModelDirectory.read(resources.default_model())
    taxonomy = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
    assert directory.topics == taxonomy.codes
    assert directory.taxonomy_version == taxonomy.version
    assert directory.calibration.cuts.shape == (len(taxonomy),)


def test_a_missing_directory(tmp_path: Path) -> None:
    assert "no model directory" in refused(tmp_path / "nowhere").message


def test_a_directory_of_another_kind_is_sent_to_the_torch_engine(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    error = refused(tmp_path)
    assert "manifest.json is missing" in error.message
    assert "torch" in error.fix


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.onnx"])
def test_a_missing_file(copied: Path, name: str) -> None:
    (copied / name).unlink()
    assert name in refused(copied).message


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.onnx"])
def test_a_changed_file_of_the_same_size(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    replace(copied / name, bytes(content))
    error = refused(copied)
    assert name in error.message
    assert "vouches" in error.message


def test_a_cut_off_file(copied: Path) -> None:
    replace(copied / "model.onnx", (copied / "model.onnx").read_bytes()[:1000])
    assert "1000 bytes instead of" in refused(copied).message


def test_a_manifest_that_lists_no_weights(copied: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_bytes())
    del manifest["files"]["model.onnx"]
    replace(copied / "manifest.json", json.dumps(manifest).encode())
    assert "does not list model.onnx" in refused(copied).message


def test_a_manifest_that_points_out_of_the_directory(copied: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_bytes())
    manifest["files"]["../secret"] = {"sha256": "", "bytes": 0}
    replace(copied / "manifest.json", json.dumps(manifest).encode())
    assert "../secret" in refused(copied).message


def test_a_manifest_that_is_not_json(copied: Path) -> None:
    replace(copied / "manifest.json", b"{")
    assert "is not JSON" in refused(copied).message


def test_another_format(copied: Path) -> None:
    manifest = json.loads((copied / "manifest.json").read_bytes())
    replace(copied / "manifest.json", json.dumps({**manifest, "format": 2}).encode())
    assert "format 2" in refused(copied).message


def test_an_onnx_file_that_is_none(copied: Path) -> None:
    replace(copied / "model.onnx", b"not a graph" * 100)
    vouch(copied)
    assert "is not a usable ONNX model" in refused(copied).message


def test_a_tokenizer_file_that_is_none(copied: Path) -> None:
    replace(copied / "tokenizer.json", b"{}")
    vouch(copied)
    assert "is not a tokenizer" in refused(copied).message


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no label map": (lambda c: c.pop("id2label"), "no id2label"),
    "another label map": (lambda c: c["id2label"].update({"0": "positive"}), "id2label is"),
    "no section": (lambda c: c.pop("voc"), "no voc"),
    "other sentiments": (lambda c: c["voc"]["sentiments"].reverse(), "voc.sentiments"),
    "other polarities": (lambda c: c["voc"].pop("polarities"), "voc.polarities"),
    "another taxonomy": (lambda c: c["voc"].update(taxonomy_version=7), "taxonomy version 7"),
    "a topic more": (lambda c: c["voc"]["topics"].append("pets"), "unknown ['pets']"),
    "a topic fewer": (lambda c: c["voc"]["topics"].remove("wait"), "missing ['wait']"),
    "another order": (lambda c: c["voc"]["topics"].reverse(), "another order"),
    "no temperatures": (lambda c: c["voc"].pop("temperature"), "no temperature"),
    "a temperature of 0": (lambda c: c["voc"]["temperature"].update(churn=0), "temperature.churn"),
    "no thresholds": (lambda c: c["voc"].pop("threshold"), "no threshold"),
    "a threshold above 1": (lambda c: c["voc"]["threshold"].update(churn=2), "threshold of churn"),
    "a topic without one": (lambda c: c["voc"]["threshold"]["topic"].pop("wait"), "of wait"),
    "no revision": (lambda c: c["voc"].update(revision=""), "voc.revision"),
    "no length": (lambda c: c["voc"].update(max_tokens="128"), "max_tokens"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_configuration_that_contradicts_itself(configured: Configured, case: str) -> None:
    edit, said = WRONG[case]
    assert said in refused(configured(edit)).message


def test_more_topics_than_the_weights_have(copied: Path) -> None:
    """The configuration and a taxonomy agree, the graph does not."""
    text = (resources.schemas() / "taxonomy.yaml").read_text(encoding="utf-8")
    one = text.index("  wait:")
    two = text.index("\n  transfer:")
    entry = text[one:two].replace("  wait:", "  pets:", 1)
    replace(copied / "taxonomy.yaml", f"{text.rstrip()}\n{entry}\n".encode())
    config = json.loads((copied / "config.json").read_bytes())
    config["voc"]["topics"].append("pets")
    config["voc"]["threshold"]["topic"]["pets"] = 0.5
    replace(copied / "config.json", json.dumps(config).encode())
    manifest = json.loads((copied / "manifest.json").read_bytes())
    manifest["files"]["taxonomy.yaml"] = {}
    replace(copied / "manifest.json", json.dumps(manifest).encode())
    vouch(copied)
    assert "has 18 topics, its configuration 19" in refused(copied).message


def test_an_engine_that_nobody_knows() -> None:
    with pytest.raises(ConfigError, match="not known"):
        load(engine="abacus")
