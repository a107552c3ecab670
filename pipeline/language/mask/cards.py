"""Payment card numbers: issuer prefix, length, Luhn."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask.checksums import luhn
from pipeline.language.mask.numbers import Window, is_amount, is_order, uniform, windows
from pipeline.language.mask.spans import Rule, Scan, Span

_ISSUER = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11,16}|35[0-9]{14,17}"  # Diners, JCB
    r"|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12,15}"  # Discover
    r"|(?:62|81)[0-9]{14,17}"  # UnionPay
    r"|(?:5[06-9]|6[0-9])[0-9]{11,17}"  # Maestro
    r"|9[0-9]{15}"  # Korean domestic cards
)


def _find(scan: Scan) -> Iterator[Span]:
    for run in scan.runs:
        for window in windows(scan.text, run, 13, 19):
            if _is_card(scan.text, window):
                yield Span(window.start, window.end)


def _is_card(text: str, window: Window) -> bool:
    return (
        _ISSUER.fullmatch(window.digits) is not None
        and _grouped(window.lengths)
        and uniform(text, window)
        and luhn(window.digits)
        and not is_order(text, window.start)
        and not is_amount(text, window.start, window.end)
    )


def _grouped(lengths: tuple[int, ...]) -> bool:
    """Written at a stretch, digit by digit, or in the groups that are printed on cards."""
    body, last = lengths[:-1], lengths[-1]
    return not body or set(lengths) == {1} or (set(body) <= {4, 6} and last <= 6)


RULES = (Rule("CARD", _find),)
