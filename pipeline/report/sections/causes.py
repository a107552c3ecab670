"""Sections about what problems mean: worth, quality gaps, places in the company, styles."""

from __future__ import annotations

from pipeline.analysis.few import TooFew
from pipeline.analysis.gaps import Breakdown
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.value_irritant import Quadrant
from pipeline.report import charts
from pipeline.report.model import Block, Chart, Section
from pipeline.report.sections.context import Context

FACETS = ("gap", "pillar", "touchpoint", "side", "owner")


def portfolio(c: Context) -> Section:
    """Eliminate, simplify, automate, leverage."""
    found = c.results.portfolio
    if isinstance(found, TooFew):
        return c.section("portfolio", [c.few(found)])
    blocks: list[Block] = []
    for quadrant in Quadrant:
        share = found.shares.get(quadrant, 0.0)
        names = [c.words.topic(w.topic) for w in found.topics if w.quadrant is quadrant]
        if names:
            blocks.append(
                c.words(
                    f"portfolio.{quadrant}",
                    share=c.link(c.format.share(share, 0), "portfolio"),
                    topics=c.words.text("name.list_comma").join(names),
                )
            )
    rows = [
        (c.words.topic(w.topic), c.format.count(w.contacts), w.customer, w.company,
         c.words.text(f"quadrant.{w.quadrant}"), c.yes(w.sure))
        for w in found.topics
    ]  # fmt: skip
    columns = ("topic", "contacts", "to_customer", "to_company", "quadrant", "sure")
    caption = c.words.text("chart.portfolio_table")
    table = c.table(caption, columns, rows, "portfolio", texts=(0, 4, 5))
    spots = [
        charts.Spot(c.words.topic(w.topic), w.company.value, w.customer.value, w.contacts, w.sure)
        for w in found.topics
    ]
    axes = c.words.text("axis.to_company"), c.words.text("axis.to_customer")
    order = (Quadrant.AUTOMATE, Quadrant.LEVERAGE, Quadrant.SIMPLIFY, Quadrant.ELIMINATE)
    names4 = [c.words.text(f"quadrant.{q}") for q in order]
    corners = (names4[0], names4[1], names4[2], names4[3])
    figure = charts.grid(spots, axes, (0.0, 0.0), corners)
    legend = tuple(spot.label for spot in spots)
    title = c.words.text("chart.portfolio")
    blocks.append(Chart("portfolio", title, figure, table, legend))
    return c.section("portfolio", blocks)


def servqual(c: Context) -> Section:
    """Gap scores where people were asked, polarity where not."""
    blocks: list[Block] = []
    asked = c.results.servqual
    if isinstance(asked, TooFew):
        blocks.append(c.few(asked, "servqual.not_asked"))
    else:
        worst = asked.dimensions[0]
        blocks.append(
            c.say("servqual.worst", "attributes", dimension=c.words.text(f"rater.{worst.name}")
                  if c.words.known(f"rater.{worst.name}", "") else worst.name,
                  gap=worst.gap, overall=asked.overall)
        )  # fmt: skip
        rows = [
            (c.words.attribute(d.name), d.expectation, d.perception, d.gap,
             c.format.share(d.weight, 0))
            for d in asked.dimensions
        ]  # fmt: skip
        columns = ("attribute", "expectation", "perception", "gap", "weight")
        table = c.table(c.words.text("chart.servqual_table"), columns, rows, "attributes")
        pairs = [(c.words.attribute(d.name), d.gap) for d in asked.dimensions]
        blocks.append(c.bars("servqual", pairs, "gap", table))
        blocks.append(c.words(f"servqual.weights_{asked.weights_from}"))
    blocks += _derived(c)
    return c.section("servqual", blocks)


def _derived(c: Context) -> list[Block]:
    derived = c.results.servqual_derived
    if isinstance(derived, TooFew):
        return [c.few(derived)]
    rows = [
        (c.words.attribute(voice.name), voice.polarity, voice.negative)
        for voice in derived.dimensions
    ]
    columns = ("attribute", "polarity", "negative")
    table = c.table(c.words.text("chart.derived_table"), columns, rows, "portfolio")
    pairs = [(c.words.attribute(voice.name), voice.polarity) for voice in derived.dimensions]
    return [c.bars("derived", pairs, "polarity", table), c.care("servqual.derived")]


