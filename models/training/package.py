"""The model's folder: configuration, tokenizer, weights and a manifest of their sums."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SENTIMENTS = ("negative", "neutral", "positive")
OUTPUTS = ("sentiment", "complaint", "churn", "topic", "polarity", "embedding")
PAD = 1
MAX_TOKENS = 256
LISTED = ("model.onnx", "tokenizer.json", "tokenizer_config.json", "config.json")


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def revision(name: str, files: Sequence[Path], calibration: Mapping[str, Any]) -> str:
    """The name and eight digits of what answers depend on: stored rows say which model read them.

    So a model that was trained again under the same name is another one to `voc reclassify`.
    """
    digest = hashlib.sha256(json.dumps(calibration, sort_keys=True).encode())
    for path in files:
        digest.update(path.read_bytes())
    return f"{name}.{digest.hexdigest()[:8]}"


def configuration(
    encoder: Mapping[str, Any],
    taxonomy: Mapping[str, Any],
    calibration: Mapping[str, Any],
    revision: str,
) -> dict[str, Any]:
    """config.json: what transformers reads, and under `voc` what the product reads."""
    return {
        "model_type": "bert",
        "architectures": ["ContactClassifier"],
        **encoder,
        "id2label": {str(i): name for i, name in enumerate(SENTIMENTS)},
        "label2id": {name: i for i, name in enumerate(SENTIMENTS)},
        "voc": {
            "format": 1,
            "revision": revision,
            "taxonomy_version": taxonomy["version"],
            "max_tokens": MAX_TOKENS,
            "sentiments": list(SENTIMENTS),
            "topics": list(taxonomy["topics"]),
            "polarities": [-1, 0, 1],
            **calibration,
        },
    }


def tokenizer_configuration() -> dict[str, Any]:
    """What PreTrainedTokenizerFast needs beside tokenizer.json."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
        "model_max_length": MAX_TOKENS,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
    }


def _sum(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def pack(out: Path, onnx: Path, tokenizer: Path, config: Mapping[str, Any]) -> None:
    """Writes the folder; the manifest comes last."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(onnx, out / "model.onnx")
    shutil.copyfile(tokenizer, out / "tokenizer.json")
    _write(out / "tokenizer_config.json", tokenizer_configuration())
    _write(out / "config.json", config)
    _write(
        out / "manifest.json",
        {
            "format": 1,
            "revision": config["voc"]["revision"],
            "taxonomy_version": config["voc"]["taxonomy_version"],
            "files": {name: _sum(out / name) for name in LISTED},
        },
    )
