"""The gateway and the loader must agree: a repeat under another key would miss its twin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from pipeline import resources
from pipeline.gateway import items
from pipeline.sources import KINDS

NOW = datetime(2099, 1, 1, tzinfo=UTC)
EXAMPLES = [
    (kind, path)
    for kind in KINDS
    for path in sorted((resources.schemas() / "events" / KINDS[kind].event / "valid").glob("*"))
]


@pytest.mark.parametrize(("kind", "path"), EXAMPLES, ids=[path.stem for _, path in EXAMPLES])
def test_gateway_and_loader_use_the_same_key(kind: str, path: Any) -> None:
    event = orjson.loads(path.read_bytes())
    route = next(each for each in items.KINDS if each.event == KINDS[kind].event)
    assert KINDS[kind].check(orjson.dumps(event), NOW) == route.key(event, NOW)


def test_a_contact_s_key_is_its_id_whatever_its_customer() -> None:
    event = {
        "contact_id": "a1",
        "occurred_at": "2026-03-01T00:00:00Z",
        "channel": "chat",
        "text": "x",
        "customer_id": "c1",
    }
    assert KINDS["contacts"].check(orjson.dumps(event), NOW) == b"a1"
