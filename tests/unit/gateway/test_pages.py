"""Probes, metrics, the OpenAPI document and the page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from pipeline.clock import ManualClock
from pipeline.contract import contact_from, initiative_from, volume_from
from pipeline.errors import KafkaUnavailable
from pipeline.gateway import Reach, openapi
from pipeline.settings import GatewaySettings

DOCUMENT = openapi(GatewaySettings())


async def _get(gateway: Any, path: str) -> tuple[int, str, Any]:
    async with gateway.client.get(path) as response:
        return response.status, await response.text(), response.headers


async def test_readiness_follows_kafka(start: Any, contact: Any) -> None:
    gateway = await start()
    assert (await _get(gateway, "/readyz"))[0] == 503
    await gateway.post(contact())
    assert (await _get(gateway, "/readyz"))[:2] == (200, "ready\n")
    gateway.clock.advance(31)
    status, text, _ = await _get(gateway, "/readyz")
    assert (status, "Kafka" in text) == (503, True)
    assert (await _get(gateway, "/healthz"))[0] == 200


async def test_a_leaving_gateway_is_not_ready_and_takes_nothing(start: Any, contact: Any) -> None:
    gateway = await start()
    gateway.reach.seen()
    gateway.reach.leaving = True
    assert (await _get(gateway, "/readyz"))[0] == 503
    assert (await gateway.post(contact()))[0] == 503
    assert gateway.sink.sent == []


async def test_the_probe_is_asked_only_when_nothing_else_answers() -> None:
    clock, asked = ManualClock(), []
    trouble: list[KafkaUnavailable] = [KafkaUnavailable("no broker at a:1")]

    def probe() -> None:
        asked.append(clock.elapsed)
        if trouble:
            raise trouble[0]

    reach = Reach(probe, clock)
    await reach.ask_if_due()
    assert not reach.ready
    assert "no broker at a:1" in reach.words
    trouble.clear()
    await reach.ask_if_due()
    assert reach.ready
    await reach.ask_if_due()
    assert len(asked) == 2
    clock.advance(10)
    reach.seen()
    await reach.ask_if_due()
    assert len(asked) == 2
    clock.advance(10)
    await reach.ask_if_due()
    assert len(asked) == 3


async def test_metrics_count_routes_and_not_paths(start: Any, contact: Any) -> None:
    gateway = await start()
    await gateway.post(contact())
    for number in range(3):
        await _get(gateway, f"/no/such/{number}")
    status, text, headers = await _get(gateway, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert 'voc_gateway_requests_total{route="/v1/contacts",status="202"}' in text
    assert 'voc_gateway_requests_total{route="other",status="404"}' in text
    assert "no/such" not in text
    assert "voc_gateway_request_seconds_bucket" in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/v1/contacts", 405), ("DELETE", "/metrics", 405)],
)
async def test_other_paths_and_methods(start: Any, method: str, path: str, status: int) -> None:
    gateway = await start()
    async with gateway.client.request(method, path) as response:
        assert response.status == status
        assert response.headers["Content-Type"] == "application/problem+json"
        assert (await response.json(content_type=None))["status"] == status
        assert ("Allow" in response.headers) is (status == 405)


def test_the_document_keeps_the_rules_of_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    OpenAPIV31SpecValidator(
        openapi(GatewaySettings(tokens=["0123456789abcdef"]))  # type: ignore[list-item]
    ).validate()


def test_the_rules_find_a_broken_document() -> None:
    broken = {**DOCUMENT, "paths": {"/x": {"get": {"responses": {"200": {}}}}}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_only_what_needs_a_token_says_so() -> None:
    guarded = openapi(GatewaySettings(tokens=["0123456789abcdef"]))  # type: ignore[list-item]
    assert guarded["paths"]["/v1/contacts"]["post"]["security"] == [{"token": []}]
    assert "security" not in guarded["paths"]["/healthz"]["get"]
    assert "security" not in DOCUMENT["paths"]["/v1/contacts"]["post"]


@pytest.mark.parametrize(
    ("plural", "read"),
    [("contacts", contact_from), ("volumes", volume_from), ("initiatives", initiative_from)],
)
def test_the_examples_are_valid_events(plural: str, read: Any) -> None:
    body = DOCUMENT["paths"][f"/v1/{plural}"]["post"]["requestBody"]
    examples = body["content"]["application/json"]["examples"]
    read(examples["one"]["value"])
    validator = _validator(body["content"]["application/json"]["schema"])
    for example in examples.values():
        validator.validate(example["value"])


def test_the_embedded_schemas_refuse_what_the_contract_refuses() -> None:
    validator = _validator({"$ref": "#/components/schemas/Contact"})
    good = DOCUMENT["paths"]["/v1/contacts"]["post"]["requestBody"]["content"]["application/json"][
        "examples"
    ]["one"]["value"]
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, "channel": "pigeon"})
    assert not validator.is_valid({**good, "occurred_at": 7})
    assert not validator.is_valid({k: v for k, v in good.items() if k != "text"})


async def test_answers_fit_the_document(start: Any, contact: Any) -> None:
    gateway = await start()
    validator = _validator({"$ref": "#/components/schemas/ContactAnswer"})
    problem = _validator({"$ref": "#/components/schemas/Problem"})
    for body in (contact(), [contact(), {}], {}):
        validator.validate((await gateway.post(body))[1])
    problem.validate((await gateway.raw(b"{"))[1])


async def test_the_routes_and_the_document_are_the_same(start: Any) -> None:
    gateway = await start()
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in gateway.client.app.router.routes()
        if route.method != "HEAD"
    }
    documented = {(method, path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert routes == documented
    status, text, headers = await _get(gateway, "/openapi.json")
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8")
    assert text.startswith('{"openapi":"3.1.0"')


async def test_the_page_links_to_what_is_there(start: Any) -> None:
    gateway = await start()
    status, text, headers = await _get(gateway, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    links: list[str] = []

    class Links(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            links.extend(value or "" for name, value in attrs if name == "href")

    Links().feed(text)
    assert links
    for link in links:
        assert (await _get(gateway, link))[0] in {200, 503}, link


def _validator(schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, validate_formats=True
    )
