"""What is asked: a metric, two periods, and where to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum

from pipeline.analysis.period import Period
from pipeline.errors import ConfigError

__all__ = ["DIMENSIONS", "METRICS", "Kind", "Metric", "Period", "Question"]

DIMENSIONS = (
    *("topic", "channel", "language", "product", "version", "region", "site", "team"),
    *("campaign", "customer_tier"),
)
"""Where a change can be looked for. `topic` is a contact's surest negative topic, else its first,
so that each contact counts once."""


class Kind(StrEnum):
    """How a metric is compared."""

    COUNT = "count"
    """Numbers of contacts; an earlier period of another length is scaled."""
    PER_VOLUME = "per volume"
    """Numbers of contacts; the earlier period is scaled by the business volume."""
    RATE = "rate"
    """A share of contacts; each cell is compared with its own past share."""
    MEAN = "mean"
    """A mean over contacts or ratings; each cell with its own past mean."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that can be explained.

    `value` is SQL for a row's part in it, `view` and `condition` say which rows count, `bad` is the
    direction that hurts (1: up), `unit` is shown behind the number.
    """

    name: str
    kind: Kind
    value: str
    view: str = "contacts"
    condition: str = ""
    bad: int = 1
    unit: str = ""


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("complaints", Kind.COUNT, "complaint", condition="complaint"),
        Metric("contacts", Kind.COUNT, "1"),
        Metric("cpx", Kind.PER_VOLUME, "1", unit=" per unit"),
        Metric("complaint-share", Kind.RATE, "complaint"),
        Metric("negative-share", Kind.RATE, "sentiment = 'negative'"),
        Metric("churn-share", Kind.RATE, "churn"),
        Metric("csat", Kind.MEAN, "score", view="ratings", condition="kind = 'csat'", bad=-1),
        Metric(
            "wait",
            Kind.MEAN,
            "assumeNotNull(wait_seconds)",
            condition="isNotNull(wait_seconds)",
            unit=" s",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Question:
    """`after` is explained by comparing it with `before`.

    `where` narrows to dimension values, `volume` names the business volume of the metric cpx,
    `dimensions` are those to search. Raises ConfigError where the question cannot be asked.
    """

    metric: Metric
    before: Period
    after: Period
    where: Mapping[str, str] = field(default_factory=dict)
    dimensions: tuple[str, ...] = DIMENSIONS
    volume: str = ""

    def __post_init__(self) -> None:
        for name in (*self.where, *self.dimensions):
            if name not in DIMENSIONS:
                raise ConfigError(
                    f"{name} is not a dimension", fix=f"Use one of {', '.join(DIMENSIONS)}."
                )
        if self.before.start < self.after.end and self.after.start < self.before.end:
            raise ConfigError("the two periods overlap", fix="Let one end where the other begins.")
        if (self.metric.kind is Kind.PER_VOLUME) != bool(self.volume):
            raise ConfigError(
                "the metric cpx and a volume go together",
                fix="Give --metric cpx --volume orders (names: voc volumes list).",
            )

    def span(self) -> dict[str, str]:
        """The periods' ends as query parameters, in UTC."""
        ends = {
            "before_start": self.before.start,
            "before_end": self.before.end,
            "after_start": self.after.start,
            "after_end": self.after.end,
        }
        return {
            name: at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
            for name, at in ends.items()
        }
