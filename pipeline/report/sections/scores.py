"""Sections about ratings: NPS and the like, Kano and its relatives, layout bias."""

from __future__ import annotations

from pipeline.analysis import kano as penalty
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.kano import KanoClass
from pipeline.analysis.layout import Layout, LayoutBias
from pipeline.analysis.ratings import Nps
from pipeline.report import charts
from pipeline.report.model import Block, Chart, Heading, Section
from pipeline.report.sections.context import Context, Value


def scores(c: Context) -> Section:
    """NPS, CSAT, CES, stars and loyalty, now and before."""
    now, before = c.results.scores.now, c.results.scores.before
    rows: list[tuple[Value, ...]] = []
    for name in ("nps", "csat", "ces", "stars"):
        pair = getattr(now, name), getattr(before, name)
        change = {
            "nps": c.results.scores.nps_change,
            "csat": c.results.scores.csat_change,
        }.get(name)
        size = "–" if isinstance(pair[0], TooFew) else c.format.count(_score(pair[0]).n)
        values = [one if isinstance(one, TooFew) else _score(one) for one in pair]
        rows.append((c.words.text(f"score.{name}"), size, values[0], values[1], change))
    columns = ("score", "answers", "now", "before", "change")
    blocks: list[Block] = [c.table(c.words.text("scores.table"), columns, rows, "ratings")]
    loyal = c.results.scores.loyalty
    if isinstance(loyal, TooFew):
        blocks.append(c.few(loyal, "scores.loyalty_few"))
    else:
        blocks.append(c.say("scores.loyalty", "ratings", secure=loyal.secure, risk=loyal.at_risk))
    if now.unusable:
        number = c.format.count(sum(now.unusable.values()))
        blocks.append(c.care("scores.unusable", number=number))
    return c.section("scores", blocks)


def _score(one: object) -> Estimate:
    found = one.score if isinstance(one, Nps) else one.share  # type: ignore[attr-defined]
    assert isinstance(found, Estimate)
    return found


def kano(c: Context) -> Section:
    """Penalty-reward contrast, Vavra's grid, Kano questions, resource boundaries."""
    blocks = _contrast(c, "kano", c.results.kano, "attributes")
    blocks.append(Heading(c.words.text("kano.derived_title")))
    blocks += _contrast(c, "kano_derived", c.results.kano_derived, "rated-topics")
    blocks.append(Heading(c.words.text("kano.timko_title")))
    blocks += _timko(c)
    blocks.append(Heading(c.words.text("kano.vavra_title")))
    blocks += _vavra(c)
    blocks.append(Heading(c.words.text("kano.boundary_title")))
    blocks += _boundaries(c)
    return c.section("kano", blocks)


def class_name(c: Context, kind: KanoClass, *, sure: bool) -> str:
    """A Kano class's name, with a mark if it is not sure."""
    name = c.words.text(f"kano_class.{kind}")
    return name if sure else c.words.text("kano.unsure", name=name)


def _contrast(c: Context, name: str, found: penalty.Kano | TooFew, query: str) -> list[Block]:
    if isinstance(found, TooFew):
        return [c.few(found, "kano.few")]
    rows = [
        (c.words.attribute(a.name), a.penalty, a.reward, a.asymmetry,
         class_name(c, a.kano_class, sure=a.sure))
        for a in found.attributes
    ]  # fmt: skip
    columns = ("attribute", "penalty", "reward", "asymmetry", "kano_class")
    table = c.table(c.words.text(f"chart.{name}_table"), columns, rows, query, texts=(0, 4))
    spots = [
        charts.Spot(c.words.attribute(a.name), -a.penalty.value, a.reward.value, a.impact, a.sure)
        for a in found.attributes
    ]
    axes = c.words.text("axis.penalty"), c.words.text("axis.reward")
    kinds = (KanoClass.ATTRACTIVE, KanoClass.PERFORMANCE, KanoClass.MUST_BE, KanoClass.INDIFFERENT)
    names = [c.words.text(f"kano_class.{kind}") for kind in kinds]
    middle = 0.05
    figure = charts.grid(spots, axes, (middle, middle), (names[0], names[1], names[2], names[3]))
    answers = c.say("kano.answers", query, answers=float(found.answers))
    legend = tuple(spot.label for spot in spots)
    title = c.words.text(f"chart.{name}")
    return [answers, Chart(name.replace("_", "-"), title, figure, table, legend)]


