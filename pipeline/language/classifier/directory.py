"""A model directory: read and verified as a whole before anything of it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pipeline import resources
from pipeline.domain.analysis import POLARITIES, SENTIMENTS
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ModelError, TaxonomyError
from pipeline.language.aggregate import Thresholds

FORMAT = 1
MANIFEST, CONFIG, TOKENIZER, WEIGHTS = (
    "manifest.json",
    "config.json",
    "tokenizer.json",
    "model.onnx",
)
HEADS, TAXONOMY = "heads.npz", "taxonomy.yaml"
REQUIRED = (CONFIG, TOKENIZER, WEIGHTS)
QUESTIONS = ("sentiment", "complaint", "churn", "topic", "polarity")

_MAX_INPUT = 8192
_COPY = "Copy the whole directory again, or take the shipped one (leave model.path unset)."
_WRITE = "Make the directory with `python -m models.training` or `voc taxonomy fit`."


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns logits into probabilities and decisions.

    A temperature divides the logits of a question. `cuts` [topics] are the probabilities from
    which a topic is said.
    """

    temperatures: Mapping[str, float]
    thresholds: Thresholds
    cuts: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ModelDirectory:
    """The verified content of a directory; `files` are the names that its manifest vouches for."""

    path: Path
    revision: str
    taxonomy_version: int
    topics: tuple[str, ...]
    max_tokens: int
    hidden: int
    calibration: Calibration
    files: frozenset[str]

    @classmethod
    def read(cls, path: Path, taxonomy: Taxonomy | None = None) -> ModelDirectory:
        """Reads `path`, with every file checked against the manifest.

        Without `taxonomy` the directory's own taxonomy.yaml counts, else the shipped one.
        Raises ModelError: a file that is missing or changed, another format, no label map,
        topics that are not the taxonomy's.
        """
        files = verify(path)
        config = _json(path / CONFIG)
        voc = _mapping(config, "voc", path)
        _labels(config, voc, path)
        topics = _topics(voc, path)
        own = path / TAXONOMY if TAXONOMY in files else None
        version = _whole(voc, "taxonomy_version", path)
        _same_taxonomy(path, version, topics, taxonomy or _taxonomy(own))
        return cls(
            path=path,
            revision=_revision(voc, path),
            taxonomy_version=version,
            topics=topics,
            max_tokens=min(_whole(voc, "max_tokens", path), _MAX_INPUT),
            hidden=_whole(config, "hidden_size", path),
            calibration=_calibration(voc, topics, path),
            files=files,
        )


def verify(path: Path) -> frozenset[str]:
    """The files of the manifest, whose sizes and sums are right. Raises ModelError."""
    if not path.is_dir():
        fix = "Check model.path (or --model); unset, it is the shipped model."
        raise ModelError(f"there is no model directory {path}", fix=fix)
    manifest = path / MANIFEST
    if not manifest.is_file():
        lost = (path / WEIGHTS).is_file()
        fix = _COPY if lost else "Another checkpoint runs with model.engine = torch. " + _WRITE
        raise ModelError(f"{manifest} is missing: {path} is not a model of voc", fix=fix)
    content = _json(manifest)
    if content.get("format") != FORMAT:
        raise ModelError(
            f"{manifest} has format {content.get('format')!r}; this version reads {FORMAT}",
            fix="Take a model made for this version, or the voc version that the model names.",
        )
    listed = _mapping(content, "files", path, file=MANIFEST)
    for name in REQUIRED:
        if name not in listed:
            raise ModelError(f"{manifest} does not list {name}", fix=_WRITE)
    for name, entry in listed.items():
        _check(path / name, entry)
    return frozenset(listed)


def _check(path: Path, entry: object) -> None:
    if not isinstance(entry, dict) or "/" in path.name or path.name in {"", ".."}:
        raise ModelError(f"{path.parent / MANIFEST} has a damaged entry {path.name!r}", fix=_COPY)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", fix=_COPY) from error
    if len(content) != entry.get("bytes"):
        expected = entry.get("bytes")
        raise ModelError(f"{path} has {len(content)} bytes instead of {expected}", fix=_COPY)
    if hashlib.sha256(content).hexdigest() != entry.get("sha256"):
        raise ModelError(f"{path} is not the file that the manifest vouches for", fix=_COPY)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}", fix=_COPY) from error
    except orjson.JSONDecodeError as error:
        raise ModelError(f"{path} is not JSON: {error}", fix=_COPY) from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object", fix=_COPY)
    return value


