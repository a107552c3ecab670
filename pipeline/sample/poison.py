"""Events that cannot be processed, so that a demo has dead letters to show."""

from __future__ import annotations

import orjson


def poison() -> list[bytes]:
    """Two broken events: JSON that is cut off, and a rating that its keypad does not have."""
    cut = b'{"contact_id": "app-broken-1", "occurred_at": "2026-02-2'
    keyless = {
        "contact_id": "ivr-broken-2",
        "occurred_at": "2026-02-27T11:20:00+09:00",
        "channel": "ivr",
        "ratings": [{"kind": "csat", "value": 7, "scale": "keypad-1-2-3"}],
    }
    return [cut, orjson.dumps(keyless)]
