"""Street addresses, where their form gives them away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask.spans import Rule, Scan, Span

_ZH_UNIT = (
    r"(?:\s?(?:[A-Za-z]?[0-9]{1,5}|[A-Z]|[一二三四五六七八九十]{1,3})"
    r"(?:号楼|號樓|号院|號院|号|號|栋|棟|幢|座|单元|單元|室|楼|樓|层|層|房|户|戶|[Ff])(?:之[0-9]{1,3})?)"
)
_ZH_STREET = re.compile(
    r"(?:(?<![一这那哪这這道迷])[路街巷弄村]|大道|(?<=[一-龥]{2})(?<![知味频頻渠报報])道|胡同|新[里村])"
    r"(?:[一二三四五六七八九十]{1,3}段|[东西南北中東]{1,2}[段路]?)?"
    r"(?:[0-9]{1,5}[巷弄])*\s?[0-9]{1,5}(?:[之-][0-9]{1,4})?[号號弄](?![线線码碼召称])"
    rf"{_ZH_UNIT}{{0,5}}"
)
_ZH_ESTATE = re.compile(
    rf"[一-龥]{{2,8}}\s?[0-9]{{1,4}}(?:栋|棟|幢|号楼|號樓|座){_ZH_UNIT}{{0,2}}\s?[0-9]{{2,5}}(?:室|号|號|房)?"
)
_ZH_LEFT = re.compile(r"[一-龥0-9]{0,28}$")
_ZH_STOP = re.compile(r".*[在到至往给給寄送于於址是为為住发發去从從]")

_KO_PROVINCE = (
    r"(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충청?[남북]|전라?[남북]|경상?[남북]|제주)"
    r"(?:특별자치|특별|광역)?[시도]?"
)
_KO_NUMBER = r"\s?[0-9]{1,5}(?:-[0-9]{1,5})?(?:번길\s?[0-9]{1,5}(?:-[0-9]{1,5})?)?(?:번지)?"
_KO_AFTER = "[^가-힣]|$|으로|로|에|앞|입니다|이에요|예요|이고|인데"
_KO_UNIT = rf"(?:[\s,]{{0,2}}[0-9A-Za-z가-힣]{{1,6}}(?:동|층|호)(?={_KO_AFTER})){{0,3}}"
_KO = re.compile(
    rf"(?<![가-힣])(?:{_KO_PROVINCE}\s(?:[가-힣]{{1,5}}[시군구읍면동]\s){{0,3}}"
    rf"|[가-힣]{{1,4}}[시군구]\s(?:[가-힣]{{1,4}}[구읍면동]\s){{0,2}})"
    rf"[가-힣0-9]{{1,10}}(?:(?<!으)로|길|동|리|가){_KO_NUMBER}{_KO_UNIT}"
)
_KO_FLAT = re.compile(r"(?<![0-9])[0-9]{2,4}동\s?[0-9]{2,5}호")

_EN = re.compile(
    r"(?<![0-9A-Za-z])[0-9]{1,5}[A-Za-z]?,?\s(?:[NSEW]\.?\s)?(?:[A-Z][a-z]{1,20}\s|[0-9]{1,3}(?:st|nd|rd|th)\s){1,3}"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Square|Sq"
    r"|Terrace|Crescent|Close|Highway|Hwy)(?![A-Za-z]|\s(?:to|of|by|for|enough|call|together|up)\s)\.?"
    r"(?:,?\s(?:Apt|Apartment|Suite|Unit|Flat|Floor|Room|Rm|#)\.?\s?[0-9A-Za-z-]{1,6}(?![0-9A-Za-z]))?"
    r"(?:,\s[A-Z][a-z]{2,20}(?:\s[A-Z][a-z]{2,20})?){0,2}"
    r"(?:,?\s[A-Z]{2}\s[0-9]{5}(?:-[0-9]{4})?|,?\s[A-Z]{1,2}[0-9][0-9A-Z]?\s[0-9][A-Z]{2}(?![0-9A-Za-z]))?"
)


def _zh(scan: Scan) -> Iterator[Span]:
    for match in _ZH_STREET.finditer(scan.text):
        yield Span(_zh_start(scan.text, match.start()), match.end())
    for match in _ZH_ESTATE.finditer(scan.text):
        yield Span(_zh_start(scan.text, match.start() + _stop(match[0])), match.end())


def _zh_start(text: str, core: int) -> int:
    """Where the districts and the street's name before `core` begin: after 在, 到, 寄 and so on."""
    left = _ZH_LEFT.search(text, max(0, core - 28), core)
    assert left is not None
    return left.start() + _stop(left[0])


def _stop(left: str) -> int:
    stop = _ZH_STOP.match(left)
    return stop.end() if stop else 0


def _ko(scan: Scan) -> Iterator[Span]:
    for pattern in (_KO, _KO_FLAT):
        yield from (Span(*match.span()) for match in pattern.finditer(scan.text))


def _en(scan: Scan) -> Iterator[Span]:
    yield from (Span(*match.span()) for match in _EN.finditer(scan.text))


RULES = (
    Rule("ADDRESS", _zh, keys=("号", "號", "弄", "栋", "棟", "幢", "座")),
    Rule("ADDRESS", _ko, keys=("로", "길", "번지", "동")),
    Rule(
        "ADDRESS",
        _en,
        keys=(" St", " Ave", " R", " B", " L", " Dr", " C", " Pl", " Sq", " Terrace", " H"),
    ),
)
