"""The report as one HTML file that needs nothing else: styles, charts and data are in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.domain.taxonomy import Taxonomy
from pipeline.report.log import runnable
from pipeline.report.model import Block, Chart, Report
from pipeline.report.wording import Words

FOLDER = Path(__file__).parent / "templates"


def page(report: Report, taxonomy: Taxonomy) -> str:
    """The HTML document."""
    words = Words(report.request.locale, taxonomy)
    charts = [block for section in report.sections for block in section.blocks]
    figures = {block.id: block.figure for block in charts if isinstance(block, Chart)}
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            words=words,
            style=Markup((FOLDER / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - ours
            script=Markup((FOLDER / "page.js").read_text(encoding="utf-8")),  # noqa: S704 - ours
            plotly=Markup(_plotly()) if figures else "",  # noqa: S704 - the library's own file
            figures=_json(figures) if figures else "",
            kind=_kind,
            runnable=runnable,
            cites=list(report.queries),
            quote_language=_language,
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _plotly() -> str:
    """plotly.js, once; a `</script` inside it would end the element early."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - five megabytes

    return re.sub(r"</(script)", r"<\\/\1", get_plotlyjs(), flags=re.IGNORECASE)


def _json(value: object) -> Markup:
    """JSON that no text in it can break out of."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - escaped above


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _language(language: str) -> str:
    """A contact's language as an HTML `lang`; "" where it is not known."""
    return "" if language == "und" else language


def outline(report: Report) -> Sequence[tuple[str, str]]:
    """Anchors and names of the sections, for a table of contents."""
    return [(section.id, section.title) for section in report.sections]
