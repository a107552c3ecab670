"""The gateway's routes, and what surrounds every one of them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import orjson
from aiohttp import web

from pipeline import metrics
from pipeline.clock import Clock, SystemClock
from pipeline.gateway import index
from pipeline.gateway.access import Doorman
from pipeline.gateway.ingest import Answer, Ingest
from pipeline.gateway.items import KINDS
from pipeline.gateway.limits import Memory, RateLimit
from pipeline.gateway.openapi import openapi
from pipeline.gateway.problem import Problem
from pipeline.gateway.reach import Reach
from pipeline.gateway.sink import Courier, Sink
from pipeline.settings import GatewaySettings, Topics

log = logging.getLogger("pipeline.gateway.access")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


def application(
    settings: GatewaySettings,
    topics: Topics,
    sink: Sink,
    reach: Reach,
    clock: Clock | None = None,
) -> web.Application:
    """The gateway. Whoever runs it also runs `reach.watch()`, and closes `sink` after it."""
    clock = clock or SystemClock()
    ingest = Ingest(
        settings=settings,
        topics={"contact": topics.contacts, "volume": topics.volumes}
        | {"initiative": topics.initiatives},
        courier=Courier(sink, timeout=settings.ack_timeout),
        reach=reach,
        clock=clock,
        doorman=Doorman(token.get_secret_value() for token in settings.tokens),
        rate=RateLimit(settings.rate, settings.burst, clock),
        memory=Memory(settings.memory),
        pool=ThreadPoolExecutor(2, thread_name_prefix="gateway-read"),
    )
    app = web.Application(middlewares=[_observe, _problems])
    for kind in KINDS:
        app.router.add_post(f"/v1/{kind.plural}", ingest.route(kind))
    app.router.add_get("/", _page(index.page(settings), "text/html"))
    app.router.add_get("/openapi.json", _page(orjson.dumps(openapi(settings)), "application/json"))
    app.router.add_get("/metrics", _metrics)
    app.router.add_get("/healthz", _page(b"ok\n", "text/plain"))
    app.router.add_get("/readyz", _readiness(reach))
    app.cleanup_ctx.append(_threads(ingest))
    return app


def _threads(ingest: Ingest) -> Callable[[web.Application], AsyncIterator[None]]:
    async def lifetime(_app: web.Application) -> AsyncIterator[None]:
        yield
        ingest.courier.close()
        ingest.pool.shutdown(wait=False, cancel_futures=True)

    return lifetime


def _page(body: bytes, kind: str) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=_SAFE)

    return handler


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(
        body=metrics.exposition(), headers={**_SAFE, "Content-Type": metrics.CONTENT_TYPE}
    )


def _readiness(reach: Reach) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        status = 200 if reach.ready else 503
        return web.Response(text=f"{reach.words}\n", status=status, headers=_SAFE)

    return handler


@web.middleware
async def _observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Counts, times and logs a request: never an id, a text, an address, or a path as it came."""
    route = _route(request)
    started = perf_counter()
    with metrics.REQUESTS_IN_FLIGHT.track_inprogress():
        response = await handler(request)
    seconds = perf_counter() - started
    metrics.REQUESTS.labels(route, str(response.status)).inc()
    metrics.REQUEST_SECONDS.labels(route).observe(seconds)
    level = logging.INFO if route.startswith("/v1/") else logging.DEBUG
    items = response.number if isinstance(response, Answer) else 0
    log.log(
        level,
        "%s %s %d, %d items, %.3f s",
        _method(request),
        route,
        response.status,
        items,
        seconds,
    )
    return response


def _route(request: web.Request) -> str:
    """The route's own path, so that the label stays bounded whatever is asked for."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "other"


def _method(request: web.Request) -> str:
    return request.method if request.method in {"GET", "HEAD", "POST"} else "other"


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal is a problem document, also those of aiohttp and of our own faults."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        response = Problem(405, f"this path takes {allowed}").response()
        response.headers["Allow"] = allowed
        return response
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return Problem(error.status, "nothing is here: / lists the paths").response()
    except Exception:
        log.exception("a request failed")
        return Problem(500, "the gateway failed; its log says why").response()
