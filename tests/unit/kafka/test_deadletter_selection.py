from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.contract import DeadLetter, build_dead_letter, parse_dead_letter
from pipeline.domain.block import Source
from pipeline.kafka.deadletters import Selection, at, milliseconds, source_topic

FAILED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _letter(topic: str = "contacts.v1", reason: str = "contract") -> DeadLetter:
    return parse_dead_letter(
        build_dead_letter(
            source=Source(topic, 1, 2),
            timestamp=FAILED - timedelta(hours=1, milliseconds=1),
            key=b"k",
            payload=b"{}",
            reason_code=reason,
            reason="why",
            stage="decode",
            failed_at=FAILED,
            version="1",
        )
    )


def test_the_epoch_is_no_part_of_the_topic_s_name() -> None:
    assert source_topic(_letter("contacts.v1#3")) == "contacts.v1"
    assert source_topic(_letter("contacts.v1")) == "contacts.v1"


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [
        (Selection(), True),
        (Selection(reason="contract"), True),
        (Selection(reason="analysis"), False),
        (Selection(since=FAILED), True),
        (Selection(since=FAILED + timedelta(seconds=1)), False),
        (Selection(topic="contacts.v1"), True),
        (Selection(topic="volumes.v1"), False),
        (Selection(ids=("zz",)), False),
        (Selection(ids=(_letter().dead_id[:8], "zz")), True),
        (Selection(ids=(_letter().dead_id,), reason="analysis"), False),
    ],
)
def test_a_selection_takes_what_fits_all_of_it(selection: Selection, wanted: bool) -> None:
    assert selection.matches(_letter()) is wanted


def test_kafka_s_milliseconds_are_exact() -> None:
    when = datetime(2026, 3, 1, 0, 0, 0, 1000, tzinfo=UTC)
    assert milliseconds(when) == 1772323200001
    assert at(milliseconds(when)) == when
