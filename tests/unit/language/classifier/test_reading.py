from __future__ import annotations

import string
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from pipeline import resources
from pipeline.domain.analysis import ClauseReading
from pipeline.language.classifier import LoadedClassifier, load
from pipeline.language.classifier.directory import TOKENIZER
from pipeline.language.classifier.tokenize import Tokeniser

TEXTS = [
    "快递太慢了，等了整整一个星期还没有到。",
    "客服態度很好，問題馬上就解決了，謝謝！",
    "배송이 너무 늦어서 환불을 요청했는데 아무도 답장을 안 해요 ㅠㅠ",
    "직원분들이 정말 친절하고 매장이 깨끗해요",
    "The app keeps crashing when I try to pay, and nobody answers the phone.",
    "Lovely staff, I was in and out in five minutes.",
    "好",
    "?",
    "👍👍👍",
    "order 订单 주문 12345 <PHONE>",
]


def flat(readings: list[ClauseReading]) -> np.ndarray:
    return np.array([[*r.sentiment, r.complaint, r.churn] for r in readings])


def same(one: list[ClauseReading], two: list[ClauseReading]) -> None:
    np.testing.assert_allclose(flat(one), flat(two), atol=1e-6)
    for a, b in zip(one, two, strict=True):
        assert [(m.topic, m.polarity) for m in a.topics] == [
            (m.topic, m.polarity) for m in b.topics
        ]
        assert a.truncated == b.truncated


def test_it_reads_clear_opinions(model: LoadedClassifier) -> None:
    found = model.read(
        ["快递太慢了，客服也不回复，太差了", "服务很好，非常满意", "服務很好，非常滿意"]
    )
    assert [int(np.argmax(reading.sentiment)) for reading in found] == [0, 2, 2]
    assert found[0].complaint > 0.5 > found[1].complaint


def test_probabilities_are_probabilities(model: LoadedClassifier) -> None:
    for reading in model.read(TEXTS):
        assert sum(reading.sentiment) == pytest.approx(1)
        assert 0 <= reading.churn <= 1
        cuts = dict(zip(model.topics, model.directory.calibration.cuts, strict=True))
        assert all(mention.confidence >= cuts[mention.topic] for mention in reading.topics)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.lists(
        st.one_of(
            st.sampled_from(TEXTS),
            st.text(max_size=60),
            st.text(string.ascii_letters + " .,", max_size=400),
            st.text("快慢好坏客服订单滿意很배송친절해요 ", max_size=200),
        ),
        min_size=1,
        max_size=24,
    )
)
def test_neighbours_do_not_matter(model: LoadedClassifier, texts: list[str]) -> None:
    """Alone, in any batch, in any order: the same reading, in the order of the texts."""
    together = model.read(texts)
    same(together, [model.read([text])[0] for text in texts])
    same(together, model.read(texts[::-1])[::-1])


def test_threads_do_not_matter(model: LoadedClassifier) -> None:
    texts = [f"{text} {n}" for n in range(20) for text in TEXTS]
    same(model.read(texts), load(threads=1).read(texts))


def test_callers_side_by_side_get_their_own_readings(model: LoadedClassifier) -> None:
    alone = {text: model.read([text])[0] for text in TEXTS}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: (text, model.read([text, *TEXTS])[0]), TEXTS * 5))
    for text, reading in found:
        same([reading], [alone[text]])


def test_long_texts_are_cut_and_say_so(model: LoadedClassifier) -> None:
    short, long = "还可以 " * 10, "还可以 " * 2000
    readings = model.read([short, long, "x" * 100_000])
    assert [reading.truncated for reading in readings] == [False, True, True]
    assert model.tokens([long]) == [model.max_tokens]


def test_the_cut_keeps_the_beginning(model: LoadedClassifier) -> None:
    words = "还可以 " * 200
    first, second = model.read([words + "很好", words + "太差了"])
    assert first == second


def test_nothing_to_read(model: LoadedClassifier) -> None:
    assert model.read([]) == []
    assert model.embed([]).shape == (0, 384)
    assert len(model.read(["", " ", "\n"])) == 3


def test_embeddings_are_unit_vectors_in_the_order_of_the_texts(model: LoadedClassifier) -> None:
    vectors = model.embed(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([model.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(vectors, alone, atol=1e-6)


def test_the_tokenizer_is_the_one_that_transformers_loads() -> None:
    """We use the tokenizer without its wrapper; the ids must be the wrapper's."""
    folder = resources.default_model()
    wrapped = PreTrainedTokenizerFast.from_pretrained(folder)
    ours = Tokeniser(folder / TOKENIZER, 128)
    texts = [*TEXTS, "很长 " * 300, ""]
    expected = wrapped(texts, truncation=True, max_length=128)["input_ids"]
    assert [tokens.ids for tokens in ours(texts)] == expected
    assert ours.pad == wrapped.pad_token_id


def test_warming_up_reads(model: LoadedClassifier) -> None:
    model.warm_up()
