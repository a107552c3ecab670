"""What changed writing does to the answers: the same texts before and after, and texts of our own.

The texts in robustness/ were written for this project; they hold what a program cannot make out of
other texts: negation, sarcasm, mixed languages, the wording of machine translation.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training import calibrate, metrics
from models.training.data import Example, rows
from models.training.infer import Runner
from models.training.labels import SENTIMENTS

TEXTS = Path(__file__).parent / "robustness"
WRITTEN = ("negation", "sarcasm", "code_mixed", "machine_translated")

_NEUTRAL_EMOJI = ("🙂", "👀", "📦", "✨", "🤔", "🍀")
_ALIKE = {
    "的": "得", "得": "的", "在": "再", "再": "在", "他": "她", "做": "作", "以": "已", "是": "事",
    "服": "付", "质": "直", "送": "宋", "吃": "痴", "買": "賣", "买": "卖", "品": "晶", "時": "石",
    "员": "圆", "員": "圓", "房": "防", "间": "问", "問": "間", "很": "恨",
}  # fmt: skip
"""Characters that an input method or a tired eye swaps."""

_PADDING = {
    "zh-Hans": "今天是星期二，我在公司附近。",
    "zh-Hant": "今天是星期二，我在公司附近。",
    "ko": "오늘은 화요일이고 회사 근처에 있습니다. ",
    "en": "Today is Tuesday and I am near the office. ",
}
_LONG = 12
"""Neutral sentences before a text that is to be long."""

Change = Callable[[Example, random.Random], str]


def typos(example: Example, chance: random.Random) -> str:
    """One of twelve letters swapped with its neighbour, dropped or mistaken."""
    letters = list(example.text)
    for at in range(len(letters) - 1):
        if letters[at].isalnum() and chance.random() < 1 / 12:
            letters[at : at + 2] = _mistaken(letters[at], letters[at + 1], chance)
    return "".join(letters)


def _mistaken(first: str, second: str, chance: random.Random) -> tuple[str, str]:
    if first in _ALIKE:
        return _ALIKE[first], second
    if "가" <= first <= "힣":
        return _syllable(first, chance), second
    return (second, first) if chance.random() < 0.6 else ("", second)


def _syllable(letter: str, chance: random.Random) -> str:
    """A Hangul syllable with another vowel or without its final."""
    lead, rest = divmod(ord(letter) - 0xAC00, 588)
    vowel, final = divmod(rest, 28)
    if final and chance.random() < 0.5:
        final = 0
    else:
        vowel = {0: 1, 1: 5, 5: 1, 4: 8, 8: 4, 13: 18, 18: 13}.get(vowel, vowel)
    return chr(0xAC00 + lead * 588 + vowel * 28 + final)


def no_spaces(example: Example, chance: random.Random) -> str:
    """All white space gone."""
    del chance
    return "".join(example.text.split())


def full_width(example: Example, chance: random.Random) -> str:
    """Latin letters, digits and signs in full width."""
    del chance
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    return example.text.translate(wide)


def half_width(example: Example, chance: random.Random) -> str:
    """Chinese punctuation and full-width letters as ASCII."""
    del chance
    narrow = str.maketrans("，。！？；：（）", ",.!?;:()")
    return unicodedata.normalize("NFKC", example.text.translate(narrow))


def emoji(example: Example, chance: random.Random) -> str:
    """Three pictures that say nothing, two of them inside."""
    words = list(example.text)
    for _ in range(2):
        words.insert(chance.randrange(len(words) + 1), chance.choice(_NEUTRAL_EMOJI))
    return "".join(words) + chance.choice(_NEUTRAL_EMOJI)


def other_characters(example: Example, chance: random.Random) -> str:
    """Simplified to Traditional with Taiwan's words, or back."""
    del chance
    from opencc import OpenCC  # noqa: PLC0415 -- loads dictionaries

    name = "s2twp" if example.lang == "zh-Hans" else "tw2sp"
    converter = _CONVERTERS.setdefault(name, OpenCC(name))
    return str(converter.convert(example.text))


_CONVERTERS: dict[str, Any] = {}


def capitals(example: Example, chance: random.Random) -> str:
    """ALL CAPITALS."""
    del chance
    return example.text.upper()


def long(example: Example, chance: random.Random) -> str:
    """After a page of nothing."""
    del chance
    return _PADDING[example.lang] * _LONG + example.text


EVERY = ("zh-Hans", "zh-Hant", "ko", "en")
CHANGES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "typos, one letter in 12": (typos, EVERY),
    "no spaces": (no_spaces, ("ko",)),
    "full width": (full_width, EVERY),
    "half width": (half_width, ("zh-Hans", "zh-Hant")),
    "meaningless emoji": (emoji, EVERY),
    "Simplified <-> Traditional": (other_characters, ("zh-Hans", "zh-Hant")),
    "all capitals": (capitals, ("en",)),
    f"after {_LONG} neutral sentences": (long, EVERY),
}

_SINGLE = {
    "negative": "烂差糞悪",
    "positive": "棒讚赞굿",
    "neutral": "?.!1嗯네aㅇ 。",
}


class Judge:
    """Sentiments and topics under a calibration."""

    def __init__(self, runner: Runner, calibration: Any) -> None:
        self.runner, self.calibration = runner, calibration

    def __call__(self, texts: Sequence[str]) -> metrics.Answers:
        return metrics.Answers(self.runner(texts), self.calibration)


def _difference(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> tuple[float, float]:
    """95 % interval of the change in accuracy, by resampling texts."""
    gain = after.astype(float) - before.astype(float)
    return metrics.resampled(lambda at: float(gain[at].mean()), len(gain))


def changed(judge: Judge, dev: Sequence[Example], names: Sequence[str], seed: int
            ) -> dict[str, Any]:  # fmt: skip
    """Accuracy and topics on annotated texts, before and after each change that applies."""
    known = calibrate.truth(dev, names)
    before = judge([e.text for e in dev])
    found = {}
    for name, (change, langs) in CHANGES.items():
        chance = random.Random(seed)
        at = np.array([i for i, e in enumerate(dev) if e.lang in langs])
        after = judge([change(dev[i], chance) for i in at])
        target, real = known.sentiment[at], known.topic[at] == 1
        was, now = before.sentiment[at] == target, after.sentiment == target
        found[name] = {
            "texts": len(at),
            "before": metrics.accuracy(was),
            "after": metrics.accuracy(now),
            "change": _difference(was, now),
            "topics_before": metrics.micro(before.topic[at], real),
            "topics_after": metrics.micro(after.topic, real),
        }
    return found


def read(name: str) -> list[Example]:
    """The texts of one file of robustness/."""
    return [
        Example(row["text"], row["lang"], name, SENTIMENTS[row["sentiment"]])
        for row in rows(TEXTS / f"{name}.jsonl")
    ]


def written(judge: Judge) -> dict[str, Any]:
    """Accuracy on the texts of our own, by script."""
    found = {}
    for name in WRITTEN:
        examples = read(name)
        right = judge([e.text for e in examples]).sentiment == [e.sentiment for e in examples]
        langs = np.array([e.lang for e in examples])
        found[name] = {
            "all": metrics.accuracy(right),
            **{lang: metrics.accuracy(right[langs == lang]) for lang in EVERY},
        }
    return found


def single(judge: Judge) -> dict[str, Any]:
    """Texts of one character: how many get the sentiment that they have."""
    pairs = [(c, SENTIMENTS[name]) for name, text in _SINGLE.items() for c in text]
    answers = judge([c for c, _ in pairs])
    return metrics.accuracy(answers.sentiment == np.array([s for _, s in pairs]))
