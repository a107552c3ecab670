"""`python -m pipeline.local.front --data DIR --port N`: runs until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path

from pipeline.errors import VocError
from pipeline.local.front.server import FrontServer


def main() -> int:
    """Prints `listening HOST:PORT` once clients can connect."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.local.front", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps the tables")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1 or ::1")
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    # Blocked before the engine starts its threads, which inherit it: the signal waits for sigwait.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        server = FrontServer(options.data, options.host, options.port)
    except VocError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    server.start()
    sys.stdout.write(f"listening {server.host}:{server.port}\n")
    sys.stdout.flush()
    signal.sigwait(ends)
    if not server.close():
        os._exit(0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
