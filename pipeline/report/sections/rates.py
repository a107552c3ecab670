"""Sections about how often customers have to call: rates, changes, spikes, repeats."""

from __future__ import annotations

from pipeline.analysis import cpx
from pipeline.analysis.change import Decomposition
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, share
from pipeline.report import charts
from pipeline.report.model import Block, Change, Chart, Heading, Moved, Quotes, Section, Sentence
from pipeline.report.sections.context import Context

SHOWN = 12
LINES = 4


def overview(c: Context) -> Section:
    """Contacts and complaints by language and by channel."""
    found = c.results.overview
    blocks: list[Block] = []
    if found.complaint_share is not None:
        blocks.append(
            c.say(
                "overview.summary",
                "overview",
                contacts=float(found.now.contacts),
                customers=float(found.now.customers),
                complaints=found.complaint_share,
            )
        )
    for dimension, cells in (("language", found.languages), ("channel", found.channels)):
        rows = [
            (
                c.words.member(dimension, cell.value),
                c.format.count(cell.contacts),
                share(cell.complaints, cell.contacts),
                share(cell.negative, cell.contacts),
            )
            for cell in cells
        ]
        columns = (dimension, "contacts", "complaint_share", "negative")
        caption = c.words.text(f"overview.{dimension}")
        blocks.append(c.table(caption, columns, rows, "languages"))
    return c.section("overview", blocks, reading=False)


def rates(c: Context) -> Section:
    """Problem contacts per X, the skyline by topic, by owner, by week."""
    blocks: list[Block] = []
    problems = c.results.problems
    if isinstance(problems, TooFew):
        return c.section("rates", [c.few(problems)])
    blocks.append(_summary(c, problems))
    if not c.results.volume:
        blocks.append(c.care("rates.no_volume"))
    elif problems.exposure.coverage < 0.95:
        part = c.format.share(problems.exposure.coverage, 0)
        blocks.append(c.care("rates.coverage", volume=_volume(c), share=part))
    blocks.append(_skyline(c, "skyline", problems))
    blocks += _weeks(c)
    if not isinstance(c.results.owners, TooFew):
        blocks.append(_skyline(c, "owners", c.results.owners))
    if not isinstance(c.results.skyline, TooFew):
        blocks.append(_skyline(c, "all_contacts", c.results.skyline))
    blocks += [_mix(c, mix) for mix in c.results.mixes]
    return c.section("rates", blocks)


def per(c: Context) -> str:
    """What rates are per: `1,000 orders`, `day`."""
    if not c.results.volume:
        return c.words.text("rates.day")
    problems = c.results.problems
    number = 1000 if isinstance(problems, TooFew) else problems.per
    return c.words.text("rates.units", number=c.format.count(number), volume=_volume(c))


def _volume(c: Context) -> str:
    name = c.results.volume
    return c.words.known(f"volume.{name}", name)


def _summary(c: Context, skyline: cpx.Skyline) -> Sentence:
    total = skyline.total
    first = c.say(
        "rates.summary", "mentions", rate=total.rate, per=per(c), contacts=float(total.contacts)
    )
    if isinstance(total.ratio, Estimate):
        change = c.link(c.format.percent_change(total.ratio), "mentions")
        said = c.words("rates.summary_change", change=change)
        return Sentence((*first.parts, *said.parts))
    return first


def _skyline(c: Context, name: str, skyline: cpx.Skyline) -> Chart:
    by_owner = name == "owners"
    label = c.words.owner if by_owner else c.words.topic
    shown = skyline.bars[:SHOWN]
    rows = [
        (
            label(bar.name),
            c.format.count(bar.contacts),
            bar.rate,
            bar.share,
            _ratio(c, bar),
            c.words.text("name.changed") if bar.changed else "",
        )
        for bar in skyline.bars
    ]
    columns = ("owner" if by_owner else "topic", "contacts", "rate", "share", "change", "verdict")
    caption = c.words.text(f"chart.{name}_table", per=per(c))
    table = c.table(caption, columns, rows, "mentions", texts=(0, 5))
    pairs = [(label(bar.name), bar.rate) for bar in shown]
    title = c.words.text(f"chart.{name}", per=per(c))
    made = [charts.Bar(text, e, c.format.estimate(e)) for text, e in pairs]
    axis = c.words.text("axis.per", per=per(c))
    return Chart(name, title, charts.bars(made, axis), table)


def _ratio(c: Context, bar: cpx.Bar) -> str:
    if isinstance(bar.ratio, Estimate):
        return c.format.percent_change(bar.ratio)
    return c.cell(bar.ratio)


