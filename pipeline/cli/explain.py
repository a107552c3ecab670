"""`voc explain`: which slices made a number change, how surely, whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pipeline import resources
from pipeline.cli.console import err, out, print_json, table
from pipeline.cli.options import AsJson, ConfigFile, moment
from pipeline.errors import ConfigError
from pipeline.settings import load

if TYPE_CHECKING:
    from pipeline.explain import Answer, ExplainedCause, Question

_SURE = ((0.0001, "certain"), (0.001, "very likely"), (0.01, "likely"))


def explain(
    metric: Annotated[str, typer.Argument(help="What changed; see the list below.")] = "complaints",
    since: Annotated[str, typer.Option(help="Start of the later period.")] = "7 days",
    until: Annotated[str, typer.Option(help="Its end.")] = "now",
    before: Annotated[
        str, typer.Option(help="Start of the earlier period; default: as long as the later one.")
    ] = "",
    before_until: Annotated[
        str, typer.Option(help="Its end; default: where the later one starts.")
    ] = "",
    where: Annotated[
        list[str] | None, typer.Option(help="Only this slice: dimension=value; repeatable.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="Dimensions to search, joined by commas; default: all.")
    ] = "",
    volume: Annotated[str, typer.Option(help="Business volume of the metric cpx.")] = "",
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Say which slices explain why a number changed between two periods.

    Metrics: complaints, contacts, cpx, complaint-share, negative-share, churn-share, csat, wait.

    Examples:
        voc explain
        voc explain negative-share --since 2026-11-01 --until 2026-11-08
        voc explain complaints --where region=seoul --by topic,product,version
        voc explain cpx --volume orders --since "28 days" --json
    """
    from pipeline.cli.wiring import columns_query, warehouse  # noqa: PLC0415 -- heavy
    from pipeline.domain.taxonomy import Taxonomy  # noqa: PLC0415
    from pipeline.explain import explain as answer_of  # noqa: PLC0415 -- scipy

    question = _question(metric, (since, until, before, before_until), where or [], by, volume)
    settings = load(config)
    taxonomy = Taxonomy.load(resources.taxonomy(settings.model.path))
    with warehouse(settings) as opened, err.status("searching slices …"):
        answer = answer_of(question, columns_query(opened), taxonomy)
    if json:
        print_json(_document(answer))
    else:
        _show(answer)


def _question(
    metric: str, times: tuple[str, str, str, str], where: list[str], by: str, volume: str
) -> Question:
    from pipeline.explain import DIMENSIONS, METRICS, Period, Question  # noqa: PLC0415

    if metric not in METRICS:
        raise ConfigError(
            f"{metric} is not a metric that can be explained", fix=f"Use {', '.join(METRICS)}."
        )
    now = datetime.now(UTC)
    since, until, before, before_until = times
    end = moment(until, now)
    start = moment(since, end)
    if start >= end:
        raise ConfigError("--since is not before --until", fix="Give the earlier time first.")
    earlier_end = moment(before_until, now) if before_until else start
    earlier = moment(before, earlier_end) if before else earlier_end - (end - start)
    if earlier >= earlier_end:
        raise ConfigError("--before is not before --before-until", fix="Swap the two times.")
    return Question(
        METRICS[metric],
        Period(earlier, earlier_end),
        Period(start, end),
        dict(_pair(text) for text in where),
        tuple(name.strip() for name in by.split(",")) if by else DIMENSIONS,
        volume,
    )


def _pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise ConfigError(f"--where {text}: not dimension=value", fix="Write --where region=seoul.")
    return name.strip(), value.strip()


def _show(answer: Answer) -> None:
    question = answer.question
    out.print(Text(_headline(answer), style="bold"))
    if answer.few is not None:
        few = answer.few
        out.print(
            f"Too few contacts to explain anything: {few.have}, at least {few.needed} needed."
        )
        return
    if not answer.causes:
        out.print("No slice stands out: the change is spread over everything, or it is chance.")
    else:
        rows = [_row(question, each) for each in answer.causes]
        out.print(table(("slice", "before", "after", "of the change", "how surely"), rows))
        out.print(f"Together they hold {answer.explained:.0%} of the change.")
    for each in answer.causes:
        _show_voices(each)
    for mix in answer.mix:
        out.print(
            f"Mind the mix: along {mix.dimension} the slices moved by {mix.within:+.4f},"
            f" their weights by {mix.mix:+.4f}."
        )
    if answer.unseen:
        out.print(Text(f"Not searched (one value, or too many): {', '.join(answer.unseen)}", "dim"))


def _headline(answer: Answer) -> str:
    metric = answer.question.metric
    change = f" ({answer.after / answer.before - 1:+.0%})" if answer.before else ""
    old, new = _number(answer.before), _number(answer.after)
    return f"{metric.name}: {old} → {new}{metric.unit}{change}"


def _row(question: Question, each: ExplainedCause) -> tuple[str, ...]:
    del question
    sure = next((word for limit, word in _SURE if each.cause.p_value <= limit), "possible")
    share = f"{each.cause.share:.0%}" if abs(each.cause.share) < 100 else "all and more"
    return _named(each.cause.slice), _number(each.before), _number(each.after), share, sure


def _named(chosen: Mapping[str, str]) -> str:
    return (
        " · ".join(f"{name}={value or '(none)'}" for name, value in chosen.items()) or "everything"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 20 or value == round(value) else f"{value:.4g}"


def _show_voices(each: ExplainedCause) -> None:
    owner = f"  owner: {each.owner} ({each.topic})" if each.owner else ""
    out.print(Text.assemble(("\n" + _named(each.cause.slice), "bold"), (owner, "cyan")))
    for verbatim in each.verbatims:
        out.print(Text(f"  “{verbatim.text}”"), soft_wrap=True)


def _document(answer: Answer) -> dict[str, Any]:
    question = answer.question
    return {
        "metric": question.metric.name,
        "before": {"since": question.before.start, "until": question.before.end},
        "after": {"since": question.after.start, "until": question.after.end},
        "where": question.where,
        "value_before": answer.before,
        "value_after": answer.after,
        "explained": answer.explained,
        "causes": [_cause(each) for each in answer.causes],
        "mix": [{"dimension": m.dimension, "within": m.within, "mix": m.mix} for m in answer.mix],
        "not_searched": answer.unseen,
        "slices_searched": answer.searched,
        "too_few": answer.few and {"have": answer.few.have, "needed": answer.few.needed},
    }


def _cause(each: ExplainedCause) -> dict[str, Any]:
    return {
        "slice": each.cause.slice,
        "before": each.before,
        "after": each.after,
        "share_of_change": each.cause.share,
        "p_value": each.cause.p_value,
        "topic": each.topic,
        "owner": each.owner,
        "verbatims": [
            {"contact_id": v.contact_id, "language": v.language, "text": v.text}
            for v in each.verbatims
        ],
    }
