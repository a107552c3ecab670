"""Any Hugging Face sequence classification checkpoint, for sentiment alone (extra `torch`)."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline import resources
from pipeline.domain.analysis import ClauseReading
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ModelError
from pipeline.language.aggregate import Thresholds
from pipeline.language.classifier import batches
from pipeline.language.classifier.cores import bound_tokenizers, cores
from pipeline.language.classifier.decide import softmax
from pipeline.language.classifier.labels import meanings

try:
    import torch
    import transformers
    from safetensors import SafetensorError
except ImportError as error:
    raise ModelError(
        f"the torch engine needs {error.name}, which is not installed",
        fix="pip install 'voc[torch]', or set model.engine = onnx.",
    ) from error

_LONGEST = 512
_NEVER = 1.0
_SHOWN = 3
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_DAMAGED = (
    OSError,
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    EOFError,
    pickle.UnpicklingError,
    SafetensorError,
)
"""What transformers raises for files that are cut off, damaged, or of a kind it cannot read."""


class SentimentClassifier:
    """Implements `pipeline.domain.analysis.Classifier` for sentiment.

    A negative text counts as a complaint; churn is 0 and no topics are said, since such a
    checkpoint knows of neither.
    """

    topics: tuple[str, ...] = ()
    thresholds = Thresholds(complaint=0.5, churn=_NEVER, sentiment=0.5)

    def __init__(
        self, model: Any, tokenizer: Any, labels: Sequence[int], revision: str, version: int
    ) -> None:
        self._model, self._tokenizer = model.eval(), tokenizer
        self._labels = np.asarray(labels)
        self.revision, self.taxonomy_version = revision, version
        # RoBERTa's position table has two rows more than it takes tokens.
        positions = getattr(model.config, "max_position_embeddings", None) or _LONGEST + 2
        self.max_tokens = min(tokenizer.model_max_length, positions - 2, _LONGEST)
        self._pad = tokenizer.pad_token_id or 0

    @classmethod
    def load(
        cls,
        path: Path | None,
        *,
        threads: int = 0,
        labels: Mapping[str, str] | None = None,
        taxonomy: Taxonomy | None = None,
    ) -> SentimentClassifier:
        """Loads a local checkpoint; never goes to the network. Raises ModelError."""
        if path is None or not path.is_dir():
            raise ModelError(
                f"there is no checkpoint directory {path or ''}".rstrip(),
                fix="Download the checkpoint and name its directory in model.path.",
            )
        threads = threads or min(cores(), torch.get_num_threads())
        bound_tokenizers(threads)
        torch.set_num_threads(threads)
        tokenizer, model = _tokenizer(path), _model(path)
        known = meanings(model.config.id2label, labels)
        version = (taxonomy or Taxonomy.load(resources.schemas() / "taxonomy.yaml")).version
        return cls(model, tokenizer, known, _revision(path), version)

    def read(self, clauses: Sequence[str]) -> list[ClauseReading]:
        """One reading per clause, same order; the same whatever the batch."""
        if not clauses:
            return []
        rows, truncated = self._tokenise(clauses)
        logits = self._run(rows, lambda found, _: found.logits)
        by_label = softmax(logits)
        sentiment = np.zeros((len(rows), 3))
        for label, place in enumerate(self._labels):
            sentiment[:, place] += by_label[:, label]
        return [
            ClauseReading((p[0], p[1], p[2]), p[0], 0.0, (), cut)
            for p, cut in zip(sentiment.tolist(), truncated, strict=True)
        ]

    def likelihoods(self, clauses: Sequence[str]) -> list[list[list[float]]]:
        """No topics, so nothing for each clause."""
        return [[] for _ in clauses]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, H]: the mean of the last layer's states."""
        if not texts:
            return np.zeros((0, int(self._model.config.hidden_size)), np.float32)
        rows, _ = self._tokenise(texts)
        pooled = self._run(rows, _mean_state)
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        return (pooled / np.maximum(norms, 1e-12)).astype(np.float32)

    def warm_up(self) -> None:
        """Reads two made-up texts."""
        self.read(["x", "x " * 16])

    def _tokenise(self, texts: Sequence[str]) -> tuple[list[list[int]], list[bool]]:
        most = self.max_tokens
        found = self._tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
        cut = [len(ids) > most for ids in found]
        return [
            [*ids[: most - 1], ids[-1]] if long else ids
            for ids, long in zip(found, cut, strict=True)
        ], cut

    def _run(self, rows: Sequence[list[int]], take: Any) -> NDArray[np.float32]:
        parts = batches.plan([len(row) for row in rows])
        values = []
        for part in parts:
            ids, mask = map(torch.from_numpy, batches.padded([rows[n] for n in part], self._pad))
            with torch.inference_mode():
                found = self._model(
                    input_ids=ids, attention_mask=mask, output_hidden_states=take is _mean_state
                )
                values.append(take(found, mask).float().numpy())
        joined = np.concatenate(values)
        result = np.empty_like(joined)
        result[np.concatenate(parts)] = joined
        return result


def _mean_state(found: Any, mask: Any) -> Any:
    weights = mask.unsqueeze(-1).float()
    return (found.hidden_states[-1] * weights).sum(1) / weights.sum(1).clamp(min=1)


def _tokenizer(path: Path) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
    except Exception as error:  # tokenizers raises nothing narrower
        raise _refused(path, error) from error


def _model(path: Path) -> Any:
    try:
        model, found = transformers.AutoModelForSequenceClassification.from_pretrained(
            path, local_files_only=True, dtype=torch.float32, output_loading_info=True
        )
    except _DAMAGED as error:
        raise _refused(path, error) from error
    if missing := sorted(found["missing_keys"]):
        # transformers fills them with random numbers: a base checkpoint would judge by chance.
        raise ModelError(
            f"{path} has no weights for {_listed(missing)}",
            fix="Take a checkpoint that was fine-tuned for sequence classification, not its base.",
        )
    return model


def _refused(path: Path, error: Exception) -> ModelError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return ModelError(
        f"{path} is not a sequence classification checkpoint: {reason}",
        fix="Copy the checkpoint again. A directory of voc's own runs with model.engine = onnx.",
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _revision(path: Path) -> str:
    """The directory's name and the first digits of the sum of its configuration and weights.

    Weights that were trained on under an unchanged configuration are another model: contacts that
    the old ones read must be found by `voc reclassify`.
    """
    names = {"config.json", *(each.name for kind in _WEIGHTS for each in path.glob(kind))}
    whole = hashlib.sha256()
    for name in sorted(names):
        with (path / name).open("rb") as file:
            whole.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return f"{path.resolve().name}-{whole.hexdigest()[:8]}"
