"""The first page: what hurts most, why, whom, whose it is, what changed, which fixes worked.

Rules of what comes first (nothing is said that its method calls unsure):

* hurts: topics by negative mentions of the period, the first three; then the topic whose negative
  mentions go with most churn intent, and the range of silent customers
* why: the largest service gap; the topic with the lowest first-contact resolution, if surely below
  the average of all; must-be attributes by penalty; the largest SERVQUAL gap, if surely below 0;
  teams that are surely cold; a layout bias, as it colours every score
* whom: for each topic its one slice with the largest surplus, the first four; value at risk
* whose: owners by negative mentions, the first three
* changed: complaints as a whole, slices that explain it, slow rises, shifts of the mix, CSAT if it
  surely moved, spikes
* fixes: verdicts, worked first, then worse, no effect, too early
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.analysis.few import TooFew
from pipeline.analysis.initiatives import Verdict
from pipeline.analysis.intervals import Estimate, Unit
from pipeline.analysis.kano import KanoClass
from pipeline.analysis.snowball import Group
from pipeline.analysis.style import Style
from pipeline.report.model import Answered, Claim, Hotspot, Quote, Results, Sentence, Tile
from pipeline.report.sections import causes, people, rates
from pipeline.report.sections import scores as rated
from pipeline.report.sections.context import Context

SHOWN = 3
SPOTS = 4
_VERDICTS = tuple(Verdict(name) for name in ("worked", "got_worse", "no_effect_seen", "too_early"))


def story(c: Context) -> tuple[Answered, ...]:
    """The six questions with their answers."""
    parts = (
        ("hurts", _hurts, "evidence"),
        ("why", _why, "company"),
        ("whom", _whom, "whom"),
        ("whose", _whose, "company"),
        ("changed", _changed, "changes"),
        ("fixes", _fixes, "initiatives"),
    )
    found = []
    for name, answer, more in parts:
        said = tuple(answer(c)) or (c.words(f"story.{name}_none"),)
        question = c.words.text(f"story.{name}")
        quotes = _first_quotes(c) if name == "hurts" else ()
        found.append(Answered(name, question, said, quotes, more))
    return tuple(found)


def _first_quotes(c: Context) -> tuple[Quote, ...]:
    top = next(iter(c.results.mentions), "")
    return c.results.quotes.get(top, ())[:2]


def _hurts(c: Context) -> Iterator[Sentence]:
    problems = c.results.problems
    if isinstance(problems, TooFew):
        yield c.few(problems).sentence
        return
    bars = {bar.name: bar for bar in problems.bars}
    for topic in list(c.results.mentions)[:SHOWN]:
        bar = bars[topic]
        yield c.say(
            "story.topic",
            "mentions",
            topic=c.words.topic(topic),
            mentions=float(bar.contacts),
            share=bar.share,
            rate=bar.rate,
            per=rates.per(c),
        )
    if (top := causes.moment_top(c)) is not None:
        yield c.say("story.moment", "moments", topic=c.words.topic(top[0]), swing=top[1])
    silence = c.results.silence
    if not isinstance(silence, TooFew):
        low_high = c.format.range(silence.silent.low, silence.silent.high)
        yield c.words("story.silent", low_high=c.link(low_high, "customers"))


def _why(c: Context) -> Iterator[Sentence]:
    gap = c.results.facets["gap"]
    if not isinstance(gap, TooFew):
        part = gap.parts[0]
        name = c.words.text(f"gap.{part.name}")
        yield c.say("story.gap", "mentions", gap=name, share=part.share)
    if (group := worst_resolved(c.results)) is not None and isinstance(group.fcr, Estimate):
        yield c.say(
            "story.snowball", "snowballs", topic=c.words.topic(group.name), fcr=group.fcr,
            repeats=float(group.repeats),
        )  # fmt: skip
    for name in must_be(c.results):
        found = c.results.kano
        assert not isinstance(found, TooFew)
        penalty = next(a.penalty for a in found.attributes if a.name == name)
        yield c.say(
            "story.must_be", "attributes", name=c.words.attribute(name), penalty=unsigned(penalty)
        )
    asked = c.results.servqual
    if not isinstance(asked, TooFew) and asked.dimensions[0].gap.below(0):
        worst = asked.dimensions[0]
        dimension = c.words.attribute(worst.name)
        yield c.say("story.servqual", "attributes", dimension=dimension, gap=unsigned(worst.gap))
    for team in cold_teams(c.results):
        yield c.words("styles.cold", team=team[0], chance=c.link(c.format.share(team[1], 0),
                      "teams"))  # fmt: skip
    for scale, bias in biased_layouts(c.results):
        layout = rated.scale_name(c, scale)
        yield c.say("story.layout", "ratings", layout=layout, bias=bias)


def unsigned(estimate: Estimate) -> Estimate:
    """A loss as a positive amount, for sentences that say that it is one."""
    low, high = sorted((abs(estimate.low), abs(estimate.high)))
    unit = Unit.SCORE if estimate.unit is Unit.SCORE_DIFFERENCE else estimate.unit
    return Estimate(abs(estimate.value), low, high, estimate.n, unit, estimate.level)


def _whom(c: Context) -> Iterator[Sentence]:
    for spot in leading_spots(c.results)[:SPOTS]:
        yield people.hotspot_sentence(c, spot)
    pyramid = c.results.pyramid
    if not isinstance(pyramid, TooFew) and pyramid.at_risk is not None:
        known = [tier for tier in pyramid.tiers if tier.at_risk is not None]
        top = max(known, key=lambda tier: tier.at_risk.value if tier.at_risk else 0.0)
        if top.at_risk is not None:
            yield c.say(
                "story.at_risk", "customers", money=pyramid.at_risk,
                tier=people.tier_name(c, top), tier_money=top.at_risk,
            )  # fmt: skip


def _whose(c: Context) -> Iterator[Sentence]:
    owners = c.results.facets["owner"]
    if isinstance(owners, TooFew):
        return
    for part in owners.parts[:SHOWN]:
        topics = c.words.text("name.list_comma").join(
            c.words.topic(topic) for topic, _ in part.topics[:2]
        )
        yield c.say(
            "story.owner", "mentions", owner=c.words.owner(part.name), share=part.share,
            mentions=float(part.mentions), topics=topics,
        )  # fmt: skip


def _changed(c: Context) -> Iterator[Sentence]:
    for change in c.results.changes:
        certain = change.whole is not None and _moved(change.whole)
        if change.metric == "complaints" or (change.metric == "csat" and certain):
            yield rates.whole_sentence(c, change)
        if change.metric != "complaint-share":
            for moved in change.moved:
                yield rates.moved_sentence(c, change.metric, moved)
    for number in range(len(c.results.rises)):
        yield rates.rise_sentence(c, number)
    for mix in c.results.mixes:
        if rates.mix_matters(mix):
            yield rates.mix_sentence(c, mix)
    if c.results.spikes:
        yield c.say("story.spikes", "spikes", number=float(len(c.results.spikes)))


def _moved(whole: Estimate) -> bool:
    level = 1.0 if whole.unit is Unit.RATIO else 0.0
    return whole.above(level) or whole.below(level)


def _fixes(c: Context) -> Iterator[Sentence]:
    order = sorted(c.results.initiatives, key=lambda pair: _VERDICTS.index(pair[1].verdict))
    for initiative, judged in order:
        yield people.verdict_sentence(c, initiative, judged)


def leading_spots(results: Results) -> list[Hotspot]:
    """For each topic its slice with the largest surplus."""
    first: dict[str, Hotspot] = {}
    for spot in results.hotspots:
        first.setdefault(spot.topic, spot)
    return list(first.values())


def worst_resolved(results: Results) -> Group | None:
    """The topic with the lowest first-contact resolution, if surely below that of all."""
    found = results.snowballs
    if isinstance(found, TooFew) or isinstance(found.total.fcr, TooFew):
        return None
    level = found.total.fcr.low
    below = [g for g in found.groups if isinstance(g.fcr, Estimate) and g.fcr.below(level)]
    return min(below, key=lambda g: g.fcr.value if isinstance(g.fcr, Estimate) else 1, default=None)


def must_be(results: Results) -> list[str]:
    """Attributes that are surely taken for granted."""
    found = results.kano
    if isinstance(found, TooFew):
        return []
    return [a.name for a in found.attributes if a.kano_class is KanoClass.MUST_BE and a.sure]


def cold_teams(results: Results) -> list[tuple[str, float]]:
    """Teams that are surely cold, with the probability."""
    found = results.styles
    if isinstance(found, TooFew):
        return []
    return [(t.name, t.chances[t.style]) for t in found.teams if t.sure and t.style is Style.COLD]


def biased_layouts(results: Results) -> list[tuple[str, Estimate]]:
    """Layouts that surely score differently from like answers on another one."""
    return [
        (one.scale, one.bias)
        for found in results.layouts.values()
        if not isinstance(found, TooFew)
        for one in found.layouts
        if one.biased and isinstance(one.bias, Estimate)
    ]


def claims(results: Results) -> tuple[Claim, ...]:
    """Everything that the report asserts about a part of the company."""
    return tuple(_claims(results))


def _claims(r: Results) -> Iterator[Claim]:
    for topic in list(r.mentions)[:SHOWN]:
        yield Claim("hurts", {"topic": topic}, "most problems", "mentions")
    for spot in r.hotspots:
        where = {"topic": spot.topic, spot.dimension: spot.value}
        yield Claim("hotspot", where, "more often than elsewhere", "hotspots")
    for change in r.changes:
        for moved in change.moved:
            yield Claim("changed", moved.slice, change.metric, f"change-{change.metric}")
    for rise in r.rises:
        yield Claim("rise", {"topic": rise.topic, rise.dimension: rise.value}, "rises", "rises")
    for mix in r.mixes:
        if rates.mix_matters(mix):
            yield Claim("mix", {mix.dimension: rates.mover(mix)}, "mix shift", "mix")
    if not isinstance(r.problems, TooFew):
        for bar in r.problems.bars:
            if bar.changed:
                yield Claim("rate", {"topic": bar.name}, "rate changed", "mentions")
    for spike in r.spikes:
        yield Claim("spike", spike.slice, spike.severity, "spikes")
    for one, judged in r.initiatives:
        about = {"initiative": one.initiative_id, **one.slice}
        yield Claim("initiative", about, judged.verdict, "initiatives")
    yield from _method_claims(r)


def _method_claims(r: Results) -> Iterator[Claim]:
    if (group := worst_resolved(r)) is not None:
        yield Claim("snowball", {"topic": group.name}, "lowest resolution", "snowballs")
    if not isinstance(r.kano, TooFew):
        for attribute in r.kano.attributes:
            if attribute.sure:
                where = {"dimension": attribute.name}
                yield Claim("kano", where, attribute.kano_class, "attributes")
    if not isinstance(r.servqual, TooFew) and r.servqual.dimensions[0].gap.below(0):
        where = {"dimension": r.servqual.dimensions[0].name}
        yield Claim("servqual", where, "largest gap", "attributes")
    for team, _ in cold_teams(r):
        yield Claim("style", {"team": team}, "cold", "teams")
    for scale, bias in biased_layouts(r):
        yield Claim("layout", {"scale": scale}, "higher" if bias.value > 0 else "lower", "ratings")
    if not isinstance(r.themes.found, TooFew):
        for theme in r.themes.found:
            terms = next(iter(theme.cluster.terms.values()), ())
            yield Claim("emerging", {}, ", ".join(terms[:3]), "emerging")


def tiles(c: Context) -> tuple[Tile, ...]:
    """The figures on top of the page."""
    now, before = c.results.overview.now, c.results.overview.before
    overview = c.results.overview
    found = [_tile(c, "contacts", c.format.count(now.contacts), _was(c, before.contacts))]
    if overview.complaint_share is not None:
        old = before.complaints / before.contacts if before.contacts else None
        value = c.format.share(overview.complaint_share.value)
        was = c.words.text("tile.before", value=c.format.share(old)) if old is not None else ""
        found.append(_tile(c, "complaint_share", value, was))
    problems = c.results.problems
    if c.results.volume and not isinstance(problems, TooFew):
        value = c.format.decimal(problems.total.rate.value, 1)
        old_rate = problems.total.previous
        was = "" if old_rate is None else c.words.text(
            "tile.before", value=c.format.decimal(old_rate.value, 1))  # fmt: skip
        label = c.words.text("tile.rate", per=rates.per(c))
        found.append(Tile(label, value, was, "mentions"))
    return (*found, *_score_tiles(c))


def _score_tiles(c: Context) -> Iterator[Tile]:
    now, before = c.results.scores.now, c.results.scores.before
    if not isinstance(now.csat, TooFew):
        old = before.csat
        was = "" if isinstance(old, TooFew) else _before(c, c.format.share(old.share.value))
        yield Tile(c.words.text("tile.csat"), c.format.share(now.csat.share.value), was, "ratings")
    if not isinstance(now.nps, TooFew):
        last = before.nps
        was = "" if isinstance(last, TooFew) else _before(c, _points(c, last.score.value))
        yield Tile(c.words.text("tile.nps"), _points(c, now.nps.score.value), was, "ratings")
    snowballs = c.results.snowballs
    if not isinstance(snowballs, TooFew) and isinstance(snowballs.total.fcr, Estimate):
        value = c.format.share(snowballs.total.fcr.value)
        yield Tile(c.words.text("tile.fcr"), value, "", "snowballs")


def _points(c: Context, value: float) -> str:
    return c.format.decimal(value, 0, signed=True)


def _before(c: Context, value: str) -> str:
    return c.words.text("tile.before", value=value)


def _tile(c: Context, name: str, value: str, was: str) -> Tile:
    return Tile(c.words.text(f"tile.{name}"), value, was, "overview")


def _was(c: Context, count: int) -> str:
    return c.words.text("tile.before", value=c.format.count(count)) if count else ""
