"""Sections about customers and what was done: silence, pyramid, recovery, initiatives, voices."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.analysis.few import TooFew
from pipeline.analysis.initiatives import Judgement, Verdict
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.pyramid import Tier
from pipeline.analysis.recovery import Effect, Outcome, Step
from pipeline.domain.contact import Initiative
from pipeline.report.model import Block, Heading, Hotspot, Quotes, Section, Sentence
from pipeline.report.sections.context import Context, Value

SHOWN = 20
"""Hotspots in the table; the smallest surpluses are left out."""
TERMS = 6
"""Terms that name a group."""


def whom(c: Context) -> Section:
    """Slices in which a problem is named more often than elsewhere."""
    found = c.results.hotspots
    if not found:
        return c.section("whom", [c.words("whom.none")])
    rows = [
        (
            c.words.topic(spot.topic),
            c.words.dimension(spot.dimension),
            c.words.member(spot.dimension, spot.value),
            c.format.count(spot.problems),
            spot.share,
            c.format.share(spot.elsewhere),
            f"×{c.format.decimal(spot.ratio, 1)}",
        )
        for spot in found[:SHOWN]
    ]
    columns = ("topic", "dimension", "slice", "customers", "share_here", "elsewhere", "times")
    caption = c.words.text("whom.table")
    return c.section("whom", [c.table(caption, columns, rows, "hotspots", texts=(0, 1, 2))])


def hotspot_sentence(c: Context, spot: Hotspot) -> Sentence:
    """One slice that is hit harder."""
    return c.words(
        "whom.spot",
        topic=c.words.topic(spot.topic),
        where=c.words.member(spot.dimension, spot.value),
        times=c.link(c.format.decimal(spot.ratio, 1), "hotspots"),
        share=c.link(c.format.estimate(spot.share), "hotspots"),
        elsewhere=c.link(c.format.share(spot.elsewhere), "hotspots"),
    )


def silent(c: Context) -> Section:
    """How many more have the problem than say so."""
    found = c.results.silence
    if isinstance(found, TooFew):
        return c.section("silent", [c.few(found)])
    query = "customers"
    blocks: list[Block] = [
        c.say("silent.complainants", query, complainants=found.complainants),
        c.words("silent.range", low_high=c.link(
            c.format.range(found.silent.low, found.silent.high), query)),
        c.words("silent.told", low_high=c.link(
            c.format.range(found.told.low, found.told.high), query)),
    ]  # fmt: skip
    rows = [
        (c.words.text(f"assumption.{a.name}"), c.format.decimal(a.low, 0),
         c.format.decimal(a.high, 0), a.source)
        for a in found.assumptions
    ]  # fmt: skip
    columns = ("assumption", "low", "high", "source")
    caption = c.words.text("silent.table")
    blocks.append(c.table(caption, columns, rows, query, texts=(0, 3)))
    return c.section("silent", blocks)


def pyramid(c: Context) -> Section:
    """Tiers and the value at risk."""
    found = c.results.pyramid
    if isinstance(found, TooFew):
        return c.section("pyramid", [c.few(found)])
    query = "customers"
    blocks: list[Block] = []
    if found.at_risk is not None:
        blocks.append(c.say("pyramid.at_risk", query, money=found.at_risk))
    rows = [_tier(c, tier) for tier in found.tiers]
    columns = ("tier", "customers", "problem", "leaving", "worth", "at_risk")
    table = c.table(c.words.text("chart.pyramid_table"), columns, rows, query)
    pairs = [(tier_name(c, t), t.at_risk) for t in found.tiers if t.at_risk is not None]
    blocks.append(c.bars("pyramid", pairs, "money", table) if pairs else table)
    if found.seen_only:
        blocks.append(c.care("pyramid.seen_only"))
    if not found.assumed:
        blocks.append(c.care("pyramid.intent"))
    if found.by_value:
        blocks.append(c.care("pyramid.by_value"))
    return c.section("pyramid", blocks)


def tier_name(c: Context, tier: Tier) -> str:
    """A tier's name."""
    return c.words.known(f"tier.{tier.name}", tier.name) or c.words.text("name.unknown")


def _tier(c: Context, tier: Tier) -> tuple[Value, ...]:
    size = c.format.count(tier.customers)
    return tier_name(c, tier), size, tier.problem, tier.leaving, tier.value, tier.at_risk


def recovery(c: Context) -> Section:
    """Which steps followed complaints, and what went with them."""
    found = c.results.recovery
    if isinstance(found, TooFew):
        return c.section("recovery", [c.few(found)])
    query = "recovery"
    days = c.format.count(found.horizon_days)
    blocks: list[Block] = [
        c.say("recovery.basis", query, complaints=float(found.complaints),
              followed=float(found.followed), days=days)
    ]  # fmt: skip
    shown = [s for step in found.steps for s in _effects(c, step)]
    blocks += shown or [c.words("recovery.none")]
    rows = [
        (c.words.text(f"step.{step.name}"), step.taken, *(_effect(step, o) for o in Outcome))
        for step in found.steps
    ]
    columns = ("step", "taken", "sentiment", "returned", "repeated")
    blocks.append(c.table(c.words.text("recovery.table"), columns, rows, query))
    counts = [
        (c.format.count(one.steps), c.format.count(one.complaints), one.sentiment, one.returned,
         one.repeated)
        for one in found.counts
    ]  # fmt: skip
    columns = ("steps", "complaints", "sentiment", "returned", "repeated")
    blocks.append(c.table(c.words.text("recovery.counts"), columns, counts, query))
    blocks.append(c.care("recovery.care"))
    return c.section("recovery", blocks)


