"""The 8-bit file says what the float model says, whatever else is in the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import BertConfig, BertModel

from models.training import export, hashing, network, tables
from models.training.package import OUTPUTS, PAD

PIECES = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁{a}{b}" for a in "abcdefgh" for b in "ijklmnop")]
TOPICS = 18


def _whole() -> network.WithNgrams:
    """Random weights; the wide layer is large enough to be stored in bytes."""
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=2_000,
        max_position_embeddings=64,
        attn_implementation="eager",
    )
    model = network.ContactClassifier(BertModel(config, add_pooling_layer=False), TOPICS)
    whole = network.WithNgrams(model, hashing.spelling(PIECES))
    return whole.eval()


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, onnxruntime.InferenceSession]:
    folder: Path = tmp_path_factory.mktemp("export")
    export.float_model(_whole(), folder / "float.onnx")
    export.quantise(folder / "float.onnx", folder / "bytes.onnx")
    assert (folder / "bytes.onnx").stat().st_size < (folder / "float.onnx").stat().st_size
    return {
        name: onnxruntime.InferenceSession(
            str(folder / f"{name}.onnx"), providers=["CPUExecutionProvider"]
        )
        for name in ("float", "bytes")
    }


def _asked(rows: list[list[int]]) -> dict[str, np.ndarray]:
    width = max(len(row) for row in rows)
    ids = np.array([row + [PAD] * (width - len(row)) for row in rows], np.int64)
    mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows], np.int64)
    return {"input_ids": ids, "attention_mask": mask}


ROWS = [[0, 5, 9, 2], [0, 7, 2], [0, *range(4, 50), 2]]


def test_bytes_say_what_floats_say(sessions: dict[str, onnxruntime.InferenceSession]) -> None:
    exact, coarse = (sessions[name].run(None, _asked(ROWS)) for name in ("float", "bytes"))
    for name, one, other in zip(OUTPUTS, exact, coarse, strict=True):
        assert one.shape == other.shape, name
        assert np.abs(one - other).max() < 0.05 * max(1.0, float(np.abs(one).max())), name


def test_a_text_alone_gets_the_same_answer(
    sessions: dict[str, onnxruntime.InferenceSession],
) -> None:
    together = sessions["bytes"].run(None, _asked(ROWS))
    for at, row in enumerate(ROWS):
        alone = sessions["bytes"].run(None, _asked([row]))
        for name, one, other in zip(OUTPUTS, alone, together, strict=True):
            assert np.allclose(one[0], other[at], atol=1e-4), name


def test_shares_prefer_the_side_that_is_right() -> None:
    chance = np.random.default_rng(2)
    target = chance.integers(0, 2, 400)
    right = np.where(target == 1, 2.0, -2.0)
    noise = chance.normal(size=400)
    assert tables._best([(noise, (right,), target)])[0] > 1
    assert tables._best([(right, (noise * 5,), target)])[0] < 0.3


def test_neutral_is_lifted_where_the_encoder_says_it_too_seldom() -> None:
    chance = np.random.default_rng(3)
    target = chance.integers(0, 3, 600)
    ours = np.eye(3)[target] * 2 + chance.normal(size=(600, 3)) - np.array([0, 1.5, 0])
    nothing = np.zeros((600, 3))
    lifted = np.tile(np.float32([0, 1, 0]), (600, 1))
    assert tables._best([(ours, (nothing, lifted), target)])[1] >= 1
