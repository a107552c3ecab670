"""Personal data that belongs to nobody, for texts that have to be masked.

Names are placeholders of the kind "Jane Sample". Numbers are reserved or test ones where there are
any: example.com (RFC 2606), 07700 900xxx (Ofcom), 555-01xx (NANP), the test cards of payment
providers. Elsewhere rows of zeros or a 555 in the middle stand for a number that nobody dials.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

_PHONES: Mapping[str, tuple[str, ...]] = {
    "Seoul": ("010-0000-####", "0100000####", "02-0000-####"),
    "Taipei": ("0900-000-###", "0900000###"),
    "Hong Kong": ("+852 6555 01##", "6555 01##"),
    "Shanghai": ("1300000####", "130-0000-####", "130 0000 ####"),
    "Singapore": ("+65 8555 01##",),
    "London": ("07700 900###", "020 7946 0###", "(212) 555-01##"),
}
_CARDS = (
    "4242 4242 4242 4242",
    "4111-1111-1111-1111",
    "5555555555554444",
    "4000 0566 5566 5556",
    "3782 822463 10005",
)
_MAILS = ("sample", "jane.sample", "test.customer", "someone", "nobody.here", "user", "my.mailbox")
_NAMES: Mapping[str, tuple[str, ...]] = {
    "ko": ("홍길동", "김아무", "이몽룡", "성춘향", "박문수", "심학규"),
    "zh-Hans": ("王小明", "李小红", "张小强", "赵小刚", "刘小美"),
    "zh-Hant": ("王小明", "林大華", "陳阿土", "張小美", "李大同"),
    "zh-Hant-HK": ("陳大文", "李小芳", "黃大文", "何小美", "張大明"),
    "en": ("Pat Sample", "Jane Placeholder", "Sam Specimen", "Alex Nobody", "Robin Testcase"),
    "und": ("Pat Sample",),
}
_ADDRESSES: Mapping[str, tuple[str, ...]] = {
    "Seoul": (
        "서울시 성동구 달나루로 {a}, {b}동 {c}호",
        "서울 강남구 문키로{a}길 {b}",
        "{b}동 {c}호",
    ),
    "Taipei": ("台北市信義區月光路{a}號{f}樓", "新北市板橋區月埠街{a}巷{f}號"),
    "Hong Kong": ("銅鑼灣月埠道{a}號{f}樓", "旺角彎月街{a}號{f}樓"),
    "Shanghai": ("上海市静安区云帆路{a}号{f}栋{c}室", "徐汇区月埠路{a}弄{f}号{c}室"),
    "Singapore": ("{a} Moonquay Lane", "{a} Sample Drive"),
    "London": ("{a} Moonquay Street", "{a} Placeholder Road", "{a} Specimen Lane"),
}


def phone(region: str, random: Random) -> str:
    """A telephone number of the region's form."""
    return _digits(_one(_PHONES[region], random), random)


def mail(random: Random) -> str:
    """An e-mail address at example.com."""
    return f"{_one(_MAILS, random)}{random.randrange(10, 99)}@example.com"


def card(random: Random) -> str:
    """A card number that passes Luhn's check and pays for nothing."""
    return _one(_CARDS, random)


def name(book: str, random: Random) -> str:
    """A placeholder's name in the language of a phrasebook."""
    return _one(_NAMES[book], random)


def surname(full: str) -> str:
    """The family name: the first character in Chinese and Korean, the last word elsewhere."""
    return full.rsplit(maxsplit=1)[-1] if full.isascii() else full[0]


def address(region: str, random: Random) -> str:
    """A street that no map knows."""
    numbers = {
        "a": random.randrange(11, 99),
        "b": random.randrange(101, 109),
        "c": random.randrange(201, 1499),
        "f": random.randrange(2, 24),
    }
    return _one(_ADDRESSES[region], random).format(**numbers)


def _digits(form: str, random: Random) -> str:
    return "".join(str(random.randrange(10)) if char == "#" else char for char in form)


def _one(values: tuple[str, ...], random: Random) -> str:
    return values[random.randrange(len(values))]