def _effect(step: Step, outcome: Outcome) -> Value:
    effect = step.effects[outcome]
    return effect.difference if isinstance(effect, Effect) else effect


def _effects(c: Context, step: Step) -> list[Sentence]:
    found = []
    for outcome, effect in step.effects.items():
        if isinstance(effect, Effect) and effect.shown:
            up = "up" if effect.difference.value > 0 else "down"
            name = c.words.text(f"step.{step.name}")
            key = f"recovery.{outcome}_{up}"
            found.append(c.say(key, "recovery", step=name, effect=effect.difference))
    return found


def initiatives(c: Context) -> Section:
    """Verdicts on initiatives."""
    found = c.results.initiatives
    if not found:
        return c.section("initiatives", [c.words("initiatives.none")])
    blocks: list[Block] = [verdict_sentence(c, one, judged) for one, judged in found]
    rows = [
        (
            one.title,
            c.words.owner(one.owner),
            c.format.short_day(one.started_at),
            c.words.text(f"verdict.{judged.verdict}"),
            _effect_of(c, judged),
            _counts(c, judged),
            judged.prevented if judged.verdict in {Verdict.WORKED, Verdict.GOT_WORSE} else None,
        )
        for one, judged in found
    ]
    columns = ("initiative", "owner", "since", "verdict", "effect", "before_after", "prevented")
    caption = c.words.text("initiatives.table")
    blocks.append(c.table(caption, columns, rows, "initiatives", texts=(0, 1, 2, 3)))
    for one, judged in found:
        if judged.cautions:
            said = c.words.text("name.list_comma").join(
                c.words.text(f"caution.{caution}") for caution in judged.cautions
            )
            blocks.append(c.care("initiatives.caution", title=one.title, cautions=said))
    return c.section("initiatives", blocks)


def _effect_of(c: Context, judged: Judgement) -> Value:
    effect = judged.effect
    return c.format.percent_change(effect) if isinstance(effect, Estimate) else effect


def _counts(c: Context, judged: Judgement) -> str:
    counts = [c.format.count(each) for each in (judged.target.before, judged.target.after)]
    return " → ".join(counts)


def verdict_sentence(c: Context, one: Initiative, judged: Judgement) -> Sentence:
    """What can be said of one initiative."""
    effect = judged.effect
    said = "–" if isinstance(effect, TooFew) else c.format.percent_change(effect)
    key = f"initiatives.{judged.verdict}"
    if isinstance(effect, TooFew):
        key = "initiatives.unknown"
    return c.words(
        key,
        title=one.title,
        owner=c.words.owner(one.owner),
        effect=c.link(said, "initiatives"),
        compared=c.words.text(f"compared.{judged.compared_with}"),
    )


def emerging(c: Context) -> Section:
    """What no topic explains."""
    themes = c.results.themes
    blocks: list[Block] = [
        c.say("emerging.basis", "emerging", number=float(themes.without_topic),
              read=float(themes.read))
    ]  # fmt: skip
    if not themes.embedded:
        blocks.append(c.care("emerging.no_embedding"))
    if isinstance(themes.found, TooFew):
        return c.section("emerging", [*blocks, c.few(themes.found)])
    if not themes.found:
        blocks.append(c.words("emerging.none"))
    for number, theme in enumerate(themes.found, 1):
        cluster = theme.cluster
        terms = c.words.text("name.list_comma").join(_terms(c, cluster.terms))
        blocks.append(Heading(c.words.text("emerging.group", number=str(number), terms=terms)))
        blocks.append(
            c.say("emerging.size", "emerging", contacts=float(cluster.contacts),
                  share=cluster.share)
        )  # fmt: skip
        if isinstance(cluster.growth, Estimate):
            change = c.link(c.format.percent_change(cluster.growth), "emerging")
            blocks.append(c.words("emerging.growth", change=change))
        blocks.append(Quotes(c.words.text("name.voices"), theme.quotes, "emerging"))
    return c.section("emerging", blocks)


def _terms(c: Context, terms: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Up to TERMS naming terms, those in the reader's language first."""
    order = sorted(terms, key=lambda language: (language != c.words.locale, language))
    return list(dict.fromkeys(term for name in order for term in terms[name][:2]))[:TERMS]


def evidence(c: Context) -> Section:
    """Typical words of customers for the topics that hurt most."""
    blocks: list[Block] = []
    for topic, quotes in c.results.quotes.items():
        count = c.results.mentions.get(topic, 0)
        blocks.append(Heading(c.words.topic(topic)))
        blocks.append(
            c.say("evidence.topic", "mentions", mentions=float(count),
                  owner=c.words.owner(c.taxonomy[topic].owner if topic in c.taxonomy else ""))
        )  # fmt: skip
        if quotes:
            blocks.append(Quotes(c.words.text("name.voices"), quotes, "verbatims"))
    return c.section("evidence", blocks or [c.few(TooFew("mentions", 0, 1))])
