"""`python -m models.training STAGE`: builds the default model from wheels and a data folder."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from models.training import stages


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m models.training", description=__doc__)
    parser.add_argument("stage", choices=[*stages.STAGES, "all"])
    parser.add_argument("--wheels", type=Path, help="folder of the unpacked wheels")
    parser.add_argument("--data", type=Path, required=True, help="folder with annotated/ and pool/")
    parser.add_argument("--work", type=Path, required=True, help="checkpoints and caches")
    parser.add_argument("--out", type=Path, default=Path("models/contact-small"))
    parser.add_argument("--taxonomy", type=Path, default=Path("schemas/taxonomy.yaml"))
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--layers", type=int, default=4, choices=[3, 4, 6])
    parser.add_argument("--pieces", type=int, default=24_000, help="size of the vocabulary")
    parser.add_argument("--visits", type=int, default=400_000, help="texts shown in stage one")
    parser.add_argument("--tune", type=int, default=60_000, help="texts shown in stage two")
    parser.add_argument("--minutes", type=float, default=float("inf"),
                        help="end a training stage after this time at the latest")  # fmt: skip
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--revision", default="dev", help="name of the result, by date")
    parser.add_argument("--permissive-only", action="store_true",
                        help="leave out sources without a permissive licence")  # fmt: skip
    return parser.parse_args()


def main() -> None:
    """Runs one stage, or all in order."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options = _arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    wanted = stages.STAGES if options.stage == "all" else [options.stage]
    for name in wanted:
        stages.STAGES[name](options)


if __name__ == "__main__":
    main()
