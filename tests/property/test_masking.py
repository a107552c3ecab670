"""Masking under random numbers, separators and surroundings.

The numbers are made here, with check digits computed from the published rules and not with the
product's own code: a wrong weight there cannot hide here.
"""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.language.clauses import split
from pipeline.language.mask import KINDS, Masker
from pipeline.language.normalise import clean, normalise

MASKER = Masker()
PLACEHOLDER = re.compile("<(?:" + "|".join(KINDS) + ")>")

WORDS = (
    *("快递", "订单", "没有收到", "客服", "太慢了", "很好", "我的是", "谢谢"),
    *("態度很差", "沒有收到", "物流", "謝謝", "太貴了"),
    *("배송이", "주문", "너무 늦어요", "제 것은", "감사합니다", "별로예요"),
    *("the parcel", "my order", "is late", "mine is", "thanks", "refund please"),
)
PAUSES = [" ", "，", ", ", "。", ". ", "! ", "\n", "; ", "、", " (", "? "]


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=length, max_size=length)


def luhn_digit(body: str) -> str:
    doubled = [int(d) * 2 if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body))]
    return str(-sum(n - 9 if n > 9 else n for n in doubled) % 10)


@st.composite
def cards(draw: st.DrawFn) -> list[str]:
    prefix, length = draw(
        st.sampled_from([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16)])
        | st.sampled_from([("62", 16), ("62", 19), ("3528", 16), ("36", 14)])
    )
    body = prefix + draw(digits(length - len(prefix) - 1))
    number = body + luhn_digit(body)
    return [number[i : i + 4] for i in range(0, length, 4)]


@st.composite
def birthdays(draw: st.DrawFn, first: int = 1920, last: int = 2020) -> date:
    return draw(st.dates(date(first, 1, 1), date(last, 12, 31)))


@st.composite
def cn_ids(draw: st.DrawFn) -> list[str]:
    area = draw(st.sampled_from(["110105", "310101", "440305", "510104", "659001"]))
    day = draw(birthdays()).strftime("%Y%m%d")
    order = draw(digits(3))
    body = area + day + order
    check = sum(int(d) * (2 ** (17 - i) % 11) for i, d in enumerate(body)) % 11
    return [area, day, order + str((12 - check) % 11).replace("10", "X")]


TW_LETTERS = dict(zip("ABCDEFGHJKLMNPQRSTUVXYWZIO", range(10, 36), strict=True))


@st.composite
def tw_ids(draw: st.DrawFn) -> list[str]:
    letter = draw(st.sampled_from(sorted(TW_LETTERS)))
    body = draw(st.sampled_from("1289")) + draw(digits(7))
    tens, ones = divmod(TW_LETTERS[letter], 10)
    total = tens + ones * 9 + sum(int(d) * w for d, w in zip(body, range(8, 0, -1), strict=True))
    return [f"{letter}{body}{-total % 10}"]


@st.composite
def hk_ids(draw: st.DrawFn) -> list[str]:
    letters = draw(st.text("ABCDEFGHJKLMNPQRSTUVWXYZ", min_size=1, max_size=2))
    body = draw(digits(6))
    values = (
        [ord(c) - 55 for c in letters.rjust(2)] if len(letters) == 2 else [36, ord(letters) - 55]
    )
    values += map(int, body)
    total = sum(v * w for v, w in zip(values, range(9, 1, -1), strict=True))
    check = -total % 11
    return [f"{letters}{body}({'A' if check == 10 else check})"]


@st.composite
def kr_ids(draw: st.DrawFn) -> list[str]:
    """Any last six digits: numbers of October 2020 and later have no check digit."""
    day = draw(birthdays(1930, 2023))
    century = "12" if day.year < 2000 else "34"
    return [day.strftime("%y%m%d"), draw(st.sampled_from(century)) + draw(digits(6))]


@st.composite
def kr_businesses(draw: st.DrawFn) -> list[str]:
    body = draw(st.sampled_from("123456")) + draw(digits(8))
    total = sum(int(d) * w for d, w in zip(body, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=True))
    total += int(body[8]) * 5 // 10
    number = body + str(-total % 10)
    return [number[:3], number[3:5], number[5:]]


@st.composite
def cn_mobiles(draw: st.DrawFn) -> list[str]:
    return [draw(st.sampled_from(["138", "139", "150", "186"])), draw(digits(4)), draw(digits(4))]


@st.composite
def kr_mobiles(draw: st.DrawFn) -> list[str]:
    return ["010", draw(st.integers(2000, 9999).map(str)), draw(digits(4))]


@st.composite
def tw_mobiles(draw: st.DrawFn) -> list[str]:
    return [draw(st.sampled_from(["0912", "0932", "0988"])), draw(digits(3)), draw(digits(3))]


@st.composite
def us_phones(draw: st.DrawFn) -> list[str]:
    return ["212", "555", draw(st.integers(100, 199).map(lambda n: f"0{n}"))]


@st.composite
def uk_phones(draw: st.DrawFn) -> list[str]:
    return ["020", "7946", draw(st.integers(0, 999).map(lambda n: f"0{n:03}"))]