def _mapping(
    value: Mapping[str, Any], name: str, path: Path, *, file: str = CONFIG
) -> Mapping[str, Any]:
    found = value.get(name)
    if not isinstance(found, dict) or not found:
        raise ModelError(f"{path / file} has no {name}", fix=_WRITE)
    return found


def _whole(value: Mapping[str, Any], name: str, path: Path) -> int:
    found = value.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ModelError(
            f"{path / CONFIG}: {name} is {found!r}, no whole number from 1", fix=_WRITE
        )
    return found


def _revision(voc: Mapping[str, Any], path: Path) -> str:
    revision = voc.get("revision")
    if not isinstance(revision, str) or not revision:
        raise ModelError(f"{path / CONFIG} has no voc.revision", fix=_WRITE)
    return revision


def _labels(config: Mapping[str, Any], voc: Mapping[str, Any], path: Path) -> None:
    """The heads' outputs have one fixed meaning; a map that says otherwise is another model's."""
    said = _mapping(config, "id2label", path)
    expected = {str(at): name for at, name in enumerate(SENTIMENTS)}
    if {str(key): value for key, value in said.items()} != expected:
        raise ModelError(f"{path / CONFIG}: id2label is {said}, not {expected}", fix=_WRITE)
    for name, order in (("sentiments", list(SENTIMENTS)), ("polarities", list(POLARITIES))):
        if voc.get(name) != order:
            text = f"{path / CONFIG}: voc.{name} is {voc.get(name)}, not {order}"
            raise ModelError(text, fix=_WRITE)


def _topics(voc: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    topics = voc.get("topics")
    if not isinstance(topics, list) or not topics or len(set(map(str, topics))) != len(topics):
        raise ModelError(f"{path / CONFIG} has no list voc.topics", fix=_WRITE)
    return tuple(map(str, topics))


def _taxonomy(own: Path | None) -> Taxonomy:
    path = own or resources.schemas() / TAXONOMY
    try:
        return Taxonomy.load(path)
    except TaxonomyError as error:
        raise ModelError(error.message, fix=error.fix) from error


def _same_taxonomy(path: Path, version: int, topics: tuple[str, ...], taxonomy: Taxonomy) -> None:
    fix = "Refit the model with `voc taxonomy fit`, or use the taxonomy that it was made for."
    if version != taxonomy.version:
        raise ModelError(
            f"{path / CONFIG} is of taxonomy version {version}, in use is {taxonomy.version}",
            fix=fix,
        )
    if topics != taxonomy.codes:
        missing = [code for code in taxonomy.codes if code not in topics]
        unknown = [code for code in topics if code not in taxonomy.codes]
        detail = f"missing {missing}, unknown {unknown}" if missing or unknown else "another order"
        raise ModelError(f"{path / CONFIG}: topics differ from the taxonomy: {detail}", fix=fix)


def _calibration(voc: Mapping[str, Any], topics: Sequence[str], path: Path) -> Calibration:
    heat = _mapping(voc, "temperature", path)
    cut = _mapping(voc, "threshold", path)
    by_topic = _mapping(cut, "topic", path)
    shares = {name: _share(cut, name, path) for name in ("sentiment", "complaint", "churn")}
    return Calibration(
        temperatures={name: _positive(heat, name, path) for name in QUESTIONS},
        thresholds=Thresholds(**shares),
        cuts=np.array([_share(by_topic, topic, path) for topic in topics]),
    )


def _positive(value: Mapping[str, Any], name: str, path: Path) -> float:
    found = value.get(name)
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 < found < 1000:
        raise ModelError(f"{path / CONFIG}: temperature.{name} is {found!r}", fix=_WRITE)
    return float(found)


def _share(value: Mapping[str, Any], name: str, path: Path) -> float:
    found = value.get(name)
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found <= 1:
        text = f"{path / CONFIG}: the threshold of {name} is {found!r}, not from 0 to 1"
        raise ModelError(text, fix=_WRITE)
    return float(found)
