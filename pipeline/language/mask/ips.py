"""Internet addresses, told apart from version numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

from pipeline.language.mask.spans import Rule, Scan, Span

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = re.compile(rf"(?<![0-9A-Za-z.]){_OCTET}(?:\.{_OCTET}){{3}}(?![0-9A-Za-z]|\.[0-9])")
_V6 = re.compile(r"(?<![0-9A-Za-z:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z:])")
_HEX = re.compile(r"[A-Fa-f]|[0-9]{4}:.*:.*:")
_VERSION = re.compile(
    r"(?:(?<![a-z])v|ver\.?|version|build|release|firmware|chrome|android|ios|windows|app|版本?|固件|韌體|버전"
    r"|펌웨어)\s*(?:号|號|是|为|為|은|는|이|가|is)?[\s:.]*$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?:(?<![a-z])ip|地址|address|주소|server|服务器|伺服器|서버)\D{0,6}$", re.IGNORECASE
)


def _v4(scan: Scan) -> Iterator[Span]:
    for match in _V4.finditer(scan.text):
        before = scan.text[max(0, match.start() - 20) : match.start()]
        # Versions count from small numbers: without a word, four octets below 100 are one.
        large = any(int(octet) >= 100 for octet in match[0].split("."))
        if _ADDRESS.search(before) or (large and not _VERSION.search(before)):
            yield Span(*match.span())


def _v6(scan: Scan) -> Iterator[Span]:
    for match in _V6.finditer(scan.text):
        try:
            address = IPv6Address(match[0])
        except AddressValueError:
            continue
        # "::" and "::1" name nobody, and "08::30" is a slip of the hand in a time of day.
        if int(address) > 0xFFFF and (_HEX.search(match[0]) or match[0].count(":") > 4):
            yield Span(*match.span())


RULES = (Rule("IP", _v4, keys=(".",)), Rule("IP", _v6, keys=(":",)))
