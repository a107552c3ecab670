"""Other spellings of training texts, so that writing habits do not change the answer.

The labels stay. Every pass varies anew; most texts stay as they are. `robustness.py` measures
similar changes with letters, pictures and fillers of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from models.training.data import Example

_PICTURES = ("😀", "🙏", "🚗", "🌧️", "📱", "🍽️", "😅", "🏠", "☕", "🎬")
_MOST_FILLERS = 6

_FILLERS = {
    "zh-Hans": (
        "你好。", "我是上个月注册的。", "先说一下情况。", "昨天下午三点多。", "我住在北京。",
        "以下是我的留言。", "我跟家人一起。", "这是我第一次写。", "周末有空。", "谢谢阅读。",
    ),
    "zh-Hant": (
        "您好。", "我是上個月註冊的。", "先說一下情況。", "昨天下午三點多。", "我住在台中。",
        "以下是我的留言。", "我跟家人一起。", "這是我第一次寫。", "週末有空。", "謝謝閱讀。",
    ),
    "ko": (
        "안녕하세요. ", "지난달에 가입했습니다. ", "상황을 먼저 말씀드릴게요. ",
        "어제 오후 세 시쯤입니다. ", "저는 부산에 삽니다. ", "아래에 글 남깁니다. ",
        "가족과 함께였어요. ", "글은 처음 써 봅니다. ", "주말에 시간이 있었어요. ",
        "읽어 주셔서 감사합니다. ",
    ),
    "en": (
        "Hello. ", "I signed up last month. ", "Let me describe what happened. ",
        "It was around three yesterday afternoon. ", "I live in Leeds. ", "Here is my message. ",
        "I was with my family. ", "This is the first time I write. ", "I had time at the weekend. ",
        "Thank you for reading. ",
    ),
}  # fmt: skip
"""Sentences that say nothing about anybody's service."""


def capitals(example: Example, chance: random.Random) -> str:
    """All capitals, or each word's first letter."""
    return example.text.upper() if chance.random() < 0.7 else example.text.title()


def slips(example: Example, chance: random.Random) -> str:
    """One of fifteen letters dropped, doubled, or swapped with the next."""
    found: list[str] = []
    for letter in example.text:
        slip = letter.isalnum() and chance.random() < 1 / 15
        kind = chance.randrange(3) if slip else -1
        if kind == 0:
            continue
        at = len(found) - 1 if kind == 2 and found else len(found)
        found.insert(at, letter * 2 if kind == 1 else letter)
    return "".join(found) or example.text


def unspaced(example: Example, chance: random.Random) -> str:
    """Without most of its spaces."""
    return "".join(c for c in example.text if c != " " or chance.random() < 0.15)


def pictured(example: Example, chance: random.Random) -> str:
    """One to three pictures somewhere."""
    letters = list(example.text)
    for _ in range(chance.randint(1, 3)):
        letters.insert(chance.randrange(len(letters) + 1), chance.choice(_PICTURES))
    return "".join(letters)


def padded(example: Example, chance: random.Random) -> str:
    """One to six fillers before the text, or behind it."""
    fillers = chance.sample(_FILLERS[example.lang], chance.randint(1, _MOST_FILLERS))
    before = chance.randint(0, len(fillers))
    ahead, behind = "".join(fillers[:before]), "".join(fillers[before:])
    return f"{ahead}{example.text} {behind}".strip()


Change = Callable[[Example, random.Random], str]

_SHARES: dict[str, tuple[tuple[Change, float], ...]] = {
    "zh-Hans": ((slips, 0.08), (pictured, 0.04), (padded, 0.08)),
    "zh-Hant": ((slips, 0.08), (pictured, 0.04), (padded, 0.08)),
    "ko": ((slips, 0.08), (pictured, 0.04), (padded, 0.08), (unspaced, 0.06)),
    "en": ((slips, 0.08), (pictured, 0.04), (padded, 0.08), (capitals, 0.15)),
}


def varied(examples: Sequence[Example], seed: int) -> list[Example]:
    """Each text as it is, or with one change; the same for the same seed."""
    chance = random.Random(seed)
    return [_perhaps(example, chance) for example in examples]


def _perhaps(example: Example, chance: random.Random) -> Example:
    draw = chance.random()
    for change, share in _SHARES[example.lang]:
        draw -= share
        if draw < 0:
            return replace(example, text=change(example, chance))
    return example
