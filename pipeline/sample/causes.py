"""What was planted in the sample, so that a reader of its contacts can be judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.sample import company
from pipeline.sample.calendar import Calendar

Slice = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Cause:
    """One planted fact.

    `start` and `end` bound it in event time (None: all the time). `slice` holds the values of each
    dimension where it applies; `topic` is among them. `effect` says what it does to what, in the
    unit of `what`: `factor` multiplies, `delta` adds.
    """

    key: str
    what: str
    slice: Slice
    effect: str
    start: datetime | None = None
    end: datetime | None = None
    factor: float | None = None
    delta: float | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything planted in one sample, and `placebos`: slices in which nothing happens."""

    since: datetime
    until: datetime
    causes: tuple[Cause, ...]
    placebos: tuple[Slice, ...] = field(default=())

    def __getitem__(self, key: str) -> Cause:
        for cause in self.causes:
            if cause.key == key:
                return cause
        raise KeyError(key)


CARRIER_BASE, RISE = 1.4, 4.0
"""Delivery complaints in Hong Kong: above the other regions' from the start, then rising."""
WAIT_BASE, WAIT_FACTOR = 2.6, 0.3
"""Complaints about waiting in Shanghai: far above the other regions' until callers are called."""
COLD_SHARE = 0.34
REPEAT_RETURNS, REPEAT_OTHERS = 0.46, 0.05
SPIKE_HOURS = 4
KEYPAD_BIAS = 0.16
SERVQUAL_GAPS = {
    "tangibles": -0.3,
    "reliability": -0.8,
    "responsiveness": -2.0,
    "assurance": -0.4,
    "empathy": -0.6,
}
"""Mean perception minus mean expectation, in points of likert-1-7, before rounding and limits."""
SINGAPORE_GROWTH = 3.4

PLACEBOS: tuple[Slice, ...] = (
    {"topic": ("price_value",), "region": ("London",)},
    {"topic": ("product_quality",), "region": ("Shanghai",)},
    {"topic": ("facilities",), "region": ("Taipei",)},
    {"topic": ("order_accuracy",), "region": ("Seoul",)},
    {"topic": ("promise",), "region": ("Hong Kong",)},
    {"topic": ("information",), "region": ("Taipei",)},
    {"topic": ("delivery",), "region": ("Seoul",)},
    {"topic": ("product_usability",), "product": ("Finch earbuds",)},
    {"topic": ("staff_attitude",), "team": ("Taipei Care A",)},
    {"topic": ("wait",), "region": ("London",)},
)


@dataclass(frozen=True, slots=True)
class Moments:
    """When things happen, by the length of the sample."""

    spike: datetime
    release: datetime
    carrier: datetime
    callback: datetime
    help_pages: datetime
    fast_refunds: datetime

    @classmethod
    def of(cls, calendar: Calendar) -> Moments:
        """The spike is two days before the last day, 14:00 to 18:00 in Seoul."""
        weeks = calendar.days // 7
        last = calendar.days - 1
        return cls(
            spike=calendar.day(max(last - 2, 0)) + timedelta(hours=5),
            release=calendar.day(max(last - 11, 0)) + timedelta(hours=1),
            carrier=calendar.day(7 * max(weeks // 3, 1)),
            callback=calendar.day(7 * max(weeks // 2, 1)),
            help_pages=calendar.day(7 * max(weeks // 2, 1)),
            fast_refunds=calendar.day(max(last - 3, 0)),
        )


def truth_of(calendar: Calendar) -> Truth:
    """The planted causes of a sample over `calendar`."""
    return Truth(calendar.since, calendar.until, _causes(Moments.of(calendar)), PLACEBOS)


def _causes(when: Moments) -> tuple[Cause, ...]:
    topic = "topic"
    return (
        Cause(
            "double_charge",
            "complaints",
            {
                topic: ("billing_payment",),
                "region": ("Seoul", "Taipei"),
                "channel": ("app",),
                "product": (company.APP,),
                "version": ("5.4.0",),
            },
            "a spike: one order is charged twice",
            start=when.spike,
            end=when.spike + timedelta(hours=SPIKE_HOURS),
        ),
        Cause(
            "new_carrier",
            "complaints",
            {topic: ("delivery",), "region": ("Hong Kong",)},
            f"rises week by week after the change from {company.CARRIER_OLD}"
            f" to {company.CARRIER_NEW}, up to this factor at the end",
            start=when.carrier,
            factor=RISE,
        ),
        Cause(
            "cold_team",
            "complaints",
            {topic: ("staff_attitude", "transfer"), "team": ("Seoul Care B",)},
            "of the contacts it handles this share more names indifferent or passing-on service",
            delta=COLD_SHARE,
        ),
        Cause(
            "callback_worked",
            "complaints",
            {topic: ("wait",), "region": ("Shanghai",)},
            "falls to this factor once callers are called back; an initiative that worked",
            start=when.callback,
            factor=WAIT_FACTOR,
        ),
        Cause(
            "help_pages_no_effect",
            "complaints",
            {topic: ("information",), "region": ("Seoul",)},
            "nothing changes; an initiative without effect",
            start=when.help_pages,
            factor=1.0,
        ),
        Cause(
            "fast_refunds_too_early",
            "complaints",
            {topic: ("returns_refunds",), "region": ("Taipei",)},
            "began days before the end; an initiative that nobody can judge yet",
            start=when.fast_refunds,
            factor=1.0,
        ),
        Cause(
            "must_be",
            "csat",
            {"dimension": ("delivery",), "channel": ("survey",)},
            "low ratings cost this many points of overall satisfaction, high ones add nothing",
            delta=-1.1,
        ),
        Cause(
            "attractive",
            "csat",
            {"dimension": ("staff_attitude",), "channel": ("survey",)},
            "high ratings add this many points of overall satisfaction, low ones cost nothing",
            delta=0.9,
        ),
        Cause(
            "performance",
            "csat",
            {"dimension": ("product_quality",), "channel": ("survey",)},
            "low ratings cost and high ratings add this many points",
            delta=0.6,
        ),
        Cause(
            "keypad_bias",
            "csat",
            {"channel": ("ivr",), "scale": ("keypad-1-2-3",)},
            "at equal experience this share more presses the best key than on keypad-5-3-1",
            delta=KEYPAD_BIAS,
        ),
        Cause(
            "snowball",
            "repeat contacts within 7 days",
            {topic: ("returns_refunds",)},
            f"this share of its complaints comes back; of other topics' {REPEAT_OTHERS:.0%}",
            factor=REPEAT_RETURNS,
        ),
        Cause(
            "mix_shift",
            "complaints per order, all regions",
            {"region": ("Singapore",)},
            "orders grow by this factor where contacts per order were always more frequent:"
            " the whole rises, no region does",
            factor=SINGAPORE_GROWTH,
        ),
        Cause(
            "servqual_gap",
            "perception minus expectation",
            {"dimension": ("responsiveness",), "channel": ("survey",)},
            "the largest gap of the five dimensions, in points of likert-1-7",
            delta=SERVQUAL_GAPS["responsiveness"],
        ),
        Cause(
            "unlisted_subject",
            "contacts without a topic",
            {"channel": ("email", "social", "survey", "chat")},
            "a subject that the taxonomy does not know: refill packs and packaging to give back",
            factor=0.02,
        ),
    )
