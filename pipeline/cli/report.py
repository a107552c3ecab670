"""`voc report`: one self-contained page for whoever has to act on what customers say."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pipeline import resources
from pipeline.cli.console import err, print_json
from pipeline.cli.options import AsJson, ConfigFile, moment
from pipeline.domain.scales import LOCALES
from pipeline.errors import ConfigError, ModelError, VocError
from pipeline.settings import Settings, load

if TYPE_CHECKING:
    from pipeline.report import Report, Request


def report(
    since: Annotated[str, typer.Option(help="Start of the period.")] = "28 days",
    until: Annotated[str, typer.Option(help="Its end.")] = "now",
    lang: Annotated[str, typer.Option(help="en, ko, zh-Hans or zh-Hant.")] = "en",
    output: Annotated[Path, typer.Option("--out", "-o", help="Where the page is written.")] = Path(
        "report.html"
    ),
    volume: Annotated[
        str, typer.Option(help="Business volume that contacts are divided by; default: orders.")
    ] = "",
    contact_cost: Annotated[
        float | None, typer.Option(min=0, help="What one contact costs you, for repeats.")
    ] = None,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Write the report: what hurts, why, whom, whose it is, what changed, what worked.

    One HTML file that works offline, prints, and reads well on a telephone. With --json the same
    content goes to stdout and no file is written.

    Examples:
        voc report
        voc report --since 2026-02-01 --until 2026-03-01 --lang ko --out february.html
        voc report --since "91 days" --volume orders --json
    """
    request = _request(since, until, lang, volume, contact_cost)
    settings = load(config)
    made = _build(settings, request)
    if json:
        from pipeline.report import document  # noqa: PLC0415 -- numpy

        print_json(document(made))
        return
    _write(settings, made, output)
    if browse:
        webbrowser.open(output.resolve().as_uri())


def _request(since: str, until: str, lang: str, volume: str, contact_cost: float | None) -> Request:
    from pipeline.analysis.period import Period  # noqa: PLC0415 -- numpy
    from pipeline.report import Request  # noqa: PLC0415

    if lang not in LOCALES:
        raise ConfigError(f"there is no report in {lang!r}", fix=f"Use {', '.join(LOCALES)}.")
    end = moment(until, datetime.now(UTC))
    start = moment(since, end)
    if start >= end:
        raise ConfigError("--since is not before --until", fix="Give the earlier time first.")
    return Request(Period(start, end), lang, volume, contact_cost)


def _build(settings: Settings, request: Request) -> Report:
    from pipeline.cli.wiring import columns_query, warehouse  # noqa: PLC0415 -- heavy
    from pipeline.contract import default_scales  # noqa: PLC0415
    from pipeline.domain.taxonomy import Taxonomy  # noqa: PLC0415
    from pipeline.report import build  # noqa: PLC0415
    from pipeline.warehouse import require_migrated  # noqa: PLC0415

    taxonomy = Taxonomy.load(resources.taxonomy(settings.model.path))
    with warehouse(settings) as opened, err.status("asking the warehouse …") as status:
        require_migrated(opened)
        query = columns_query(opened)
        _check_volume(query, request.volume)
        return build(
            query,
            request,
            datetime.now(UTC),
            taxonomy=taxonomy,
            scales=default_scales(),
            embed=_embedder(settings),
            progress=lambda step: status.update(f"asking for {step} …"),
        )


def _check_volume(query: Callable[..., Any], name: str) -> None:
    """A volume that was asked for and is not there is a slip, not a reason for another one."""
    if not name:
        return
    found = query("SELECT DISTINCT name FROM volumes ORDER BY name", {})
    names = list(found.get("name", ()))
    if name not in names:
        known = f"Use {', '.join(names)}." if names else "Send some with `voc volumes`."
        raise ConfigError(f"there is no volume {name!r}", fix=known)


def _embedder(settings: Settings) -> Callable[[Sequence[str]], Any]:
    """The model's embedding, loaded when the first text needs it."""

    def embed(texts: Sequence[str]) -> Any:
        from pipeline.cli.wiring import classifier  # noqa: PLC0415 -- onnxruntime

        try:
            return classifier(settings).embed(texts)
        except ModelError as error:
            err.print(Text(f"no model for emerging subjects: {error.message}", style="yellow"))
            return None

    return embed


def _write(settings: Settings, made: Report, output: Path) -> None:
    from pipeline.domain.taxonomy import Taxonomy  # noqa: PLC0415
    from pipeline.report import page  # noqa: PLC0415 -- jinja2

    taxonomy = Taxonomy.load(resources.taxonomy(settings.model.path))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page(made, taxonomy), encoding="utf-8")
    except OSError as error:
        raise VocError(
            f"cannot write {output}: {error.strerror or error}", fix="Choose another --out."
        ) from error
    if made.empty:
        err.print(Text(made.subtitle, style="yellow"))
    err.print(Text.assemble("Written: ", (str(output), "bold")), soft_wrap=True)
    err.print(Text(f"Open it: {output.resolve().as_uri()}", style="dim"), soft_wrap=True)
