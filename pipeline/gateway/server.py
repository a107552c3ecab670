"""Listening, and leaving without losing an answer."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from aiohttp import web

from pipeline.clock import SystemClock
from pipeline.errors import ConfigError
from pipeline.gateway.access import is_loopback
from pipeline.gateway.app import application
from pipeline.gateway.reach import Reach
from pipeline.gateway.sink import Sink
from pipeline.settings import GatewaySettings, Topics

log = logging.getLogger(__name__)

_GRACE = 2.0
"""Seconds beyond the longest wait for Kafka: time to write the answers."""


@dataclass
class GatewayServer:
    """The gateway on its address. `start`, then `stop`, in one event loop."""

    settings: GatewaySettings
    topics: Topics
    sink: Sink
    reach: Reach
    _runner: web.AppRunner | None = field(default=None, init=False)
    _watch: asyncio.Task[None] | None = field(default=None, init=False)

    async def start(self) -> str:
        """Listens; returns the address as `http://host:port`.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        app = application(self.settings, self.topics, self.sink, self.reach, SystemClock())
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=self.settings.ack_timeout + _GRACE
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self.settings.host, self.settings.port).start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigError(
                f"cannot listen on {self.settings.host}:{self.settings.port}: {error.strerror}",
                fix="Set VOC_GATEWAY__PORT (--port) to another port, or 0 for a free one.",
            ) from error
        self._runner = runner
        self._watch = asyncio.create_task(self.reach.watch())
        self.warn()
        host, port = runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """Refuses new requests and returns when those under way are answered.

        That takes `ack_timeout` and two seconds at the longest.
        """
        self.reach.leaving = True
        if self._watch:
            self._watch.cancel()
        if self._runner:
            await self._runner.cleanup()

    def warn(self) -> None:
        """Says so where everybody on the network may send."""
        if not self.settings.tokens and not is_loopback(self.settings.host):
            log.warning(
                "anybody who reaches %s may send contacts: set VOC_GATEWAY__TOKENS",
                self.settings.host,
            )
