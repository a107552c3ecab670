"""python -m pipeline.sample: the sample company's events as files.

--write FOLDER   the small files of examples/
--size SIZE      demo, company or a number: contacts as JSON lines on stdout
--seed N         another company of the same kind
--volumes        the volumes instead of the contacts
--truth          what was planted instead of the contacts
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from pipeline import sample
from pipeline.sample.calendar import size_of
from pipeline.sample.files import write_examples


def main(arguments: list[str] | None = None) -> int:
    """Runs the module; returns the exit status, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.sample",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--write", metavar="FOLDER", type=Path)
    parser.add_argument("--size", default="demo", type=_size)
    parser.add_argument("--seed", default=7, type=int)
    parser.add_argument("--volumes", action="store_true")
    parser.add_argument("--truth", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        sys.stderr.writelines(f"{path}\n" for path in write_examples(chosen.write))
        return 0
    try:
        for event in _events(chosen):
            sys.stdout.buffer.write(orjson.dumps(event) + b"\n")
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _events(chosen: argparse.Namespace) -> Iterable[dict[str, Any]]:
    if chosen.truth:
        return [asdict(cause) for cause in sample.truth(chosen.seed, chosen.size).causes]
    if chosen.volumes:
        return sample.volumes(chosen.seed, chosen.size)
    return sample.contacts(chosen.seed, chosen.size)


def _size(value: str) -> str | int:
    """Raises ArgumentTypeError for what is no size."""
    size = int(value) if value.isdigit() else value
    try:
        size_of(size)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return size


if __name__ == "__main__":
    sys.exit(main())
