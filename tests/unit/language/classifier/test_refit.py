"""Own topics from a few examples: the shipped encoder, texts that are easy to tell apart."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from dataclasses import fields
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from pipeline import resources
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ModelError, TaxonomyError
from pipeline.language.classifier import LoadedClassifier, load, logistic, packing, refit
from pipeline.language.classifier.directory import ModelDirectory
from pipeline.language.classifier.heads import Heads
from pipeline.language.classifier.refit import Example

PETS = [
    f"{subject} {verb}"
    for subject, verb in product(
        ("My dog", "The cat", "我的狗", "貓", "우리 강아지가", "고양이가"),
        ("was not allowed in the hotel", "不让进酒店", "入場被拒絕", "출입을 거절당했어요"),
    )
]
OTHERS = [
    f"{subject} {verb}"
    for subject, verb in product(
        ("The invoice", "The app", "订单", "付款", "결제가", "앱이"),
        ("was wrong again", "又错了", "又錯了", "또 틀렸어요"),
    )
]
EXAMPLES = [Example(text, {"pets": -1}) for text in PETS] + [Example(text, {}) for text in OTHERS]


def taxonomy_file(folder: Path, *, renamed: bool = False, without: str = "") -> Path:
    """The shipped taxonomy, version 2, with the topic pets."""
    shipped = (resources.schemas() / "taxonomy.yaml").read_text(encoding="utf-8")
    head, *entries = re.split(r"^(?=  [a-z_]+:$)", shipped.rstrip() + "\n", flags=re.MULTILINE)
    entries = [entry for entry in entries if not entry.startswith(f"  {without}:")]
    wait = next(entry for entry in entries if entry.startswith("  wait:"))
    entries.append(wait.replace("  wait:", "  pets:", 1))
    if renamed:
        entries[entries.index(wait)] = wait.replace("  wait:", "  queueing:", 1)
    path = folder / "taxonomy.yaml"
    text = head.replace("version: 1", "version: 2") + "".join(entries)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def fitted(model: LoadedClassifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the topic pets, wait renamed to queueing."""
    folder = tmp_path_factory.mktemp("fit")
    file = taxonomy_file(folder, renamed=True)
    taxonomy = Taxonomy.load(file)
    found = refit.fit(model, taxonomy, EXAMPLES, renames={"wait": "queueing"})
    packing.pack(model.directory, found, taxonomy, file, folder / "model")
    return folder / "model"


def test_a_new_topic_is_found_in_texts_that_were_not_fitted_on(fitted: Path) -> None:
    mine = load(fitted, threads=1)
    pets = mine.read(["My cat was not allowed to enter the hotel", "狗不让进", "강아지 출입 거절"])
    others = mine.read(["The bill was wrong", "付款又錯了", "앱이 또 틀렸어요"])
    assert sum("pets" in {m.topic for m in reading.topics} for reading in pets) >= 2
    assert not any("pets" in {m.topic for m in reading.topics} for reading in others)


def test_kept_and_renamed_topics_say_what_they_said(model: LoadedClassifier, fitted: Path) -> None:
    mine = load(fitted, threads=1)
    texts = [*PETS[:4], *OTHERS[:4], "排队等了两个小时，太慢了", "物流太慢，客服不理人"]
    names = {"wait": "queueing"}
    for ours, theirs in zip(model.read(texts), mine.read(texts), strict=True):
        expected = {(names.get(m.topic, m.topic), m.polarity) for m in ours.topics}
        assert expected == {(m.topic, m.polarity) for m in theirs.topics if m.topic != "pets"}
        assert ours.sentiment == pytest.approx(theirs.sentiment, abs=1e-6)


def test_the_directory_is_versioned_and_brings_its_taxonomy(fitted: Path) -> None:
    directory = ModelDirectory.read(fitted)
    assert directory.taxonomy_version == 2
    assert "+taxonomy2." in directory.revision
    assert directory.topics[-1] == "pets"
    assert resources.taxonomy(fitted) == fitted / "taxonomy.yaml"
    with pytest.raises(ModelError, match="taxonomy version 2, in use is 1"):
        ModelDirectory.read(fitted, Taxonomy.load(resources.schemas() / "taxonomy.yaml"))


def test_neighbours_do_not_matter_to_fitted_heads(fitted: Path) -> None:
    mine = load(fitted, threads=1)
    for alone, together in zip(
        (mine.logits([text])["topic"][0] for text in PETS), mine.logits(PETS)["topic"], strict=True
    ):
        np.testing.assert_allclose(alone, together, atol=1e-4)


