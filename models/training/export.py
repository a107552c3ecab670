"""ONNX with 8-bit weights whose answers do not depend on a text's neighbours in the batch.

onnxruntime's own dynamic quantisation measures one activation scale over the whole batch, so
padding and neighbours move every answer. Here each token has a scale of its own.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from models.training.network import WithNgrams
from models.training.package import OUTPUTS

WEIGHT_LEVELS = 63
"""Seven bits: two products of 255 x 63 still fit the 16 bits that AVX2 adds them in."""

_ZERO = 128
"""What an activation of 0 becomes as an unsigned byte."""

_SMALLEST_QUANTISED = 100_000
"""Weights below this size (the heads) stay in floats."""


def float_model(model: WithNgrams, path: Path) -> None:
    """Writes the float ONNX, inputs [B, T] with both dimensions free."""
    ids = torch.randint(4, 50, (2, 16))
    axes = {name: {0: "batch"} for name in OUTPUTS}
    axes |= {name: {0: "batch", 1: "tokens"} for name in ("input_ids", "attention_mask")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (ids, torch.ones_like(ids)),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=["input_ids", "attention_mask"],
            output_names=list(OUTPUTS),
            dynamic_axes=axes,
        )


class _Rewriter:
    """Rebuilds a graph's node list with some nodes replaced by several."""

    def __init__(self, model: ModelProto) -> None:
        self.graph = model.graph
        self.weights = {tensor.name: tensor for tensor in self.graph.initializer}
        self.nodes: list[NodeProto] = []
        self.bytes_of: dict[str, tuple[str, str]] = {}

    def constant(self, name: str, value: NDArray[Any]) -> str:
        if name not in self.weights:
            self.weights[name] = numpy_helper.from_array(value, name)
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def per_token(self, source: str, width: int) -> tuple[str, str]:
        """Names of `source` [.., width] as unsigned bytes [N, width], and of scales [N, 1]."""
        if source not in self.bytes_of:
            rows = self.constant(f"rows_of_{width}", np.array([-1, width], np.int64))
            flat = self.add("Reshape", [source, rows], f"{source}/flat")
            high = self.add("ReduceMax", [flat], f"{source}/high", axes=[-1], keepdims=0)
            low = self.add("ReduceMin", [flat], f"{source}/low", axes=[-1], keepdims=0)
            depth = self.add("Neg", [low], f"{source}/depth")
            least = self.constant("least", np.array(1e-6, np.float32))
            top = self.add("Max", [high, depth, least], f"{source}/top")
            full = self.constant("full", np.array(127, np.float32))
            scale = self.add("Div", [top, full], f"{source}/scale")
            tokens = self.add("Shape", [scale], f"{source}/tokens")
            zero = self.constant("zeros", np.array([_ZERO], np.uint8))
            zeros = self.add("Expand", [zero, tokens], f"{source}/zeros")
            given = self.add("QuantizeLinear", [flat, scale, zeros], f"{source}/bytes", axis=0)
            last = self.constant("last", np.array([1], np.int64))
            column = self.add("Unsqueeze", [scale, last], f"{source}/column")
            self.bytes_of[source] = given, column
        return self.bytes_of[source]

    def multiply(self, node: NodeProto) -> None:
        """A product [B, T, K] x [K, n] with a constant matrix, in bytes."""
        source, name = node.input
        weight = numpy_helper.to_array(self.weights.pop(name)).astype(np.float32)
        scale = np.maximum(np.abs(weight).max(axis=0), 1e-8) / WEIGHT_LEVELS
        values = np.rint(weight / scale).astype(np.int8)
        given, token_scale = self.per_token(source, weight.shape[0])
        inputs = [
            given,
            self.constant(f"{name}/q", values),
            self.constant("one", np.array(1, np.float32)),
            self.constant(f"{name}/scale", scale.astype(np.float32)),
            self.constant("zero", np.array(_ZERO, np.uint8)),
        ]
        out = node.output[0]
        raw = self.add("MatMulIntegerToFloat", inputs, f"{out}/raw", domain="com.microsoft")
        flat = self.add("Mul", [raw, token_scale], f"{out}/flat")
        batch = self.add("Shape", [source], f"{out}/batch", end=2)
        columns = self.constant(f"columns_{weight.shape[1]}", np.array(weight.shape[1:], np.int64))
        shape = self.add("Concat", [batch, columns], f"{out}/shape", axis=0)
        self.add("Reshape", [flat, shape], out)

    def look_up(self, node: NodeProto) -> None:
        """A look-up in a table: bytes with a scale a row; in half floats where rows are short."""
        name, index = node.input
        table = numpy_helper.to_array(self.weights.pop(name)).astype(np.float32)
        out = node.output[0]
        if table.shape[1] < 16:
            half = self.constant(f"{name}/half", table.astype(np.float16))
            found = self.add("Gather", [half, index], f"{out}/half")
            self.add("Cast", [found], out, to=TensorProto.FLOAT)
            return
        scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-8) / 127
        values = self.constant(f"{name}/q", np.rint(table / scale).astype(np.int8))
        scales = self.constant(f"{name}/scale", scale.astype(np.float32))
        found = self.add("Gather", [values, index], f"{out}/q")
        found = self.add("Cast", [found], f"{out}/float", to=TensorProto.FLOAT)
        self.add("Mul", [found, self.add("Gather", [scales, index], f"{out}/scale")], out)

    def _large(self, name: str) -> bool:
        return name in self.weights and int(np.prod(self.weights[name].dims)) > _SMALLEST_QUANTISED

    def _large_floats(self, name: str) -> bool:
        return self._large(name) and self.weights[name].data_type == TensorProto.FLOAT

    def run(self) -> None:
        for node in self.graph.node:
            if node.op_type == "MatMul" and self._large(node.input[1]):
                self.multiply(node)
            elif node.op_type == "Gather" and self._large_floats(node.input[0]):
                self.look_up(node)
            else:
                self.nodes.append(node)
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend(self.weights.values())


def quantise(source: Path, target: Path) -> None:
    """Float ONNX to 8-bit ONNX."""
    model = onnx.load(str(source))
    _Rewriter(model).run()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, str(target))
