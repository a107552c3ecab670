"""How fast texts are cleaned, masked, split and their language found, on one core.

    python tests/bench/language.py [--pairs 300]

Prints texts a second for short contacts in four scripts (the best of several rounds, CPU time),
microseconds by step, and the slowest of many texts of 20,000 characters that are made to be slow:
one fragment, or two in turn, repeated to the end. The model is not part of it.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterable

from pipeline.language.clauses import split
from pipeline.language.detect import Detector, Scripts
from pipeline.language.mask import Masker
from pipeline.language.normalise import clean, normalise

TEXTS = (
    "快递晚了三天，没有人回复，太失望了。",
    "客服態度很差，等了四十分鐘還沒有人接電話！",
    "배송이 너무 늦어요. 고객센터는 전화를 안 받아요.",
    "The parcel came three days late and nobody answered. I want my money back.",
    "订单号 2024010112345 一直没有发货，价格299元，太慢",
    "제품이 좋은데 가격이 39,900원이라 비싸요",
    "Great product, 10/10 would buy again!!! Version 2.1.3 fixed it",
    "物流很快，但是包裝破了，打电话 13800138000 没人接",
)

FRAGMENTS = (
    *("1", "12 ", "1-", "1.", "0", "00", "+", "+8", "138 ", "13800138000", "4111 1111 1111 1111"),
    *("a", "A", "a.", "a@", "@a.", "abc ", "the ", "ab", "x", "E1", "EA1", "1f:", "::", "..", "'"),
    *(
        "号",
        "路",
        "路1号",
        "栋1",
        "一栋1室",
        "巷",
        "段",
        "王",
        "先生",
        "王先生",
        "我叫",
        "叫",
        "一",
    ),
    *(
        "님",
        "김",
        "김철수님",
        "서울 ",
        "서울시 강남구 ",
        "로",
        "가로 1",
        "1동 ",
        "했다 ",
        "요 ",
        "ㅠ",
    ),
    *(
        "Mr. ",
        "Mr. A",
        "My name is ",
        "Aa ",
        "1 Aa St, ",
        "card ",
        "account number is ",
        "phone a ",
    ),
    *("passport ", "護照", "卡号 ", "订单", "order no ", "电话", "://", "http://a?", "www.", "?a="),
    *("<", "</", "<p ", "<!--", "<script>", "&", "&#1", "<PHONE>", "(", "()", " ", "\n", ",", "，"),
    *(
        "!",
        "。",
        "”",
        "]]",
        "e.g.",
        "U.S.",
        "\u200b",
        "１",
        "١",
        "😀",
        "哈",
        "哈哈",
        "$",
        "1元",
        "·",
    ),
)
LENGTH = 20_000

MASKER = Masker()
DETECTOR = Detector()
STEPS: dict[str, Callable[[str], object]] = {
    "clean": clean,
    "mask": MASKER.mask,
    "split": split,
    "normalise": normalise,
    "detect": DETECTOR.detect,
}


def read(text: str) -> None:
    """What the analyser does with a text before and after the model."""
    masked = MASKER.mask(clean(text)).text
    scripts = Scripts.of(masked)
    for clause in split(masked):
        normalise(clause)
        DETECTOR.detect(clause, context=scripts)
    DETECTOR.decide(masked, scripts)


def seconds(work: Callable[[], object], rounds: int) -> float:
    """CPU seconds of the fastest round: the others waited for their neighbours' caches."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def over(step: Callable[[str], object], texts: Iterable[str]) -> None:
    """Runs the step over all texts."""
    for text in texts:
        step(text)


def slowest(pairs: int) -> list[tuple[float, str, str]]:
    """(seconds, step, fragment) of the repeated fragments, slowest first."""
    both = list(itertools.product(FRAGMENTS, repeat=2))
    chosen = [*FRAGMENTS, *map("".join, random.Random(1).sample(both, min(pairs, len(both))))]
    found = []
    for unit in chosen:
        text = (unit * (LENGTH // len(unit) + 1))[:LENGTH]
        for name, step in STEPS.items():
            found.append((seconds(lambda step=step, text=text: step(text), 1), name, unit))
    return sorted(found, reverse=True)


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=300, help="pairs of fragments to try")
    options = parser.parse_args()
    DETECTOR.detect("bonjour tout le monde, le colis est en retard")  # loads the detector's model
    rate = len(TEXTS) * 50 / seconds(lambda: over(read, TEXTS * 50), 40)
    lines = [f"short texts: {rate:,.0f} a second on one core"]
    for name, step in STEPS.items():
        spent = seconds(lambda step=step: over(step, TEXTS * 20), 20) / (len(TEXTS) * 20)
        lines.append(f"  {name:<10} {spent * 1e6:6.1f} µs")
    lines.append(f"slowest of the repeated fragments, {LENGTH:,} characters each:")
    lines += [
        f"  {spent:6.2f} s  {name:<10} {unit!r}"
        for spent, name, unit in slowest(options.pairs)[:10]
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
