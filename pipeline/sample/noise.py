"""What keyboards do to sentences: stops, missing capitals, typos, run-together words."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

_STOPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "zh": {
        "negative": ("。", "。", "。", "！", "！！", "…", ""),
        "neutral": ("。", "。", "~", ""),
        "positive": ("。", "。", "！", "~", "！！", ""),
        "between": ("。", "。", "，", "，", " ", "！", "…"),
        "question": ("？", "？", "？", "?", ""),
    },
    "ko": {
        "negative": (".", ".", ".", "..", "!", " ㅠㅠ", "ㅡㅡ", "..."),
        "neutral": (".", ".", "~", ""),
        "positive": (".", ".", "!", "~", "!!", "ㅎㅎ", "^^", "~~"),
        "between": (".", ".", ".", "", "..", "!"),
        "question": ("?", "?", "?", "??", ""),
    },
    "en": {
        "negative": (".", ".", ".", ".", "!", "...", "!!", ""),
        "neutral": (".", ".", ".", ""),
        "positive": (".", ".", ".", "!", "!", "!!", ""),
        "between": (".", ".", ".", ".", "!", "..."),
        "question": ("?", "?", "?", "?", "??", ""),
    },
}


def finished(sentence: str, book: str, mood: str, random: Random, *, last: bool) -> str:
    """The sentence with a stop; one that has an end keeps it, a question at the end not always."""
    stops = _STOPS.get(book[:2])
    if stops is None:
        return sentence
    if sentence.endswith(("?", "？")):
        return (sentence[:-1] + _one(stops["question"], random)) if last else sentence
    if not sentence[-1:].isalnum():
        return sentence
    return sentence + _one(stops[mood if last else "between"], random)


def roughened(sentence: str, book: str, random: Random) -> str:
    """Now and then a sentence as a thumb typed it."""
    roll = random.random()
    if book == "en":
        return _rough_english(sentence, roll, random)
    if book == "ko" and roll < 0.1:
        return _without_spaces(sentence, random)
    if book.startswith("zh") and roll < 0.04:
        return sentence.replace("，", " ")
    return sentence


def _one(values: tuple[str, ...], random: Random) -> str:
    return values[int(random.random() * len(values))]


def _rough_english(sentence: str, roll: float, random: Random) -> str:
    if roll < 0.09:
        return sentence.lower()
    sentence = sentence[:1].upper() + sentence[1:]
    if roll < 0.12:
        return sentence.replace("'", "")
    if roll < 0.16:
        return _swapped(sentence, random)
    if roll < 0.168 and len(sentence) < 60:
        return sentence.upper()
    return sentence


def _swapped(sentence: str, random: Random) -> str:
    """Two neighbouring letters inside a word of five or more change places."""
    words = sentence.split(" ")
    long = [
        n for n, word in enumerate(words) if len(word) > 4 and word.isalpha() and word.islower()
    ]
    if not long:
        return sentence
    at = long[int(random.random() * len(long))]
    word = words[at]
    cut = 1 + int(random.random() * (len(word) - 3))
    words[at] = word[:cut] + word[cut + 1] + word[cut] + word[cut + 2 :]
    return " ".join(words)


def _without_spaces(sentence: str, random: Random) -> str:
    """Korean thumbs drop some spaces, or all of them."""
    everywhere = random.random() < 0.4
    kept = [
        char for char in sentence if not (char == " " and (everywhere or random.random() < 0.5))
    ]
    return "".join(kept)
