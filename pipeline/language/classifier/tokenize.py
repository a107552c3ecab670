"""Texts to word-piece ids, of bounded length.

The tokenizer is the one that `transformers` would load from the same directory, without its Python
wrapper, which costs a third of the speed and two seconds of start-up; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from pipeline.errors import ModelError

_PAD = "<pad>"
_MAX_CHARS = 8192
"""More characters than any text within the token limit has; bounds the work on a hostile text."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The ids of one text, and whether its end was cut off."""

    ids: list[int]
    truncated: bool


class Tokeniser:
    """Thread-safe. `pad` is the id that fills up the shorter rows of a batch."""

    def __init__(self, path: Path, max_tokens: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing narrower
            raise ModelError(
                f"{path} is not a tokenizer: {error}", fix="Copy the model directory again."
            ) from error
        pad = self._tokenizer.token_to_id(_PAD)
        if pad is None:
            raise ModelError(f"{path} has no {_PAD}", fix="Copy the model directory again.")
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.pad: int = pad
        self.max_tokens = max_tokens

    def __call__(self, texts: Sequence[str]) -> list[Tokens]:
        """One list of ids per text, at most `max_tokens` long, with the special ids at its ends."""
        bounded = [text[:_MAX_CHARS] for text in texts]
        return [
            self._cut(encoding.ids, long=len(text) > _MAX_CHARS)
            for encoding, text in zip(
                self._tokenizer.encode_batch_fast(bounded), texts, strict=True
            )
        ]

    def _cut(self, ids: list[int], *, long: bool) -> Tokens:
        if len(ids) <= self.max_tokens:
            return Tokens(ids, long)
        return Tokens([*ids[: self.max_tokens - 1], ids[-1]], truncated=True)