NUMBERS = {
    "card": (cards(), ["", " ", "-", "."]),
    "cn id": (cn_ids(), ["", " ", "-"]),
    "tw id": (tw_ids(), [""]),
    "hk id": (hk_ids(), [""]),
    "kr id": (kr_ids(), ["-", " "]),
    "kr business": (kr_businesses(), ["-"]),
    "cn mobile": (cn_mobiles(), ["", " ", "-", "·"]),
    "kr mobile": (kr_mobiles(), ["", " ", "-", "."]),
    "tw mobile": (tw_mobiles(), ["", " ", "-"]),
    "us phone": (us_phones(), ["-", " ", "."]),
    "uk phone": (uk_phones(), [" ", "-", ""]),
}

WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
HIDDEN = "\u200b"

words = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
pauses = st.sampled_from(PAUSES)


@pytest.mark.parametrize("name", NUMBERS)
@given(data=st.data(), before=words, after=words, open_=pauses, close=pauses)
def test_a_valid_number_never_stays(
    name: str, data: st.DataObject, before: str, after: str, open_: str, close: str
) -> None:
    made, separators = NUMBERS[name]
    number = data.draw(st.sampled_from(separators)).join(data.draw(made))
    form = data.draw(st.sampled_from(["plain", "wide", "hidden"]))
    written = {
        "plain": number,
        "wide": number.translate(WIDE),
        "hidden": HIDDEN.join(number),
    }[form]
    text = f"{before}{open_}{written}{close}{after}"
    masked = MASKER.mask(text).text
    plain = "".join(c for c in masked.translate({v: k for k, v in WIDE.items()}) if c.isdigit())
    assert not plain, (text, masked)


@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=20),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=15),
    st.sampled_from(["com", "co.kr", "com.tw", "cn", "example"]),
    words,
    pauses,
)
def test_an_address_never_stays(local: str, host: str, top: str, before: str, pause: str) -> None:
    masked = MASKER.mask(f"{before}{pause}{local}@{host}.{top}{pause}{before}").text
    assert "@" not in masked


anything = st.text(max_size=200) | st.lists(
    st.sampled_from([*WORDS, *PAUSES, "13800138000", "4111 1111 1111 1111", "<PHONE>", "<", ">"])
    | st.text("0123456789 .()-+", max_size=24)
    | st.text(max_size=4),
    max_size=16,
).map("".join)


@given(anything)
def test_masking_twice_is_masking_once(text: str) -> None:
    once = MASKER.mask(text)
    twice = MASKER.mask(once.text)
    assert twice.text == once.text
    assert twice.counts == {}


@given(anything)
def test_what_is_no_find_stays_as_it_was(text: str) -> None:
    """Outside the placeholders the masked text is the text, character by character."""
    masked = MASKER.mask(text)
    at = 0
    for piece in PLACEHOLDER.split(masked.text):
        found = text.find(piece, at)
        assert found >= 0, (text, masked.text)
        at = found + len(piece)
    placed = len(PLACEHOLDER.findall(masked.text)) - len(PLACEHOLDER.findall(text))
    assert sum(masked.counts.values()) >= placed


FRAGMENTS = (
    *("1", "1-", "0.", "13800138000", "4111 1111 1111 1111.", "card ", "电话", "a@", "@a.", "://"),
    *(
        "王先生",
        "我叫",
        "路1号",
        "김철수님",
        "가로 1",
        "1 Aa St, ",
        "Mr. A",
        "<",
        "<PHONE>",
        "１",
        "1f:",
    ),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3))
def test_endless_repetition_ends(parts: list[str]) -> None:
    text = ("".join(parts) * 2000)[:2000]
    once = MASKER.mask(text).text
    assert MASKER.mask(once).text == once
    assert "".join("".join(split(once)).split()) == "".join(once.split())


@given(st.lists(st.sampled_from(WORDS), max_size=12), pauses)
def test_words_alone_are_never_masked(found: list[str], pause: str) -> None:
    text = pause.join(found)
    assert MASKER.mask(text).text == text


@given(st.lists(st.sampled_from([*(f"<{kind}>" for kind in KINDS), *WORDS]), max_size=12))
def test_placeholders_survive_everything_after_them(parts: list[str]) -> None:
    text = " ".join(parts)
    wanted = sorted(PLACEHOLDER.findall(text))
    assert sorted(PLACEHOLDER.findall(clean(text))) == wanted
    assert sorted(PLACEHOLDER.findall(MASKER.mask(text).text)) == wanted
    assert sorted(p for c in split(text) for p in PLACEHOLDER.findall(c)) == wanted
    assert sorted(PLACEHOLDER.findall(normalise(text))) == wanted


@given(st.integers(1, 9_999_999), st.sampled_from(["元", "원", " dollars", "%", "个", "개", "ml"]))
def test_amounts_stay(amount: int, unit: str) -> None:
    text = f"花了 {amount}{unit}"
    assert MASKER.mask(text).text == text


@given(st.dates(date(1990, 1, 1), date(2035, 1, 1)), st.sampled_from(["-", "/", ".", "", " "]))
def test_dates_stay(day: date, separator: str) -> None:
    text = f"收到于 {day.strftime(separator.join(('%Y', '%m', '%d')))}，谢谢"
    assert MASKER.mask(text).text == text


@given(digits(8), words)
def test_eight_digits_that_nothing_calls_a_number_stay(number: str, before: str) -> None:
    assume(number[0] != "0")
    text = f"{before}: {number}"
    assert MASKER.mask(text).text == text
