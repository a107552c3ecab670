"""The drill-down sections of the report, one function each, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.report.model import Section
from pipeline.report.sections import causes, people, rates, scores
from pipeline.report.sections.context import Context

__all__ = ["SECTIONS", "Context", "sections"]

SECTIONS: tuple[Callable[[Context], Section], ...] = (
    rates.changes,
    rates.spikes,
    people.initiatives,
    people.whom,
    rates.overview,
    rates.rates,
    rates.snowballs,
    causes.portfolio,
    causes.company,
    causes.styles,
    scores.scores,
    scores.kano,
    causes.servqual,
    scores.layouts,
    people.pyramid,
    people.silent,
    people.recovery,
    people.emerging,
    people.evidence,
)


def sections(context: Context) -> tuple[Section, ...]:
    """Every section; those without data say what they would need."""
    return tuple(make(context) for make in SECTIONS)
