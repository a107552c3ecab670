"""The default engine: the packaged model on onnxruntime, without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pipeline.errors import ModelError
from pipeline.language.classifier import batches
from pipeline.language.classifier.cores import cores

Logits = dict[str, NDArray[np.float32]]

OUTPUTS = ("sentiment", "complaint", "churn", "topic", "polarity", "embedding")

_COPY = "Copy the model directory again, or leave model.path unset for the shipped model."


class OnnxEngine:
    """Logits of token ids. Thread-safe; a row's logits do not depend on the other rows.

    `threads` batches run side by side, each on one thread: batches never wait for each other,
    where threads inside one batch wait at every layer.
    """

    def __init__(self, path: Path, *, pad: int, threads: int = 0) -> None:
        self._pad = pad
        self.threads = threads or cores()
        self._session = _session(path)
        self._outputs = _outputs(path, self._session)
        self._pool = ThreadPoolExecutor(self.threads, "model") if self.threads > 1 else None

    def __call__(self, rows: Sequence[Sequence[int]], names: Iterable[str] = OUTPUTS) -> Logits:
        """The outputs `names` of every row, in the rows' order: [n, ...] each."""
        wanted = list(names)
        parts = batches.plan([len(row) for row in rows])
        matrices = [batches.padded([rows[n] for n in part], self._pad) for part in parts]
        run = self._pool.map if self._pool and len(parts) > 1 else map
        found = list(run(lambda pair: self._run(pair, wanted), matrices))
        return {
            name: _in_order([each[at] for each in found], parts) for at, name in enumerate(wanted)
        }

    def width(self, name: str) -> int:
        """Columns of an output."""
        return self._outputs[name]

    def _run(
        self, batch: tuple[NDArray[np.int64], NDArray[np.int64]], names: list[str]
    ) -> list[NDArray[np.float32]]:
        return self._session.run(names, {"input_ids": batch[0], "attention_mask": batch[1]})


def _in_order(
    values: Sequence[NDArray[np.float32]], parts: Sequence[NDArray[np.int64]]
) -> NDArray[np.float32]:
    joined = np.concatenate(values)
    result = np.empty_like(joined)
    result[np.concatenate(parts)] = joined
    return result


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has a class of its own for each status
        reason = str(error).strip().splitlines()[0][:200]
        raise ModelError(f"{path} is not a usable ONNX model: {reason}", fix=_COPY) from error


def _outputs(path: Path, session: Any) -> Mapping[str, int]:
    """Columns by output. Raises ModelError for an output that is not there."""
    given = {output.name: output.shape for output in session.get_outputs()}
    missing = [name for name in OUTPUTS if name not in given]
    inputs = {value.name for value in session.get_inputs()}
    if missing or inputs != {"input_ids", "attention_mask"}:
        detail = f"no output {', '.join(missing)}" if missing else f"inputs {sorted(inputs)}"
        raise ModelError(f"{path} is not a contact classifier: {detail}", fix=_COPY)
    try:
        ids, mask = batches.padded([[0, 2]], 1)
        found = session.run(list(OUTPUTS), {"input_ids": ids, "attention_mask": mask})
    except Exception as error:  # as above: nothing starts half-loaded
        reason = str(error).strip().splitlines()[0][:200]
        raise ModelError(f"{path} does not run: {reason}", fix=_COPY) from error
    return {
        name: value.shape[1] if value.ndim > 1 else 1
        for name, value in zip(OUTPUTS, found, strict=True)
    }
