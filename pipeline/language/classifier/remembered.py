"""What the encoder said of texts, kept on disk: the second fit of the same texts takes a second.

A file for each base, named after the sum of its manifest, so what another model said is never
taken. A row for each text, by the sum of the text; the texts themselves are not stored. Two
processes may write at once: each replaces the file as a whole, and what one of them loses is read
again. A file that is damaged, or a folder that cannot be written, costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.language.classifier.cores import cores
from pipeline.language.classifier.directory import MANIFEST
from pipeline.language.classifier.onnx import OUTPUTS
from pipeline.language.classifier.refit import Base

Logits = dict[str, NDArray[np.float32]]

TEXTS = 20_000
"""Texts of a base that are kept, about 2 kB each; those of the last fit go last."""

_BASES = 4
_KEYS = "keys"


class Remembered:
    """A `refit.Base` that asks `base` only for texts that it was never asked for.

    Each text is encoded alone: in a batch its last digits depend on its neighbours, and the same
    fit would get another revision according to what was kept before.
    """

    def __init__(self, base: Base, folder: Path | None, limit: int = TEXTS) -> None:
        """Without a folder nothing is kept, and the same comes out."""
        self.directory, self.heads = base.directory, base.heads
        self._base, self._limit = base, limit
        manifest = (base.directory.path / MANIFEST).read_bytes()
        name = f"{hashlib.sha256(manifest).hexdigest()[:32]}.npz"
        self._file = folder / name if folder else None

    def logits(self, texts: Sequence[str]) -> Logits:
        """Every output of the base, in the texts' order."""
        by_key = {_key(text): text for text in texts}
        kept = _read(self._file) if self._file else {}
        fresh = [key for key in by_key if key not in kept]
        kept.update(zip(fresh, self._encoded([by_key[key] for key in fresh]), strict=True))
        if fresh and self._file:
            others = {key: row for key, row in kept.items() if key not in by_key}
            self._write(self._file, {**others, **{key: kept[key] for key in by_key}})
        return _columns([kept[_key(text)] for text in texts])

    def _encoded(self, texts: Sequence[str]) -> list[Logits]:
        with ThreadPoolExecutor(cores()) as pool:
            return list(pool.map(lambda text: self._base.logits([text]), texts))

    def _write(self, file: Path, rows: dict[bytes, Logits]) -> None:
        last = dict(list(rows.items())[-self._limit :])
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(file, last)
            _forget_others(file.parent)


def folder() -> Path | None:
    """Where a user's programs keep what can be made again; None for a user without a home."""
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(given) if given else Path.home() / ".cache") / "voc" / "fit"
    except RuntimeError:
        return None


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _columns(rows: Sequence[Logits]) -> Logits:
    return {name: np.concatenate([row[name] for row in rows]) for name in OUTPUTS}


def _read(file: Path) -> dict[bytes, Logits]:
    """The rows of a file; none of one that is not there or not whole."""
    try:
        with np.load(file, allow_pickle=False) as found:
            keys = [key.tobytes() for key in found[_KEYS]]
            values = {name: found[name] for name in OUTPUTS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return {}
    if any(len(column) != len(keys) for column in values.values()):
        return {}
    return {
        key: {name: column[at : at + 1] for name, column in values.items()}
        for at, key in enumerate(keys)
    }


def _replace(file: Path, rows: dict[bytes, Logits]) -> None:
    """Readable by its owner alone: what a text means can be guessed from its embedding."""
    keys = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
    handle, name = tempfile.mkstemp(dir=file.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as opened:
            np.savez(opened, **{_KEYS: keys}, **_columns(list(rows.values())))  # type: ignore[arg-type]
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)


def _forget_others(where: Path) -> None:
    """Of the bases that were fitted on, the last few; another one's file is made again."""
    files = sorted(where.glob("*.npz"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in files[_BASES:]:
        old.unlink(missing_ok=True)
