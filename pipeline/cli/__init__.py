"""The command line: `voc`. The only package that knows all the others; it wires them together."""

from __future__ import annotations

import signal
import threading

__all__ = ["main"]


def main() -> None:
    """Runs `voc`; see `pipeline.cli.main`."""
    # Ctrl-C while the commands load ends the process as it does any other: without a traceback.
    interactive = threading.current_thread() is threading.main_thread()
    if interactive:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pipeline.cli.main import main as run  # noqa: PLC0415 -- half a second, see above

    if interactive:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()
