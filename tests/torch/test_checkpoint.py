"""Foreign checkpoints through transformers. Run by `make test-torch`, which installs the extra."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from pipeline.errors import ModelError
from pipeline.language.classifier import load

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "fine", "slow", "fast", "service"]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A tiny random BERT with two classes, as save_pretrained writes it."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=40, num_labels=2,
        id2label={0: "NEGATIVE", 1: "POSITIVE"},
    )  # fmt: skip
    folder = tmp_path / "tiny"
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", model_max_length=40,
    ).save_pretrained(folder)  # fmt: skip
    return folder


TEXTS = ["good fast service", "bad", "slow " * 30, "fine service", ""]


def test_a_checkpoint_reads_sentiment(checkpoint: Path) -> None:
    model = load(checkpoint, engine="torch", threads=1)
    readings = model.read(TEXTS)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    bare = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    for text, reading in zip(TEXTS, readings, strict=True):
        with torch.inference_mode():
            logits = bare(**tokenizer(text, return_tensors="pt")).logits
        negative, positive = torch.softmax(logits, -1)[0].tolist()
        assert reading.sentiment == pytest.approx((negative, 0.0, positive), abs=1e-5)
        assert reading.complaint == reading.sentiment[0]
        assert (reading.churn, reading.topics) == (0.0, ())


def test_neighbours_do_not_matter(checkpoint: Path) -> None:
    model = load(checkpoint, engine="torch")
    together = model.read(TEXTS)
    for text, reading in zip(TEXTS, together, strict=True):
        assert model.read([text])[0].sentiment == pytest.approx(reading.sentiment, abs=1e-6)


def test_a_label_map_wins(checkpoint: Path) -> None:
    plain = load(checkpoint, engine="torch").read(["good"])[0]
    turned = load(
        checkpoint, engine="torch", labels={"NEGATIVE": "positive", "POSITIVE": "negative"}
    ).read(["good"])[0]
    assert turned.sentiment == plain.sentiment[::-1]


def test_long_texts_are_cut_and_say_so(checkpoint: Path) -> None:
    model = load(checkpoint, engine="torch")
    assert [r.truncated for r in model.read(["good", "good " * 100])] == [False, True]


def test_embeddings_are_unit_vectors(checkpoint: Path) -> None:
    vectors = load(checkpoint, engine="torch").embed(["good", "bad slow", "fine"])
    assert vectors.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_directory_that_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a sequence classification checkpoint"):
        load(tmp_path, engine="torch")


def test_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no checkpoint directory"):
        load(tmp_path / "nowhere", engine="torch")


def test_a_base_checkpoint_without_a_head_is_refused(checkpoint: Path) -> None:
    transformers.BertModel.from_pretrained(checkpoint).save_pretrained(checkpoint)
    with pytest.raises(ModelError, match=r"no weights for classifier\.bias, classifier\.weight"):
        load(checkpoint, engine="torch")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def pickled(path: Path) -> None:
    """Weights in the old format, and none that can be read."""
    path.unlink()
    (path.parent / "pytorch_model.bin").write_bytes(b"")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", cut),
        ("model.safetensors", pickled),
        ("config.json", lambda path: path.write_text("[]")),
        ("tokenizer.json", cut),
        ("tokenizer.json", lambda path: path.write_text("[]")),
        ("tokenizer.json", lambda path: path.write_text('{"added_tokens": [], "model": {}}')),
    ],
)
def test_a_damaged_checkpoint_is_refused(
    checkpoint: Path, name: str, damage: Callable[[Path], object]
) -> None:
    damage(checkpoint / name)
    with pytest.raises(ModelError, match="not a sequence classification checkpoint"):
        load(checkpoint, engine="torch")


def test_a_tokenizer_of_a_package_that_is_not_there(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("needs sentencepiece")

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", missing)
    with pytest.raises(ModelError, match="needs sentencepiece"):
        load(checkpoint, engine="torch")


def test_other_weights_are_another_revision(checkpoint: Path) -> None:
    before = load(checkpoint, engine="torch").revision
    assert load(checkpoint, engine="torch").revision == before
    bare = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoint)
    with torch.no_grad():
        bare.classifier.bias += 1
    bare.save_pretrained(checkpoint)
    assert load(checkpoint, engine="torch").revision != before