def _weeks(c: Context) -> list[Block]:
    top = list(c.results.mentions)[:LINES]
    weeks = sorted(
        {bar.week.start: bar.week for bar in c.results.weeks}.values(), key=lambda week: week.start
    )
    if len(weeks) < 2 or not top:
        return [c.few(TooFew("weeks", len(weeks), 2))]
    heights = {(bar.name, bar.week.start): bar.rate for bar in c.results.weeks}
    days = [f"{week.start:%Y-%m-%d}" for week in weeks]
    series = [
        (c.words.topic(topic), [_height(heights.get((topic, w.start))) for w in weeks])
        for topic in top
    ]
    rows = [
        (c.format.short_day(week.start), *(heights.get((topic, week.start)) for topic in top))
        for week in weeks
    ]
    caption = c.words.text("chart.weeks_table", per=per(c))
    table = c.table(caption, ["week"], rows, "mentions")
    named = (table.columns[0], *(name for name, _ in series))
    table = type(table)(caption, named, table.rows, "mentions", frozenset(range(1, len(named))))
    figure = charts.lines(days, series, c.words.text("axis.per", per=per(c)))
    return [Chart("weeks", c.words.text("chart.weeks"), figure, table)]


def _height(rate: Estimate | None) -> float | None:
    return None if rate is None else rate.value


def mix_matters(mix: Decomposition) -> bool:
    """Whether a shift of the mix made at least a third of a notable change of the whole rate."""
    change = mix.after - mix.before
    return (
        abs(change) > 0.01 * abs(mix.before)
        and mix.mix * change > 0
        and abs(mix.mix) >= abs(change) / 3
    )


def mover(mix: Decomposition) -> str:
    """The value whose weight moved the whole most."""
    sign = 1 if mix.mix > 0 else -1
    return max(mix.by_value, key=lambda part: sign * part[2])[0]


def mix_sentence(c: Context, mix: Decomposition) -> Sentence:
    """What the mix did to contacts per unit of the volume."""
    per_1000 = [c.format.decimal(1000 * v, signed=True) for v in (mix.within, mix.mix)]
    change = 1000 * (mix.after - mix.before)
    return c.words(
        "changes.mix" if mix_matters(mix) else "changes.no_mix",
        dimension=c.words.dimension(mix.dimension),
        change=c.link(c.format.decimal(change, signed=True), "mix"),
        within=c.link(per_1000[0], "mix"),
        mix=c.link(per_1000[1], "mix"),
        value=c.words.member(mix.dimension, mover(mix)),
        per=per(c),
    )


def _mix(c: Context, mix: Decomposition) -> Sentence:
    return mix_sentence(c, mix)


def changes(c: Context) -> Section:
    """What changed against the previous period, metric by metric, and slow rises."""
    blocks: list[Block] = []
    if not c.results.changes:
        blocks.append(c.care("changes.no_previous"))
    for change in c.results.changes:
        blocks += _change(c, change)
    blocks.append(Heading(c.words.text("changes.rises_title")))
    blocks += [rise_sentence(c, number) for number in range(len(c.results.rises))]
    if not c.results.rises:
        blocks.append(c.words("changes.no_rises"))
    if shifted := [mix for mix in c.results.mixes if mix_matters(mix)]:
        blocks.append(Heading(c.words.text("changes.mix_title")))
        blocks += [mix_sentence(c, mix) for mix in shifted]
    return c.section("changes", blocks)


def rise_sentence(c: Context, number: int) -> Sentence:
    """One slow rise."""
    rise = c.results.rises[number]
    return c.words(
        "changes.rise",
        topic=c.words.topic(rise.topic),
        where=c.words.member(rise.dimension, rise.value),
        first=c.link(c.format.share(rise.first), "rises"),
        last=c.link(c.format.share(rise.last), "rises"),
        slope=c.link(c.format.estimate(rise.slope), "rises"),
    )


def _change(c: Context, change: Change) -> list[Block]:
    name = change.metric
    blocks: list[Block] = [Heading(c.words.text(f"metric.{name}"))]
    if change.answer.few is not None:
        return [*blocks, c.few(change.answer.few)]
    blocks.append(whole_sentence(c, change))
    if not change.moved:
        blocks.append(c.words("changes.spread"))
    for moved in change.moved:
        blocks.append(moved_sentence(c, name, moved))
        if moved.quotes:
            title = c.words.text("name.voices_of", name=c.words.slice(moved.slice))
            blocks.append(Quotes(title, moved.quotes, f"change-{name}"))
    blocks += [
        c.care("changes.rate_mix", dimension=c.words.dimension(mix.dimension))
        for mix in change.answer.mix
    ]
    return blocks


