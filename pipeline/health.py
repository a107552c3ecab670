"""/metrics, /healthz and /readyz of a process, served from a thread of their own.

A thread, not the event loop: a probe must be answered exactly when the loop is stuck.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pipeline import metrics
from pipeline.clock import Clock, SystemClock
from pipeline.errors import ConfigError


@dataclass
class Pulse:
    """When work last moved. Whoever works calls `beat`; the probe asks `stalled`."""

    limit: float
    clock: Clock = field(default_factory=SystemClock)
    ready: bool = False
    doing: str = "starting"
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock.monotonic()

    def beat(self, doing: str | None = None) -> None:
        """Work moved; `doing` names what happens now, for the probe's answer."""
        self._last = self.clock.monotonic()
        self.doing = doing or self.doing

    @property
    def age(self) -> float:
        """Seconds since work last moved."""
        return self.clock.monotonic() - self._last

    @property
    def stalled(self) -> bool:
        return self.age > self.limit


def serve(host: str, port: int, pulse: Pulse) -> tuple[int, Callable[[], None]]:
    """Starts the server; returns its port and the function that stops it.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    try:
        server = ThreadingHTTPServer((host, port), _handler(pulse))
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror}",
            fix="Set VOC_WORKER__PORT to another port, or 0 for a free one.",
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return server.server_address[1], stop


def _handler(pulse: Pulse) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = _answer(self.path.partition("?")[0], pulse)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Probes are not news."""

    return Handler


def _answer(path: str, pulse: Pulse) -> tuple[int, str, bytes]:
    plain = "text/plain; charset=utf-8"
    if path == "/metrics":
        return 200, metrics.CONTENT_TYPE, metrics.exposition()
    if path == "/healthz":
        text = f"{'stalled' if pulse.stalled else 'ok'}: {pulse.doing}, {pulse.age:.1f} s ago\n"
        return (503 if pulse.stalled else 200), plain, text.encode()
    if path == "/readyz":
        return (200 if pulse.ready else 503), plain, f"{pulse.doing}\n".encode()
    return 404, plain, b"try /metrics, /healthz or /readyz\n"
