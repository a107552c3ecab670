"""HTTP ingest: contacts, volumes and initiatives in, events on Kafka out, one answer per item.

An item is answered `accepted` only after Kafka acknowledged it.  Requests are idempotent: a contact
that is sent again with the same `contact_id` counts once, and a later volume or initiative of the
same key replaces the earlier one.  So whoever is in doubt sends the request again.

Answers to a POST:

    202  every item is accepted
    207  some are accepted, the others are wrong: correct those, the rest is done
    400  the body is not JSON, with the position, or holds no item
    401  no bearer token, or one that is not known
    408  the body did not arrive in time
    413  more bytes or items than a request may have
    415  another content type than JSON or NDJSON in UTF-8
    422  every item is wrong
    429  more contacts than the client's rate allows; Retry-After says when
    502  Kafka refused an item for good; sending it again cannot help
    503  Kafka did not acknowledge every item, or the gateway is full or leaving; Retry-After

202, 207, 422, 502 and 503 after reading list the items; everything else is a problem (RFC 9457).
"""

from __future__ import annotations

from pipeline.gateway.app import application
from pipeline.gateway.openapi import openapi
from pipeline.gateway.reach import Reach
from pipeline.gateway.server import GatewayServer
from pipeline.gateway.sink import Sink

__all__ = ["GatewayServer", "Reach", "Sink", "application", "openapi"]