def whole_sentence(c: Context, change: Change) -> Sentence:
    """How the whole metric moved."""
    query = f"change-{change.metric}"
    before, after = (
        level(c, change.metric, v) for v in (change.answer.before, change.answer.after)
    )
    moved = "–" if change.whole is None else difference(c, change.whole)
    return c.words(
        "changes.whole",
        metric=c.words.text(f"metric.{change.metric}"),
        before=c.link(before, query),
        after=c.link(after, query),
        change=c.link(moved, query),
    )


def level(c: Context, metric: str, value: float) -> str:
    """A metric's level."""
    if metric == "complaints":
        return c.format.count(value)
    return c.format.share(value) if metric.endswith("share") else c.format.value(value, Unit.SCORE)


def difference(c: Context, change: Estimate) -> str:
    """A change with its interval: percent for ratios, points for differences."""
    if change.unit is Unit.RATIO:
        return c.format.percent_change(change)
    return c.format.estimate(change)


def moved_sentence(c: Context, metric: str, moved: Moved) -> Sentence:
    """One slice that explains a change."""
    query = f"change-{metric}"
    inside = c.words.text("name.list_and").join(
        c.words.member(name, value) for chosen in moved.inside for name, value in chosen.items()
    )
    said = c.words(
        "changes.moved",
        slice=c.words.slice(moved.slice),
        before=c.link(level(c, metric, moved.before), query),
        after=c.link(level(c, metric, moved.after), query),
        change=c.link(difference(c, moved.change), query),
        owner=c.words.owner(moved.owner),
    )
    if not inside:
        return said
    return Sentence((*said.parts, *c.words("changes.inside", inside=inside).parts))


def spikes(c: Context) -> Section:
    """The spikes that the watcher saw in the period."""
    found = c.results.spikes
    if not found:
        return c.section("spikes", [c.words("spikes.none")])
    rows = [
        (
            c.words.slice(spike.slice),
            c.format.time(spike.opened_at),
            c.format.time(spike.window_end),
            c.format.decimal(spike.expected, 1),
            c.format.count(spike.observed),
            c.words.known(f"severity.{spike.severity}", spike.severity),
            c.words.owner(spike.owner),
        )
        for spike in found
    ]
    columns = ("slice", "from", "to", "expected", "observed", "severity", "owner")
    caption = c.words.text("spikes.table")
    return c.section("spikes", [c.table(caption, columns, rows, "spikes", texts=(0, 1, 2, 5, 6))])


def snowballs(c: Context) -> Section:
    """Repeat contacts and first-contact resolution."""
    found = c.results.snowballs
    if isinstance(found, TooFew):
        return c.section("snowballs", [c.few(found)])
    query = "snowballs"
    days = c.format.count(found.window_days)
    blocks: list[Block] = [
        c.say("snowballs.share", query, share=found.repeat_share, days=days,
              contacts=float(found.repeat_contacts)),
    ]  # fmt: skip
    fcr = found.total.fcr
    blocks.append(
        c.few(fcr, "snowballs.fcr_few")
        if isinstance(fcr, TooFew)
        else c.say("snowballs.fcr", query, fcr=fcr, days=days)
    )
    if found.cost is not None:
        blocks.append(c.say("snowballs.cost", query, cost=found.cost))
    known = [g for g in found.groups if isinstance(g.fcr, Estimate)]
    worst = sorted(known, key=lambda g: g.fcr.value if isinstance(g.fcr, Estimate) else 1.0)
    rows = [
        (
            c.words.topic(group.name),
            c.format.count(group.contacts),
            c.format.count(group.repeats),
            c.format.decimal(group.size),
            group.fcr,
        )
        for group in [*worst, *(g for g in found.groups if g not in known)]
    ]
    columns = ("topic", "contacts", "repeats", "per_episode", "fcr")
    table = c.table(c.words.text("chart.snowballs_table"), columns, rows, query)
    pairs = [(c.words.topic(g.name), g.fcr) for g in worst if isinstance(g.fcr, Estimate)]
    if pairs:
        blocks.append(c.bars("snowballs", pairs[:SHOWN], "fcr", table))
    else:
        blocks.append(table)
    anonymous = c.format.count(found.anonymous)
    blocks.append(c.care("snowballs.care", anonymous=anonymous,
                         censored=c.format.count(found.censored)))  # fmt: skip
    return c.section("snowballs", blocks)