def _timko(c: Context) -> list[Block]:
    found = c.results.timko
    if isinstance(found, TooFew):
        return [c.few(found, "kano.timko_few")]
    rows = [
        (c.words.attribute(p.name), c.format.count(p.answers), p.better, p.worse,
         class_name(c, p.kano_class, sure=p.sure))
        for p in found.points
    ]  # fmt: skip
    columns = ("attribute", "answers", "better", "worse", "kano_class")
    return [c.table(c.words.text("kano.timko_table"), columns, rows, "attributes", texts=(0, 4))]


def _vavra(c: Context) -> list[Block]:
    found = c.results.vavra
    if isinstance(found, TooFew):
        return [c.few(found, "kano.vavra_few")]
    rows = [
        (c.words.attribute(p.name), p.stated, c.format.decimal(p.derived),
         c.words.text(f"vavra.{p.cell}"))
        for p in found.points
    ]  # fmt: skip
    columns = ("attribute", "stated", "derived", "kano_class")
    return [c.table(c.words.text("kano.vavra_table"), columns, rows, "attributes", texts=(0, 3))]


def _boundaries(c: Context) -> list[Block]:
    rows: list[tuple[Value, ...]] = []
    for name, found in c.results.boundaries:
        label = c.words.attribute(name)
        if isinstance(found, TooFew):
            rows.append((label, found, None, None, None))
        else:
            at: Value = found.at or c.words.text("kano.no_boundary")
            reached = c.format.share(found.reached, 0) if found.at else "–"
            rows.append((label, at, found.below, found.beyond, reached))
    if not rows:
        return [c.few(TooFew("attributes", 0, 1))]
    columns = ("attribute", "boundary", "slope_below", "slope_beyond", "reached")
    return [c.table(c.words.text("kano.boundary_table"), columns, rows, "attributes")]


def layouts(c: Context) -> Section:
    """How much of a score is the questionnaire's."""
    blocks: list[Block] = []
    for channel, found in c.results.layouts.items():
        blocks.append(Heading(c.words.member("channel", channel)))
        blocks += _layout(c, found)
    return c.section("layouts", blocks or [c.words("layouts.one")])


def _layout(c: Context, found: LayoutBias | TooFew) -> list[Block]:
    if isinstance(found, TooFew):
        return [c.few(found)]
    reference = scale_name(c, found.reference)
    blocks: list[Block] = []
    for one in found.layouts:
        if one.biased and isinstance(one.bias, Estimate):
            key = "layouts.higher" if one.bias.value > 0 else "layouts.lower"
            blocks.append(
                c.say(key, "ratings", layout=scale_name(c, one.scale), reference=reference,
                      bias=one.bias)
            )  # fmt: skip
    if not blocks:
        blocks.append(c.words("layouts.none"))
    rows = [_row(c, one) for one in found.layouts]
    columns = ("layout", "answers", "mean_score", "bias", "first_key", "default_key")
    blocks.append(c.table(c.words.text("layouts.table"), columns, rows, "ratings"))
    return blocks


def _row(c: Context, one: Layout) -> tuple[Value, ...]:
    bias: Value = c.words.text("layouts.reference") if one.bias is None else one.bias
    size = c.format.count(one.answers)
    return scale_name(c, one.scale), size, one.mean, bias, one.first_key, one.default_key


def scale_name(c: Context, name: str) -> str:
    """A scale as its keys read: `keypad-1-2-3 (1 = satisfied, 2 = …)`."""
    scale = c.scales.get(name)
    if scale is None or len(scale.keys) > 3:
        return name
    labels = scale.labels[c.words.locale]
    keys = ", ".join(f"{key:g} = {labels[key]}" for key in scale.keys)
    return f"{name} ({keys})"
