"""How many texts a second a model reads, by length and threads."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.language.classifier.contact import ContactClassifier

_WORDS = re.findall(
    r"\S+",
    "物流 太慢 了 客服 不 回复 退款 还 没 到 账 很 满意 滿意 配送 이 너무 늦어요 환불 안 돼요 친절"
    " 해요 앱 오류 가격 비싸요 the order came late and nobody answered my refund price app login"
    " crash store staff friendly queue bill wrong again thanks",
)
"""All three languages mixed, so that no tokenizer path is favoured."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Texts a second of one length: the tokenizer alone, and tokenizer and model together."""

    threads: int
    tokens: int
    tokenise: float
    read: float


def measure(model: ContactClassifier, tokens: int, *, texts: int, seconds: float) -> Pace:
    """Reads `texts` different texts of about `tokens` tokens again and again for `seconds`."""
    given = _texts(model, tokens, texts)
    model.read(given)
    return Pace(
        model.threads,
        tokens,
        _rate(lambda: model.tokens(given), len(given), seconds / 4),
        _rate(lambda: model.read(given), len(given), seconds),
    )


def _rate(work: Callable[[], object], texts: int, seconds: float) -> float:
    done, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds or not done:
        work()
        done += texts
    return done / (passed or time.perf_counter() - started)


def _texts(model: ContactClassifier, tokens: int, count: int) -> list[str]:
    """Texts of exactly `tokens` tokens where the words allow, else one or two fewer."""
    chance = np.random.default_rng(tokens)
    words = _WORDS * (1 + tokens // 16)
    return [_text(model, tokens, chance.permutation(words).tolist()) for _ in range(count)]


def _text(model: ContactClassifier, tokens: int, words: Sequence[str]) -> str:
    lengths = model.tokens(list(words))
    text: list[str] = []
    left = tokens - 2
    for word, length in zip(words, lengths, strict=True):
        if length - 2 <= left:
            text.append(word)
            left -= length - 2
        if left <= 0:
            break
    return " ".join(text)
