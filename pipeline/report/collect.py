"""From queries to results: asks the warehouse, method by method, and hands over to the analyses.

Columns of one method are let go before those of the next are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis import (
    boundary,
    cpx,
    emerging,
    gaps,
    initiatives,
    kano,
    kano_grid,
    kano_questions,
    layout,
    pyramid,
    ratings,
    recovery,
    servqual,
    silent,
    snowball,
    style,
    value_irritant,
    verbatims,
)
from pipeline.analysis.change import Amounts, Decomposition, decompose
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import share, share_difference
from pipeline.analysis.period import Period
from pipeline.domain.contact import Initiative
from pipeline.domain.scales import Scale
from pipeline.domain.taxonomy import Taxonomy
from pipeline.explain import DIMENSIONS
from pipeline.report import queries
from pipeline.report.changes import changes
from pipeline.report.hotspots import hotspots
from pipeline.report.log import Log
from pipeline.report.model import (
    Cell,
    Counts,
    Overview,
    Quote,
    Request,
    Results,
    Rise,
    Scores,
    Spiked,
    Theme,
    Themes,
)
from pipeline.report.rises import rises

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
Columns = dict[str, Sequence[Any]]

WINDOW_DAYS = 7.0
HORIZON_DAYS = 14.0
INITIATIVE_DAYS = 364.0
"""How far back an initiative may have begun to be judged again."""
MOST_TEXTS = 4000
"""Contacts without a topic that are embedded at most: two seconds' to a minute's work."""
QUOTED_TOPICS = 8
MIX_DIMENSIONS = ("region", "product", "channel")
_READ = 300
_PREFERRED_VOLUME = "orders"
FACETS = ("gap", "pillar", "touchpoint", "side", "rater", "owner")


@dataclass(frozen=True, slots=True)
class _Task:
    request: Request
    log: Log
    taxonomy: Taxonomy
    scales: Mapping[str, Scale]
    embed: Embed | None

    @property
    def period(self) -> Period:
        return self.request.period

    def ask(self, statement: queries.Statement) -> Columns:
        return self.log.ask(statement)


def collect(
    request: Request,
    log: Log,
    taxonomy: Taxonomy,
    scales: Mapping[str, Scale],
    embed: Embed | None = None,
) -> Results | None:
    """Everything the report says, as numbers; None where the period has no contacts.

    Raises what the log's query raises.
    """
    task = _Task(request, log, taxonomy, scales, embed)
    found: dict[str, Any] = {"overview": _overview(request.period, log)}
    if not found["overview"].now.contacts:
        return None
    for step in (_mentions, _texts, _attributes, _wholes, _people, _service):
        found |= step(task)
    found["initiatives"] = _initiatives(request, log)
    found["changes"] = ()
    if found["overview"].before.contacts:
        found["changes"] = changes(request, log, taxonomy)
    found["rises"] = _rises(task)
    found["themes"] = _themes(task)
    found["spikes"] = _spikes(request.period, log)
    found["quotes"] = _quotes(request.period, log, list(found["mentions"])[:QUOTED_TOPICS])
    return Results(**found)


def _mentions(task: _Task) -> dict[str, Any]:
    """Rates by topic and owner, and where in the company problems are made."""
    period = task.period
    mentions = task.ask(queries.mentions(period))
    taxonomy = task.taxonomy
    mentions["owner"] = [taxonomy[t].owner if t in taxonomy else "" for t in mentions["topic"]]
    problems = _problems(mentions)
    names, volume, volumes = _volumes(task.request, task.log)
    previous = _previous(task.request, mentions)
    shared: Any = {"volumes": volumes, "previous": previous}
    return {
        "mentions": _counted(problems, period),
        "volume": volume,
        "volumes": names,
        "skyline": cpx.skyline(mentions, period, **shared),
        "problems": cpx.skyline(problems, period, **shared),
        "owners": cpx.skyline(problems, period, by="owner", **shared),
        "weeks": cpx.weekly(problems, _both(task.request, previous), volumes=volumes),
        "mixes": _mixes(task.request, task.log, volume) if previous else (),
        "facets": {
            facet: gaps.breakdown(mentions, taxonomy, facet, period, previous=previous)
            for facet in FACETS
        },
    }


def _previous(request: Request, mentions: Columns) -> Period | None:
    """The period before, if the data reach back to it."""
    before = request.previous
    return before if any(at < before.last for at in mentions["occurred_at"]) else None


def _texts(task: _Task) -> dict[str, Any]:
    """What contacts say, row by row."""
    period, taxonomy = task.period, task.taxonomy
    worth = task.ask(queries.portfolio(period))
    return {
        "portfolio": value_irritant.quadrants(worth, taxonomy),
        "servqual_derived": servqual.from_contacts(worth, taxonomy),
        "moments": gaps.moments_of_truth(task.ask(queries.moments(period)), taxonomy),
        "styles": style.styles(task.ask(queries.teams(period)), taxonomy),
        "kano_derived": kano.from_polarity(task.ask(queries.rated_topics(period))),
        "hotspots": hotspots(
            task.ask(queries.hotspot_problems(period)), task.ask(queries.hotspot_contacts(period))
        ),
    }


def _attributes(task: _Task) -> dict[str, Any]:
    """Ratings of attributes."""
    rows = task.ask(queries.attribute_ratings(task.period))
    contrasts = kano.kano(rows)
    few = isinstance(contrasts, TooFew)
    return {
        "kano": contrasts,
        "vavra": contrasts if few else kano_grid.vavra(rows, contrasts),
        "timko": kano_questions.timko(rows),
        "boundaries": boundary.resource_boundaries(rows),
        "servqual": servqual.servqual(rows),
    }


def _wholes(task: _Task) -> dict[str, Any]:
    """Ratings of the whole."""
    rows = task.ask(queries.whole_ratings(task.period))
    return {
        "scores": _scores(task, rows),
        "layouts": _layouts(rows, task.scales),
    }


_STRATA = (("language", "product", "team"), ("language", "team"), ("language",), ())
_OVERLAP = 0.7


def _layouts(rows: Columns, scales: Mapping[str, Scale]) -> dict[str, layout.LayoutBias | TooFew]:
    """By channel: layouts that no channel shares cannot be compared."""
    channels = np.asarray(rows["channel"], object)
    columns = {name: np.asarray(values, object) for name, values in rows.items()}
    found = {}
    for channel in sorted(set(channels)):
        mine: Any = {name: values[channels == channel] for name, values in columns.items()}
        if len(set(mine["scale"][mine["kind"] == "csat"])) > 1:
            found[str(channel)] = _compared(mine, scales)
    return found


def _compared(rows: Any, scales: Mapping[str, Scale]) -> layout.LayoutBias | TooFew:
    """Within the finest strata of which _OVERLAP of the answers or more can be compared: strata too
    fine leave few that saw two layouts, and a real bias then goes unseen."""
    found: layout.LayoutBias | TooFew = TooFew("layouts", 0, 2)
    for kept in _STRATA:
        found = layout.layouts(rows, scales, adjust=kept)
        if isinstance(found, TooFew) or found.overlap >= _OVERLAP:
            return found
    return found


def _people(task: _Task) -> dict[str, Any]:
    """Customers: how many are silent, what they are worth."""
    rows = task.ask(queries.customers(task.period))
    return {"silence": silent.silent(rows), "pyramid": pyramid.pyramid(rows)}


def _service(task: _Task) -> dict[str, Any]:
    """Who had to come back, and what was done for them."""
    rows = task.ask(queries.snowballs(task.period, WINDOW_DAYS))
    cost = task.request.contact_cost
    repeats = snowball.snowballs(rows, task.period, window_days=WINDOW_DAYS, cost_per_contact=cost)
    del rows  # before the next are asked for
    steps = task.ask(queries.recovery(task.period))
    return {
        "snowballs": repeats,
        "recovery": recovery.recovery(steps, horizon_days=HORIZON_DAYS),
    }


def _overview(period: Period, log: Log) -> Overview:
    found = log.ask(queries.overview(period))
    names = [name for name in found if name != "now"]
    rows = zip(found["now"], *(found[name] for name in names), strict=True)
    sides = {int(row[0]): Counts(**dict(zip(names, row[1:], strict=True))) for row in rows}
    now, before = sides.get(1, Counts()), sides.get(0, Counts())
    if not now.contacts:
        return Overview(now, before)
    change = None
    if before.contacts:
        pairs = (now.complaints, now.contacts, before.complaints, before.contacts)
        change = share_difference(*pairs)
    return Overview(
        now,
        before,
        *_cells(period, log),
        complaint_share=share(now.complaints, now.contacts),
        complaint_change=change,
        negative_share=share(now.negative, now.contacts),
    )


def _cells(period: Period, log: Log) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    found = log.ask(queries.cells(period))
    names = ("value", "contacts", "complaints", "negative")
    rows = list(zip(found["dimension"], *(found[name] for name in names), strict=True))
    languages = tuple(Cell(*row[1:]) for row in rows if row[0] == "language")
    return languages, tuple(Cell(*row[1:]) for row in rows if row[0] == "channel")


def _volumes(request: Request, log: Log) -> tuple[tuple[str, ...], str, Columns | None]:
    """The names there are, the chosen one ("" for none), and its records."""
    found = log.ask(queries.volume_names(request.period))
    pairs = zip(found["name"], found["value"], strict=True)
    names = tuple(name for name, value in pairs if value > 0)
    wanted = request.volume or _PREFERRED_VOLUME
    if wanted not in names:
        wanted = names[0] if names and not request.volume else ""
    if not wanted:
        return names, "", None
    return names, wanted, log.ask(queries.volumes(request.period, wanted))


def _problems(mentions: Columns) -> Columns:
    """The negative mentions."""
    negative = [polarity < 0 for polarity in mentions["polarity"]]
    return {
        name: [v for v, bad in zip(values, negative, strict=True) if bad]
        for name, values in mentions.items()
    }


def _counted(problems: Columns, period: Period) -> dict[str, int]:
    """Negative mentions of the period by topic, the most first."""
    counts: dict[str, int] = {}
    columns = (problems["topic"], problems["occurred_at"], problems["contacts"])
    for topic, at, number in zip(*columns, strict=True):
        if period.first <= at < period.last:
            counts[topic] = counts.get(topic, 0) + int(number)
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _both(request: Request, previous: Period | None) -> Period:
    return Period(previous.start if previous else request.period.start, request.period.end)


def _mixes(request: Request, log: Log, volume: str) -> tuple[Decomposition, ...]:
    """Contacts per unit of the volume, split into change inside the slices and mix."""
    if not volume:
        return ()
    found = []
    for dimension in MIX_DIMENSIONS:
        units = log.ask(queries.mix_volumes(request.period, dimension, volume))
        if len(units["value"]) < 2:
            continue
        contacts = log.ask(queries.mix_contacts(request.period, dimension))
        found.append(_mix(dimension, units, contacts))
    return tuple(part for part in found if part is not None)


def _mix(dimension: str, units: Columns, contacts: Columns) -> Decomposition | None:
    rows = zip(contacts["value"], contacts["before"], contacts["after"], strict=True)
    counted = {value: (float(before), float(after)) for value, before, after in rows}
    before = np.array(units["before"], np.float64)
    after = np.array(units["after"], np.float64)
    if not before.sum() or not after.sum():
        return None
    sums = np.array([counted.get(value, (0.0, 0.0)) for value in units["value"]], np.float64)
    amounts = Amounts(before, sums[:, 0], after, sums[:, 1])
    return decompose(dimension, np.asarray(units["value"], object), amounts)


def _scores(task: _Task, whole: Columns) -> Scores:
    now = ratings.scorecard(whole, task.scales)
    before = ratings.scorecard(task.ask(queries.earlier_ratings(task.period)), task.scales)
    nps_change = csat_change = None
    if not isinstance(now.nps, TooFew) and not isinstance(before.nps, TooFew):
        nps_change = ratings.nps_difference(now.nps, before.nps)
    if not isinstance(now.csat, TooFew) and not isinstance(before.csat, TooFew):
        csat_change = ratings.top_box_difference(now.csat, before.csat)
    return Scores(now, before, nps_change, csat_change, ratings.loyalty(whole, task.scales))


def _initiatives(
    request: Request, log: Log
) -> tuple[tuple[Initiative, initiatives.Judgement], ...]:
    until = request.period.end
    found = log.ask(queries.initiatives(until, INITIATIVE_DAYS))
    rows = zip(*found.values(), strict=True)
    known = [_initiative(dict(zip(found, row, strict=True))) for row in rows]
    if not known:
        return ()
    first = min(one.started_at for one in known) - timedelta(days=initiatives.MAX_DAYS)
    named = {name for one in known for name in (*one.slice, *one.comparison)}
    asked = log.ask(queries.initiative_mentions(first, until, named & set(DIMENSIONS) - {"topic"}))
    judged = initiatives.judge_all(known, asked, until)
    return tuple(zip(known, judged, strict=True))


def _initiative(row: dict[str, Any]) -> Initiative:
    """Slices over dimensions that no column has cannot be cut out, so they are left away."""
    known = set(DIMENSIONS) - {"topic", "version"}
    slices = {
        name: {key: value for key, value in row[name].items() if key in known | {"version"}}
        for name in ("slice", "comparison")
    }
    return Initiative(**{**row, "topics": tuple(row["topics"]), **slices})


def _rises(task: _Task) -> tuple[Rise, ...]:
    weeks = int((task.period.end - task.request.previous.start).days // 7)
    asked = queries.rise_problems(task.period), queries.rise_contacts(task.period)
    return rises(task.ask(asked[0]), task.ask(asked[1]), weeks)


def _themes(task: _Task) -> Themes:
    total = int(task.ask(queries.untopical_count(task.period))["contacts"][0])
    rows = task.ask(queries.untopical(task.period, MOST_TEXTS))
    words = list(rows["text"])
    vectors = task.embed(words) if task.embed is not None and words else None
    found = emerging.emerging(rows, vectors, recent=task.period)
    read = len(words)
    if isinstance(found, TooFew):
        return Themes(total, read, vectors is not None, found)
    themes = tuple(Theme(one, _examples(rows, one.rows)) for one in found.clusters)
    return Themes(total, read, vectors is not None, themes)


def _examples(rows: Columns, places: Sequence[int], number: int = 3) -> tuple[Quote, ...]:
    """The most central texts of a group, each once, none that masking should have caught."""
    found: dict[str, Quote] = {}
    for place in places:
        text = str(rows["text"][place])
        if text not in found and verbatims.showable(text):
            found[text] = Quote(str(rows["contact_id"][place]), str(rows["language"][place]), text)
        if len(found) == number:
            break
    return tuple(found.values())


def _spikes(period: Period, log: Log) -> tuple[Spiked, ...]:
    found = log.ask(queries.spikes(period))
    made = []
    for row in zip(*found.values(), strict=True):
        values = dict(zip(found, row, strict=True))
        lists = {name: tuple(values[name]) for name in ("explanation", "verbatims")}
        made.append(Spiked(**{**values, **lists}))
    return tuple(made)


def _quotes(period: Period, log: Log, topics: list[str]) -> dict[str, tuple[Quote, ...]]:
    if not topics:
        return {}
    found = log.ask(queries.verbatims(period, topics, _READ))
    codes = np.asarray(found["topic"], object)
    columns = {name: np.asarray(values, object) for name, values in found.items()}
    quotes = {}
    for topic in topics:
        mine = {name: values[codes == topic] for name, values in columns.items()}
        chosen = verbatims.select(mine, how="typical", number=3)
        language = mine["language"]
        quotes[topic] = tuple(Quote(v.contact_id, str(language[v.row]), v.text) for v in chosen)
    return quotes


def last_contact(log: Log) -> tuple[int, datetime | None, datetime | None]:
    """How many contacts are stored at all, the first and the last time."""
    found = log.ask(queries.bounds())
    count = int(found["contacts"][0])
    return (count, found["first"][0], found["last"][0]) if count else (0, None, None)
