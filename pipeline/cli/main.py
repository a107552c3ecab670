"""The `voc` command: subcommands, exit codes, no traceback at users."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from pipeline import __version__
from pipeline.cli import (
    classify,
    config,
    dead,
    demo,
    explain,
    gateway,
    initiatives,
    loading,
    model,
    reclassify,
    report,
    schema,
    taxonomy,
    topics,
    volumes,
    warehouse,
    watch,
    worker,
)
from pipeline.cli.console import complain
from pipeline.errors import VocError

app = typer.Typer(
    name="voc",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Reads every customer contact as it happens and says what is broken, why, and whose it is."
    "\n\nNew here?  `voc demo` shows everything on this machine in about a minute.",
    epilog="Settings come from voc.toml and VOC_… variables: `voc config --reference`.",
)

_TRY, _IN, _RUN, _ASK, _MODEL = "Try it", "Contacts in", "Run it", "Ask it", "What reads them"

app.command("demo", rich_help_panel=_TRY)(demo.demo)
app.command("up", rich_help_panel=_TRY)(demo.up)
app.command("send", rich_help_panel=_IN)(loading.send)
app.add_typer(volumes.app, name="volumes", rich_help_panel=_IN)
app.add_typer(initiatives.app, name="initiatives", rich_help_panel=_IN)
app.command("gateway", rich_help_panel=_IN)(gateway.gateway)
app.add_typer(schema.app, name="schema", rich_help_panel=_IN)
app.command("worker", rich_help_panel=_RUN)(worker.worker)
app.command("watch", rich_help_panel=_RUN)(watch.watch)
app.add_typer(topics.app, name="topics", rich_help_panel=_RUN)
app.command("migrate", rich_help_panel=_RUN)(warehouse.migrate)
app.add_typer(dead.app, name="dead", rich_help_panel=_RUN)
app.command("config", rich_help_panel=_RUN)(config.config)
app.command("report", rich_help_panel=_ASK)(report.report)
app.command("explain", rich_help_panel=_ASK)(explain.explain)
app.command("query", rich_help_panel=_ASK)(warehouse.query)
app.command("forget", rich_help_panel=_ASK)(warehouse.forget)
app.command("classify", rich_help_panel=_MODEL)(classify.classify)
app.command("reclassify", rich_help_panel=_MODEL)(reclassify.reclassify)
app.add_typer(taxonomy.app, name="taxonomy", rich_help_panel=_MODEL)
app.add_typer(model.app, name="model", rich_help_panel=_MODEL)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"voc {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that every command shares."""


def main() -> None:
    """Runs the command line; errors become one readable message and an exit code."""
    # Without any handler, Python prints the warnings and tracebacks that libraries log.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        app()
    except VocError as error:
        complain(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe went away (`voc query … | head`): silence the flush at exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