def company(c: Context) -> Section:
    """Gaps, pillars, touchpoints, sides and owners; moments of truth."""
    blocks: list[Block] = []
    for facet in FACETS:
        found = c.results.facets[facet]
        if isinstance(found, TooFew):
            blocks.append(c.few(found, f"facet.{facet}"))
        else:
            blocks.append(_facet(c, facet, found))
    blocks += _moments(c)
    return c.section("company", blocks)


def facet_name(c: Context, facet: str, name: str) -> str:
    """A class's name."""
    return c.words.owner(name) if facet == "owner" else c.words.text(f"{facet}.{name}")


def _facet(c: Context, facet: str, found: Breakdown) -> Chart:
    rows = [
        (facet_name(c, facet, part.name), c.format.count(part.mentions), part.share, part.change,
         part.trend)
        for part in found.parts
    ]  # fmt: skip
    columns = (facet, "mentions", "share", "change", "trend")
    caption = c.words.text(f"facet.{facet}")
    table = c.table(caption, columns, rows, "mentions")
    pairs = [(facet_name(c, facet, part.name), part.share) for part in found.parts[:12]]
    made = [charts.Bar(text, e, c.format.estimate(e)) for text, e in pairs]
    figure = charts.bars(made, c.words.text("axis.share"))
    return Chart(f"facet-{facet}", caption, figure, table)


def _moments(c: Context) -> list[Block]:
    found = c.results.moments
    if isinstance(found, TooFew):
        return [c.few(found)]
    rows = [
        (
            c.words.topic(m.topic),
            c.words.text(f"touchpoint.{m.touchpoint}") if m.touchpoint else "–",
            m.reach,
            m.swing,
            m.at_stake,
        )
        for m in found.topics
    ]
    columns = ("topic", "touchpoint", "reach", "swing", "at_stake")
    caption = c.words.text("chart.moments_table")
    table = c.table(caption, columns, rows, "moments", texts=(0, 1))
    pairs = [(c.words.topic(m.topic), m.swing) for m in found.topics[:12]]
    if not pairs:
        return [table]
    return [c.bars("moments", pairs, "swing", table)]


def styles(c: Context) -> Section:
    """Service style of teams."""
    found = c.results.styles
    if isinstance(found, TooFew):
        return c.section("styles", [c.few(found)])
    sure = [team for team in found.teams if team.sure]
    blocks: list[Block] = [
        c.words(f"styles.{team.style}", team=team.name,
                chance=c.link(c.format.share(team.chances[team.style], 0), "teams"))
        for team in sure
    ] or [c.words("styles.none")]  # fmt: skip
    rows = [
        (team.name, team.procedural, team.personal,
         c.words.text(f"style.{team.style}") if team.sure else c.words.text("style.unclear"))
        for team in found.teams
    ]  # fmt: skip
    columns = ("team", "procedural", "personal", "style")
    caption = c.words.text("chart.styles_table")
    table = c.table(caption, columns, rows, "teams", texts=(0, 3))
    spots = [
        charts.Spot(t.name, t.procedural.value, t.personal.value, sure=t.sure) for t in found.teams
    ]
    names = [c.words.text(f"style.{s}") for s in ("folksy", "satisfying", "factory", "cold")]
    figure = charts.grid(
        spots,
        (c.words.text("axis.procedural"), c.words.text("axis.personal")),
        (found.procedural_border, found.personal_border),
        (names[0], names[1], names[2], names[3]),
    )
    legend = tuple(spot.label for spot in spots)
    blocks.append(Chart("styles", c.words.text("chart.styles"), figure, table, legend))
    if found.relative:
        blocks.append(c.care("styles.relative"))
    blocks += [c.few(few, "styles.few") for few in list(found.few.values())[:1]]
    return c.section("styles", blocks)


def moment_top(c: Context) -> tuple[str, Estimate] | None:
    """The topic at which most is at stake, if its swing is surely above 0."""
    found = c.results.moments
    if isinstance(found, TooFew):
        return None
    sure = [m for m in found.topics if m.swing.above(0)]
    return (sure[0].topic, sure[0].swing) if sure else None
