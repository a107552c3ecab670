"""Numbers, dates and intervals as each locale writes them."""

from __future__ import annotations

from datetime import UTC, datetime

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from pipeline.analysis.intervals import Estimate, Unit

BABEL = {"en": "en", "ko": "ko", "zh-Hans": "zh_Hans", "zh-Hant": "zh_Hant"}
"""Our locales and babel's names of them."""

_RANGE = {
    "en": "{low} to {high}",
    "ko": "{low} ~ {high}",
    "zh-Hans": "{low} 至 {high}",
    "zh-Hant": "{low} 至 {high}",
}
_POINTS = {"en": "{x} pp", "ko": "{x}%p", "zh-Hans": "{x} 个百分点", "zh-Hant": "{x} 個百分點"}
_SIGNED = {Unit.SHARE_DIFFERENCE, Unit.SCORE_DIFFERENCE}


class Format:
    """Formats for one locale. Values that are no number are an en dash."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self._babel = Locale.parse(BABEL[locale])

    def count(self, value: float) -> str:
        """A whole number, grouped."""
        return str(format_decimal(round(value), "#,##0", self._babel)).replace("-", "−")

    def compact(self, value: float) -> str:
        """A large number in few characters: 1.2M, 120万."""
        if abs(value) < 10_000:
            return self.count(value)
        return str(format_compact_decimal(value, locale=self._babel, fraction_digits=1))

    def decimal(self, value: float, digits: int = 2, *, signed: bool = False) -> str:
        """A number with fixed digits; `signed` shows a plus too."""
        if value != value or abs(value) == float("inf"):  # noqa: PLR0124 - NaN
            return "–"
        text = str(format_decimal(abs(value), f"#,##0.{'0' * digits}", self._babel))
        zero = not any(digit in text for digit in "123456789")
        sign = "" if zero else "−" if value < 0 else "+" if signed else ""
        return sign + text

    def share(self, value: float, digits: int = 1) -> str:
        """A share as a percentage."""
        pattern = f"#,##0.{'0' * digits}%" if digits else "#,##0%"
        return str(format_percent(value, pattern, self._babel)).replace("-", "−")

    def day(self, at: datetime) -> str:
        """A day: 2 March 2026."""
        return str(format_date(at, "long", self._babel))

    def short_day(self, at: datetime) -> str:
        """A day in a chart or a table."""
        return str(format_date(at, "medium", self._babel))

    def time(self, at: datetime) -> str:
        """A time, UTC like everything here; midnight is a day."""
        at = at.astimezone(UTC)
        day = self.short_day(at)
        return day if f"{at:%H:%M}" == "00:00" else f"{day} {at:%H:%M} UTC"

    def value(self, value: float, unit: Unit) -> str:
        """A value in its unit."""
        return self._in(value, unit, alone=True)

    def interval(self, estimate: Estimate) -> str:
        """The bounds of an estimate in its unit."""
        bounds = [self._in(each, estimate.unit, alone=False) for each in
                  (estimate.low, estimate.high)]  # fmt: skip
        text = _RANGE[self.locale].format(low=bounds[0], high=bounds[1])
        return _POINTS[self.locale].format(x=text) if self._pointed(estimate.unit) else text

    def estimate(self, estimate: Estimate) -> str:
        """A value with its interval in brackets."""
        return f"{self.value(estimate.value, estimate.unit)} ({self.interval(estimate)})"

    def percent_change(self, ratio: Estimate) -> str:
        """A ratio as a change in percent, with its interval: +23% (+17% to +30%)."""
        values = [self._percent(each - 1) for each in (ratio.value, ratio.low, ratio.high)]
        inner = _RANGE[self.locale].format(low=values[1], high=values[2])
        return f"{values[0]} ({inner})"

    def range(self, low: float, high: float) -> str:
        """A range of whole numbers."""
        return _RANGE[self.locale].format(low=self.count(low), high=self.count(high))

    def _percent(self, value: float) -> str:
        if abs(value) == float("inf"):
            return "∞"
        text = self.share(value, 0)
        return f"+{text}" if value > 0 else text

    @staticmethod
    def _pointed(unit: Unit) -> bool:
        return unit is Unit.SHARE_DIFFERENCE

    def _in(self, value: float, unit: Unit, *, alone: bool) -> str:
        if unit is Unit.SHARE:
            return self.share(value)
        if unit is Unit.SHARE_DIFFERENCE:
            text = self.decimal(100 * value, 1, signed=True)
            return _POINTS[self.locale].format(x=text) if alone else text
        if unit is Unit.RATIO:
            return f"×{self.decimal(value)}" if alone else self.decimal(value)
        if unit in {Unit.COUNT, Unit.MONEY}:
            return self.compact(value) if unit is Unit.MONEY else self.count(value)
        digits = 1 if unit is Unit.POINTS else 2
        return self.decimal(value, digits, signed=unit in _SIGNED)
