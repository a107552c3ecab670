"""The page at /: what somebody who opens the address in a browser needs to know."""

from __future__ import annotations

from pipeline import __version__
from pipeline.settings import GatewaySettings

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>voc gateway</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c1c1c; background: #fff }}
pre {{ background: #f3f3f3; padding: 1rem; overflow-x: auto }}
dt {{ font-family: ui-monospace, monospace; margin-top: .6rem }}
</style>
<main>
<h1>voc gateway {version}</h1>
<p>Send a contact; it is answered after Kafka has it. Sending the same <code>contact_id</code>
again is safe: it counts once.</p>
<pre tabindex="0">curl http://HOST:PORT/v1/contacts \\
  -H 'Content-Type: application/json' {token}\\
  -d '{{"contact_id": "web-1001", "occurred_at": "2026-03-02T09:15:00+08:00",
       "channel": "chat", "text": "The parcel came three days late."}}'</pre>
<dl>
<dt>POST /v1/contacts</dt><dd>one object, an array, or one object a line
(<code>application/x-ndjson</code>); at most {items:,} items and {size:,} bytes</dd>
<dt>POST /v1/volumes</dt><dd>business counts that contact rates are divided by</dd>
<dt>POST /v1/initiatives</dt><dd>actions that somebody owns</dd>
<dt><a href="/openapi.json">/openapi.json</a></dt><dd>every field and answer, OpenAPI 3.1</dd>
<dt><a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a>,
<a href="/metrics">/metrics</a></dt><dd>for probes and Prometheus</dd>
</dl>
</main>
</html>
"""


def page(settings: GatewaySettings) -> bytes:
    """The page. It names no host and no token."""
    token = '-H "Authorization: Bearer $TOKEN" ' if settings.tokens else ""
    return _PAGE.format(
        version=__version__, token=token, items=settings.max_items, size=settings.max_body
    ).encode()
