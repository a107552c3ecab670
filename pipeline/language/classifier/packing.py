"""Writes a model directory that `load` accepts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ModelError
from pipeline.language.classifier.contact import ContactClassifier
from pipeline.language.classifier.directory import (
    CONFIG,
    FORMAT,
    HEADS,
    MANIFEST,
    TAXONOMY,
    TOKENIZER,
    WEIGHTS,
    ModelDirectory,
)
from pipeline.language.classifier.refit import Refit

_AS_THEY_ARE = (WEIGHTS, TOKENIZER, "tokenizer_config.json")


def pack(
    base: ModelDirectory, refit: Refit, taxonomy: Taxonomy, taxonomy_file: Path, out: Path
) -> str:
    """Writes `out`: the base's encoder, the new heads, the taxonomy. Gives the revision.

    The revision is the base's with the taxonomy's version and the heads' sum: the same inputs give
    the same revision. Raises ModelError if `out` exists, cannot be written, or would not load;
    nothing is left there after a failure.
    """
    require_absent(out)
    heads = refit.heads.bytes()
    digest = hashlib.sha256(heads + orjson.dumps(_cuts(refit))).hexdigest()[:8]
    revision = f"{base.revision.partition('+')[0]}+taxonomy{taxonomy.version}.{digest}"
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        _copy(base, taxonomy_file, partial)
        (partial / HEADS).write_bytes(heads)
        _write(partial / CONFIG, _configuration(base, refit, taxonomy, revision))
        _write(partial / MANIFEST, manifest(partial, revision, taxonomy.version))
        ContactClassifier(ModelDirectory.read(partial), threads=1)
        partial.rename(out)
    except OSError as error:
        raise ModelError(
            f"{out} cannot be written: {error.strerror or error}",
            fix="Check the space on the disk and the rights of the directory above.",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return revision


def require_absent(out: Path) -> None:
    """Raises ModelError if `out` exists; ask before the work, which takes minutes."""
    if out.exists():
        raise ModelError(f"{out} exists", fix="Name a directory that does not exist yet.")


def _copy(base: ModelDirectory, taxonomy_file: Path, partial: Path) -> None:
    partial.mkdir(parents=True)
    for name in _AS_THEY_ARE:
        if name in base.files:
            shutil.copyfile(base.path / name, partial / name)
    shutil.copyfile(taxonomy_file, partial / TAXONOMY)


def manifest(folder: Path, revision: str, taxonomy_version: int) -> dict[str, Any]:
    """The sums and sizes of everything in `folder`."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name != MANIFEST:
            content = path.read_bytes()
            files[path.name] = {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
            }
    return {
        "format": FORMAT,
        "revision": revision,
        "taxonomy_version": taxonomy_version,
        "files": files,
    }


def _configuration(
    base: ModelDirectory, refit: Refit, taxonomy: Taxonomy, revision: str
) -> dict[str, Any]:
    config: dict[str, Any] = orjson.loads((base.path / CONFIG).read_bytes())
    voc = config["voc"]
    voc["revision"] = revision
    voc["base_revision"] = base.revision
    voc["taxonomy_version"] = taxonomy.version
    voc["topics"] = list(taxonomy.codes)
    voc["threshold"]["topic"] = _cuts(refit)
    return config


def _cuts(refit: Refit) -> dict[str, float]:
    return {fit.topic: fit.cut for fit in refit.topics}


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