def test_a_refit_of_a_refit_keeps_what_the_first_learned(fitted: Path, tmp_path: Path) -> None:
    first = load(fitted, threads=1)
    again = refit.fit(first, Taxonomy.load(fitted / "taxonomy.yaml"), EXAMPLES[:4])
    for field in fields(Heads):
        np.testing.assert_array_equal(
            getattr(again.heads, field.name), getattr(first.heads, field.name)
        )


def test_the_same_examples_give_the_same_revision(
    model: LoadedClassifier, fitted: Path, tmp_path: Path
) -> None:
    file = taxonomy_file(tmp_path, renamed=True)
    taxonomy = Taxonomy.load(file)
    found = refit.fit(model, taxonomy, EXAMPLES, renames={"wait": "queueing"})
    revision = packing.pack(model.directory, found, taxonomy, file, tmp_path / "model")
    assert revision == ModelDirectory.read(fitted).revision


def test_a_topic_that_the_taxonomy_dropped_is_gone(model: LoadedClassifier, tmp_path: Path) -> None:
    taxonomy = Taxonomy.load(taxonomy_file(tmp_path, without="transfer"))
    found = refit.fit(model, taxonomy, EXAMPLES)
    assert [fit.topic for fit in found.topics] == list(taxonomy)
    assert found.heads.column.tolist()[:2] == [0, 2]
    assert found.heads.column[-1] == -1


def test_out_of_fold_decisions_are_not_those_of_heads_that_saw_the_text(
    model: LoadedClassifier, tmp_path: Path
) -> None:
    """Labels by chance can be learned by heart, but not predicted."""
    chance = np.random.default_rng(3).permutation(len(PETS)) < len(PETS) // 2
    noise = [
        Example(text, {"pets": 1} if yes else {}) for text, yes in zip(PETS, chance, strict=True)
    ]
    found = refit.fit(model, Taxonomy.load(taxonomy_file(tmp_path)), noise).topics[-1]
    hits = (found.after & chance).sum()
    assert 2 * hits / (found.after.sum() + chance.sum()) < 0.8


def test_too_few_examples_of_a_new_topic_are_refused(
    model: LoadedClassifier, tmp_path: Path
) -> None:
    taxonomy = Taxonomy.load(taxonomy_file(tmp_path))
    with pytest.raises(TaxonomyError, match="pets is new and has 3 examples"):
        refit.fit(model, taxonomy, [Example(text, {"pets": 0}) for text in PETS[:3]])


def test_an_example_of_an_unknown_topic_is_refused(model: LoadedClassifier, tmp_path: Path) -> None:
    taxonomy = Taxonomy.load(taxonomy_file(tmp_path))
    with pytest.raises(TaxonomyError, match="example 1 is about birds"):
        refit.fit(model, taxonomy, [Example("x", {"birds": 0})])


@pytest.mark.parametrize("pair", [("nothing", "pets"), ("wait", "nothing"), ("wait", "delivery")])
def test_a_rename_that_cannot_be_is_refused(
    model: LoadedClassifier, tmp_path: Path, pair: tuple[str, str]
) -> None:
    taxonomy = Taxonomy.load(taxonomy_file(tmp_path))
    with pytest.raises(TaxonomyError, match="cannot rename"):
        refit.fit(model, taxonomy, EXAMPLES, renames=dict([pair]))


def test_nothing_is_left_where_the_directory_exists(
    model: LoadedClassifier, fitted: Path, tmp_path: Path
) -> None:
    taxonomy = Taxonomy.load(fitted / "taxonomy.yaml")
    again = refit.fit(load(fitted, threads=1), taxonomy, [])
    (tmp_path / "there").mkdir()
    with pytest.raises(ModelError, match="exists"):
        packing.pack(model.directory, again, taxonomy, fitted / "taxonomy.yaml", tmp_path / "there")
    assert list(tmp_path.iterdir()) == [tmp_path / "there"]


