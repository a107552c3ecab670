"""What becomes of a contact event: fields, attributes, times, and errors that say the way out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract import (
    MAX_EVENT_BYTES,
    ContractViolation,
    FieldError,
    InvalidEvent,
    MalformedEvent,
    OversizedEvent,
    contact_event,
    contact_from,
    parse_contact,
    validate_contact,
)
from pipeline.domain.contact import Channel, Handling, Language, Rating, Speaker, Turn
from pipeline.domain.scales import Scales

MINIMAL: dict[str, Any] = {
    "contact_id": "c-1",
    "occurred_at": "2026-03-02T17:15:00+08:00",
    "channel": "email",
    "text": "Nobody answers.",
}
FULL: dict[str, Any] = {
    "contact_id": "c-2",
    "occurred_at": "2026-03-02T09:15:00.123456789Z",
    "channel": "call",
    "turns": [{"speaker": "agent", "text": "您好"}, {"speaker": "customer", "text": "太慢了"}],
    "language": "zh-Hans",
    "customer_value": 12,
    "order_value": 3,
    "ratings": [{"kind": "csat", "value": 2, "scale": "satisfaction-1-5", "dimension": "wait"}],
    "handling": {
        "wait_seconds": 3,
        "duration_seconds": 4.5,
        "transfers": 1.0,
        "resolved": False,
        "recovery": ["fix", "admit"],
    },
}
TEXT_FIELDS = (
    *("customer_id", "customer_tier", "product", "version", "region", "site", "team"),
    *("agent_id", "campaign", "order_id", "reply_to"),
)


def _errors(event: Any) -> list[FieldError]:
    with pytest.raises(InvalidEvent) as refused:
        parse_contact(orjson.dumps(event))
    return list(refused.value.errors)


def test_every_field_reaches_the_contact() -> None:
    contact = parse_contact(orjson.dumps(FULL | {name: f"its {name}" for name in TEXT_FIELDS}))
    assert contact.contact_id == "c-2"
    assert contact.occurred_at == datetime(2026, 3, 2, 9, 15, 0, 123456, tzinfo=UTC)
    assert contact.channel is Channel.CALL
    assert contact.turns == (Turn(Speaker.AGENT, "您好"), Turn(Speaker.CUSTOMER, "太慢了"))
    assert contact.language is Language.ZH_HANS
    assert (contact.customer_value, contact.order_value) == (12.0, 3.0)
    assert contact.ratings == (Rating("csat", 2.0, "satisfaction-1-5", "wait"),)
    assert contact.handling == Handling(3.0, 4.5, 1, False, ("fix", "admit"))
    assert isinstance(contact.handling.transfers, int)
    assert {name: getattr(contact, name) for name in TEXT_FIELDS} == {
        name: f"its {name}" for name in TEXT_FIELDS
    }
    assert contact.attributes == {}


def test_times_are_in_utc_whatever_their_zone() -> None:
    contact = parse_contact(orjson.dumps(MINIMAL))
    assert contact.occurred_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert contact.occurred_at.tzinfo is UTC


def test_unknown_fields_become_attributes_as_text_in_the_event_s_order() -> None:
    unknown = {"z": "as it is", "n": 4, "f": 0.5, "yes": True, "nested": {"a": [1, "二"]}}
    given = {"attributes": {"own": 7, "flag": False, "name": "x"}}
    contact = parse_contact(orjson.dumps(MINIMAL | unknown | given | {"nothing": None}))
    assert list(contact.attributes.items()) == [
        *[("own", "7"), ("flag", "false"), ("name", "x"), ("z", "as it is")],
        *[("n", "4"), ("f", "0.5"), ("yes", "true"), ("nested", '{"a":[1,"二"]}')],
    ]


def test_exactly_50_attributes_of_1000_characters_are_kept() -> None:
    unknown = {f"u{n}": "字" * 1000 for n in range(25)}
    given = {f"g{n}": "字" * 1000 for n in range(25)}
    contact = parse_contact(orjson.dumps(MINIMAL | unknown | {"attributes": given}))
    assert contact.attributes == unknown | given
    fields = [error.field for error in _errors(MINIMAL | unknown | {"one": 1, "attributes": given})]
    assert fields == ["attributes"]


def test_the_event_itself_is_not_changed() -> None:
    event = orjson.loads(orjson.dumps(FULL | {"extra": 1, "attributes": {"a": 1}}))
    before = orjson.dumps(event)
    contact_from(event)
    assert orjson.dumps(event) == before


def test_an_event_of_exactly_256_kib_is_read_and_one_byte_more_is_not() -> None:
    event = orjson.dumps(MINIMAL)
    fitting = event + b" " * (MAX_EVENT_BYTES - len(event))
    assert parse_contact(fitting).text == "Nobody answers."
    with pytest.raises(OversizedEvent, match="262,145 bytes, at most 262,144") as refused:
        parse_contact(fitting + b" ")
    assert refused.value.reason_code == "too_large"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"a": NaN}',
        b"{}{}",
        b'{"a": "\\ud800"}',
        b"[" * 5000,
    ],
)
def test_what_is_not_one_json_object_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedEvent) as refused:
        parse_contact(raw)
    assert refused.value.reason_code == "malformed_json"
    assert refused.value.errors[0].field == ""


@pytest.mark.parametrize(
    ("name", "field"),
    [("extra", "extra"), ("handling", ""), ("text", ""), ("attributes", ""), ("ratings", "")],
)
def test_deep_nesting_is_refused_and_does_not_crash(name: str, field: str) -> None:
    # 400 levels: orjson reads up to 1,024, writes 254, and jsonschema-rs walks 255.
    rest = {key: value for key, value in MINIMAL.items() if key != name}
    nested = b"[" * 400 + b"]" * 400
    with pytest.raises(ContractViolation, match="nested too deeply") as refused:
        parse_contact(orjson.dumps(rest)[:-1] + b',"%s":%s}' % (name.encode(), nested))
    assert [error.field for error in refused.value.errors] == [field]


@pytest.mark.parametrize(
    ("ahead", "accepted"), [(timedelta(days=1), True), (timedelta(days=1, seconds=1), False)]
)
def test_now_refuses_contacts_more_than_a_day_ahead(ahead: timedelta, accepted: bool) -> None:
    now = datetime(2026, 3, 2, 9, 15, tzinfo=UTC) - ahead
    errors = validate_contact(MINIMAL, now=now)
    assert [error.field for error in errors] == ([] if accepted else ["occurred_at"])
    assert validate_contact(MINIMAL) == []


def test_other_scales_replace_the_product_s(tmp_path: Path) -> None:
    labels = "".join(
        f"      {locale}: {{0: a, 1: b}}\n" for locale in ("zh-Hans", "zh-Hant", "ko", "en")
    )
    path = tmp_path / "scales.yaml"
    path.write_text(
        "version: 1\nscales:\n  own:\n    description: d\n    orientation: ascending\n"
        f"    keys: [0, 1]\n    default_key: null\n    top_box: [1]\n    labels:\n{labels}"
    )
    event = MINIMAL | {"ratings": [{"kind": "other", "value": 1, "scale": "own"}]}
    assert [error.field for error in validate_contact(event)] == ["ratings[0].scale"]
    assert validate_contact(event, scales=Scales.load(path)) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contact_id": None}, "contact_id is null: it must be text, or leave the field out"),
        (
            {"customer_value": "12"},
            "customer_value is text: it must be a number (write it without quotes)",
        ),
        (
            {"handling": {"transfers": 1.5}},
            "handling.transfers is a number: it must be a whole number",
        ),
        ({"handling": {"resolved": 1}}, "handling.resolved is a number: it must be true or false"),
        ({"ratings": {}}, "ratings is an object: it must be a list"),
        (
            {"channel": "phone"},
            (
                "channel is phone, which is not known: use one of call, chat, email, survey, ivr,"
                " review, social, store, app, sms, other"
            ),
        ),
        (
            {"occurred_at": "2026-03-02 09:15"},
            (
                "occurred_at is not a date and time with its zone:"
                " write it like 2026-03-01T09:30:00+08:00"
            ),
        ),
        ({"contact_id": ""}, "contact_id is empty: fill it in or leave it out"),
        ({"order_value": -1}, "order_value is too small: it must be at least 0"),
        (
            {"ratings": [{"kind": "csat", "value": 6, "scale": "keypad-5-3-1"}]},
            (
                "ratings[0].value is not a key of keypad-5-3-1: use one of 5, 3, 1,"
                " or name another scale"
            ),
        ),
        (
            {"turns": []},
            (
                "text is given together with turns:"
                " send the conversation as turns or as one text, not both"
            ),
        ),
    ],
)
def test_messages_say_what_is_wrong_and_the_way_out(change: dict[str, Any], message: str) -> None:
    assert message in [error.message for error in _errors(MINIMAL | change)]


def test_missing_fields_are_all_named_at_once() -> None:
    errors = _errors({})
    assert [error.field for error in errors] == ["contact_id", "occurred_at", "channel", "text"]


SECRET = "Kim 010-1234-5678"


@pytest.mark.parametrize(
    "change",
    [
        {"contact_id": SECRET},
        {"text": SECRET * 2000},
        {"text": {SECRET: SECRET}},
        {"channel": SECRET},
        {"language": SECRET},
        {"customer_id": [SECRET]},
        {"customer_id": SECRET * 20},
        {"occurred_at": SECRET},
        {"ratings": [{"kind": SECRET, "value": SECRET, "scale": SECRET, SECRET: 1}]},
        {"text": None, "turns": [{"speaker": SECRET, "text": 5, SECRET: SECRET}]},
        {"handling": {"recovery": [SECRET], SECRET: SECRET}},
        {"attributes": {SECRET: [SECRET], "note": SECRET * 100}},
        {SECRET: SECRET * 100},
        {SECRET * 20: SECRET},
    ],
)
def test_errors_never_repeat_what_a_customer_said_or_is(change: dict[str, Any]) -> None:
    with pytest.raises(ContractViolation) as refused:
        parse_contact(orjson.dumps(MINIMAL | change))
    told = [str(refused.value), *(f"{e.field} {e.message}" for e in refused.value.errors)]
    assert not [words for words in told if "1234" in words or "Kim" in words]


def test_an_event_with_hundreds_of_faults_reports_twenty() -> None:
    event = {**MINIMAL, "text": "", "ratings": [{}] * 100}
    errors = _errors(event)
    assert len(errors) == 20
    with pytest.raises(ContractViolation, match=r"and 17 more\n  Correct the event"):
        contact_from(event)


def test_a_dict_with_keys_that_are_not_text_is_refused() -> None:
    assert [error.field for error in validate_contact({**MINIMAL, 1: "x"})] == [""]  # type: ignore[dict-item]


def test_a_number_that_json_is_not_written_with_is_refused_wherever_it_stands() -> None:
    # Decoded by the standard library: orjson reads such numbers as floats.
    event = {**MINIMAL, "attributes": {"a": 10**40}, "b": 10**40}
    assert [error.field for error in validate_contact(event)] == ["attributes.a", "b"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([*FULL, *MINIMAL, "attributes", "extra"]), JSON))
def test_any_json_is_either_read_or_refused_with_errors(change: dict[str, Any]) -> None:
    event = {**MINIMAL, **change}
    errors = validate_contact(event)
    assert all(error.message.startswith(error.field or "the event") for error in errors)
    if not errors:
        contact = contact_from(event)
        assert contact_from(contact_event(contact)) == contact
