"""The OpenAPI 3.1 document, made from the event schemas that the gateway validates with."""

from __future__ import annotations

from typing import Any

from pipeline import __version__
from pipeline.contract import event_schema
from pipeline.gateway.body import JSON, NDJSON
from pipeline.gateway.items import KINDS, Kind
from pipeline.gateway.problem import CONTENT_TYPE as PROBLEM
from pipeline.settings import GatewaySettings

_INTERNAL = ("x-", "$id", "$schema", "$defs")

_EXAMPLES: dict[str, dict[str, Any]] = {
    "contact": {
        "contact_id": "web-1001",
        "occurred_at": "2026-03-02T09:15:00+08:00",
        "channel": "chat",
        "text": "The parcel came three days late and nobody answered.",
    },
    "volume": {
        "name": "orders",
        "period_start": "2026-03-02T00:00:00+08:00",
        "period_end": "2026-03-03T00:00:00+08:00",
        "value": 18230,
    },
    "initiative": {
        "initiative_id": "init-7",
        "title": "Parcels leave on the day of the order",
        "owner": "Logistics",
        "started_at": "2026-03-02T00:00:00+08:00",
        "topics": ["delivery"],
    },
}

_ANSWERS = {
    "202": "Kafka has every item.",
    "207": "Some items are accepted, the others are wrong: correct those and send them again.",
    "422": "Every item is wrong.",
    "502": "Kafka refused an item for good; sending it again cannot help.",
    "503": "Kafka did not confirm every item in time (items say which), or the gateway is full or"
    " leaving. Send the request again: items that were accepted count once.",
}
_PROBLEMS = {
    "400": "The body is not JSON in UTF-8 or holds no item; `position` says where.",
    "401": "No bearer token, or one that the gateway does not know.",
    "408": "The body did not arrive in time.",
    "413": "More bytes or items than one request may have.",
    "415": "Another content type than JSON or NDJSON in UTF-8.",
    "429": "More items than this client's rate allows.",
}


def openapi(settings: GatewaySettings) -> dict[str, Any]:
    """The document that /openapi.json answers. It names no host: paths are relative to it."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "voc gateway",
            "version": __version__,
            "description": "Takes contacts, volumes and initiatives, and answers after Kafka has"
            " them. Requests are idempotent: the same contact_id counts once.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {f"/v1/{kind.plural}": {"post": _post(kind, settings)} for kind in KINDS}
        | {path: {"get": operation} for path, operation in _plain().items()},
        "components": {"schemas": _schemas()},
    }
    if settings.tokens:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for kind in KINDS:
            document["paths"][f"/v1/{kind.plural}"]["post"]["security"] = [{"token": []}]
    return document


def _post(kind: Kind, settings: GatewaySettings) -> dict[str, Any]:
    one = {"$ref": f"#/components/schemas/{_title(kind.event)}"}
    many = {"type": "array", "minItems": 1, "maxItems": settings.max_items, "items": one}
    example = _EXAMPLES[kind.event]
    return {
        "operationId": f"post_{kind.plural}",
        "summary": f"Send {kind.plural}: one, an array, or one a line.",
        "description": f"At most {settings.max_body:,} bytes and {settings.max_items:,} items.",
        "requestBody": {
            "required": True,
            "content": {
                JSON: {
                    "schema": {"oneOf": [one, many]},
                    "examples": {"one": {"value": example}, "array": {"value": [example]}},
                },
                NDJSON: {"schema": {"type": "string"}},
            },
        },
        "responses": _responses(kind),
    }


def _responses(kind: Kind) -> dict[str, Any]:
    items = {JSON: {"schema": {"$ref": f"#/components/schemas/{_title(kind.event)}Answer"}}}
    problem = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[str, Any] = {}
    for status, text in _ANSWERS.items():
        content = items | problem if status == "503" else items
        found[status] = {"description": text, "content": content}
    for status, text in _PROBLEMS.items():
        found[status] = {"description": text, "content": problem}
    for status in ("429", "503"):
        found[status]["headers"] = {
            "Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}
        }
    return dict(sorted(found.items()))


def _plain() -> dict[str, dict[str, Any]]:
    def operation(name: str, summary: str, answers: dict[str, str], kind: str) -> dict[str, Any]:
        content = {kind: {"schema": {"type": "object" if kind == JSON else "string"}}}
        responses = {s: {"description": text, "content": content} for s, text in answers.items()}
        return {"operationId": name, "summary": summary, "responses": responses}

    ready = {"200": "Kafka answered lately.", "503": "It did not, or the gateway is leaving."}
    return {
        "/": operation("index", "How to send contacts.", {"200": "A page."}, "text/html"),
        "/healthz": operation("healthz", "Liveness.", {"200": "The loop runs."}, "text/plain"),
        "/readyz": operation("readyz", "Readiness.", ready, "text/plain"),
        "/metrics": operation("metrics", "Prometheus metrics.", {"200": "Text."}, "text/plain"),
        "/openapi.json": operation("openapi", "This document.", {"200": "JSON."}, JSON),
    }


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {"Problem": _problem(), "FieldError": _field_error()}
    for kind in KINDS:
        title = _title(kind.event)
        document = event_schema(kind.event).document
        found[title] = _adopted(document, title)
        for name, definition in document.get("$defs", {}).items():
            found[f"{title}.{name}"] = _adopted(definition, title)
        found[f"{title}Answer"] = _answer(kind)
    return found


def _adopted(node: Any, title: str) -> Any:
    """A piece of an event schema with its references pointed at this document's components."""
    if isinstance(node, list):
        return [_adopted(entry, title) for entry in node]
    if not isinstance(node, dict):
        return node
    adopted = {
        key: _adopted(value, title) for key, value in node.items() if not key.startswith(_INTERNAL)
    }
    if "$ref" in adopted:
        name = adopted["$ref"].removeprefix("#/$defs/")
        adopted["$ref"] = f"#/components/schemas/{title}.{name}"
    return adopted


def _answer(kind: Kind) -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    item = {
        "type": "object",
        "required": ["index", kind.name, "status", "errors"],
        "properties": {
            "index": {**count, "description": "position in the request, from 0"},
            kind.name: {"type": ["string", "null"], "description": "null where it has none"},
            "status": {"enum": ["accepted", "rejected", "failed"]},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        },
    }
    return {
        "type": "object",
        "required": ["accepted", "rejected", "failed", "items"],
        "properties": {
            "accepted": {**count, "description": "Kafka has them"},
            "rejected": {**count, "description": "they break the contract: correct them"},
            "failed": {**count, "description": "Kafka did not confirm them: send them again"},
            "items": {"type": "array", "description": "in the request's order", "items": item},
        },
    }


def _field_error() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["field", "message"],
        "properties": {
            "field": {"type": "string", "description": 'dotted path, "" for the whole item'},
            "message": {"type": "string", "description": "what is wrong and the way out"},
        },
    }


def _problem() -> dict[str, Any]:
    number = {"type": "integer", "minimum": 0}
    return {
        "description": "A request that was refused as a whole (RFC 9457).",
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "position": {
                "type": "object",
                "properties": {"line": number, "column": number, "offset": number},
            },
        },
    }


def _title(event: str) -> str:
    return event.capitalize()
