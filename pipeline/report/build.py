"""The whole way from a request to a report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pipeline import __version__
from pipeline.domain.scales import Scale
from pipeline.domain.taxonomy import Taxonomy
from pipeline.explain import Query
from pipeline.report import findings
from pipeline.report.collect import Embed, collect, last_contact
from pipeline.report.log import Log, Progress
from pipeline.report.model import Report, Request, Results
from pipeline.report.sections import Context, sections
from pipeline.report.wording import Words


def build(
    query: Query,
    request: Request,
    made_at: datetime,
    *,
    taxonomy: Taxonomy,
    scales: Mapping[str, Scale],
    embed: Embed | None = None,
    progress: Progress | None = None,
) -> Report:
    """Asks for everything and writes it up. `embed` turns texts into unit vectors; without it
    emerging subjects are grouped by their letters. Raises what `query` raises."""
    log = Log(query, progress)
    results = collect(request, log, taxonomy, scales, embed)
    if results is None:
        return _empty(request, made_at, taxonomy, log)
    return write(results, request, made_at, log, taxonomy=taxonomy, scales=scales)


def write(
    results: Results,
    request: Request,
    made_at: datetime,
    log: Log,
    *,
    taxonomy: Taxonomy,
    scales: Mapping[str, Scale],
) -> Report:
    """The report of results that are there already, in the request's locale."""
    words = Words(request.locale, taxonomy)
    context = Context(results, words, taxonomy, scales)
    return Report(
        request=request,
        made_at=made_at,
        version=__version__,
        empty=False,
        title=words.text("page.title"),
        subtitle=_subtitle(words, request, compared=bool(results.overview.before.contacts)),
        tiles=findings.tiles(context),
        story=findings.story(context),
        sections=sections(context),
        claims=findings.claims(results),
        queries=dict(log.asked),
        results=results,
    )


def _subtitle(words: Words, request: Request, *, compared: bool) -> str:
    period = request.period
    since, until = (words.format.time(at) for at in (period.start, period.end))
    if not compared:
        return words.text("page.period_alone", since=since, until=until)
    before = words.format.time(period.previous.start)
    return words.text("page.period", since=since, until=until, before=before)


def _empty(request: Request, made_at: datetime, taxonomy: Taxonomy, log: Log) -> Report:
    """An honest page that says that there is nothing, and where there is something."""
    words = Words(request.locale, taxonomy)
    stored, first, last = last_contact(log)
    since, until = (words.format.time(at) for at in (request.period.start, request.period.end))
    subtitle = words.text("page.empty", since=since, until=until)
    if first is not None and last is not None:
        subtitle += words.text(
            "page.stored",
            number=words.format.count(stored),
            first=words.format.time(first),
            last=words.format.time(last),
        )
    return Report(
        request=request,
        made_at=made_at,
        version=__version__,
        empty=True,
        title=words.text("page.title"),
        subtitle=subtitle,
        tiles=(),
        story=(),
        sections=(),
        claims=(),
        queries=dict(log.asked),
    )
