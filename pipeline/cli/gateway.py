"""`voc gateway`: HTTP in, Kafka out."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline import logs, settings
from pipeline.cli.console import err
from pipeline.cli.options import ConfigFile

if TYPE_CHECKING:
    from pipeline.gateway import GatewayServer


def gateway(
    config: ConfigFile = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: gateway.host, 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port, 0 for a free one. Default: gateway.port, 8080.")
    ] = None,
) -> None:
    """Take contacts over HTTP; each is answered after Kafka has it.

    POST /v1/contacts takes one object, an array, or one object a line. /openapi.json describes
    every field and answer. Ctrl-C or SIGTERM answers what is under way, then leaves.

    Examples:
        voc gateway
        voc gateway --host 0.0.0.0 --port 8080
        curl localhost:8080/v1/contacts -H 'Content-Type: application/json' -d @contacts.json
    """
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    loaded = settings.load(config, {"gateway": given})
    logs.setup(loaded.log.level, loaded.log.format)
    if asyncio.run(_run(loaded)) == signal.SIGINT:
        raise typer.Exit(130)


async def _run(loaded: settings.Settings) -> int:
    """Serves until a signal comes; returns it."""
    # aiohttp and kafka-python take half a second to import: `voc --help` must not pay for them.
    from pipeline.gateway import GatewayServer, Reach  # noqa: PLC0415
    from pipeline.kafka import Producer  # noqa: PLC0415
    from pipeline.kafka.admin import require_topics  # noqa: PLC0415

    kafka = loaded.kafka
    topics = [kafka.topics.contacts, kafka.topics.volumes, kafka.topics.initiatives]
    stopped = _signals()
    # One deadline for both: what is answered as failed is not tried any longer either.
    connecting = partial(Producer, kafka, timeout=loaded.gateway.ack_timeout)
    producer = await asyncio.to_thread(connecting)
    try:
        reach = Reach(lambda: require_topics(kafka, topics))
        server = GatewayServer(loaded.gateway, kafka.topics, producer, reach)
        return await _serve(server, kafka.bootstrap, stopped)
    finally:
        await asyncio.to_thread(producer.close)


async def _serve(server: GatewayServer, bootstrap: str, stopped: asyncio.Future[int]) -> int:
    address = await server.start()
    err.print(f"listening on {address}, sending to {bootstrap}", markup=False, soft_wrap=True)
    try:
        number = await stopped
        err.print("leaving: answering what is under way", markup=False)
    finally:
        await server.stop()
    return number


def _signals() -> asyncio.Future[int]:
    """Ends with the first SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def settle(number: int) -> None:
        if not stopped.done():
            stopped.set_result(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, settle, int(number))
    return stopped