def test_what_cannot_be_written_leaves_nothing(
    model: LoadedClassifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = taxonomy_file(tmp_path)
    taxonomy = Taxonomy.load(file)
    found = refit.fit(model, taxonomy, EXAMPLES)
    monkeypatch.setattr(packing.shutil, "copyfile", full)
    with pytest.raises(ModelError, match="cannot be written: No space left"):
        packing.pack(model.directory, found, taxonomy, file, tmp_path / "model")
    assert list(tmp_path.iterdir()) == [file]


def test_a_directory_that_would_not_load_is_not_put_in_place(
    model: LoadedClassifier, tmp_path: Path
) -> None:
    """The file changed between its reading and its copying."""
    file = taxonomy_file(tmp_path)
    taxonomy = Taxonomy.load(file)
    found = refit.fit(model, taxonomy, EXAMPLES)
    file.write_text(file.read_text(encoding="utf-8").replace("  pets:", "  birds:"), "utf-8")
    with pytest.raises(ModelError, match="topics differ"):
        packing.pack(model.directory, found, taxonomy, file, tmp_path / "model")
    assert list(tmp_path.iterdir()) == [file]


def test_definitions_are_read_as_contacts_are(model: LoadedClassifier, tmp_path: Path) -> None:
    """Full-width signs are usual in Chinese; no clause that the model reads has any."""

    class Listening:
        directory, heads = model.directory, model.heads

        def logits(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
            assert any("等待与响应速度:排队" in text for text in texts)
            return model.logits(texts)

    file = taxonomy_file(tmp_path)
    typed = file.read_text(encoding="utf-8").replace("等待与响应速度:", "等待与响应速度：")
    file.write_text(typed, encoding="utf-8")
    refit.fit(Listening(), Taxonomy.load(file), EXAMPLES)


def test_an_old_head_is_moved_only_where_asked(model: LoadedClassifier, tmp_path: Path) -> None:
    taxonomy = Taxonomy.load(taxonomy_file(tmp_path))
    meant = [Example(text, {"pets": -1, "facilities": -1}) for text in PETS] + EXAMPLES[len(PETS) :]
    kept, moved = (refit.fit(model, taxonomy, meant, correct=c) for c in ((), ("facilities",)))
    at = list(taxonomy).index("facilities")
    assert not kept.heads.weight[at].any()
    assert moved.heads.weight[at].any()
    assert [fit.how for fit in moved.topics].count("corrected") == 1
    real = np.array(["facilities" in example.topics for example in meant])
    before, after = (
        (fit & real).sum() for fit in (moved.topics[at].before, moved.topics[at].after)
    )
    assert after > before


@pytest.mark.parametrize("topic", ["pets", "delivery", "birds"])
def test_a_correction_without_grounds_is_refused(
    model: LoadedClassifier, tmp_path: Path, topic: str
) -> None:
    taxonomy = Taxonomy.load(taxonomy_file(tmp_path))
    with pytest.raises(TaxonomyError, match=f"cannot correct {topic}"):
        refit.fit(model, taxonomy, EXAMPLES, correct=[topic])


def test_damaged_heads_are_refused(fitted: Path) -> None:
    heads = Heads.load(fitted / "heads.npz", 19, 18, 384)
    assert heads.column[-1] == -1
    with pytest.raises(ModelError, match="column has the shape"):
        Heads.load(fitted / "heads.npz", 20, 18, 384)
    with pytest.raises(ModelError, match="names a column"):
        Heads.load(fitted / "heads.npz", 19, 5, 384)
    with pytest.raises(ModelError, match="cannot be read"):
        Heads.load(fitted / "config.json", 19, 18, 384)


def test_logistic_regression_finds_a_known_optimum() -> None:
    """Without features the biases are the log shares of the classes."""
    target = np.array([0] * 6 + [1] * 3 + [2])
    zeros = np.zeros((10, 3))
    _, bias = logistic.fit(np.zeros((10, 2)), target, zeros, np.ones(10), ridge=1.0)
    shares = np.exp(bias) / np.exp(bias).sum()
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=1e-3)


def test_two_classes_are_the_binary_case() -> None:
    chance = np.random.default_rng(0)
    features = chance.normal(size=(200, 3))
    target = features @ [1.0, -2.0, 0.0] + chance.normal(size=200) > 0
    weight, bias = logistic.fit_binary(features, target, np.zeros(200), np.ones(200), ridge=0.5)

    def loss(w: np.ndarray, b: float) -> float:
        scores = np.where(target, 1, -1) * (features @ w + b)
        return float(np.logaddexp(0, -scores).sum() + 0.25 * (w @ w))

    best = loss(weight, bias)
    for step in (*np.eye(3) * 0.01, *np.eye(3) * -0.01):
        assert loss(weight + step, bias) > best
    assert loss(weight, bias + 0.01) > best < loss(weight, bias - 0.01)
