"""The worker end to end: real broker, real warehouse, real model, as child processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient

from pipeline.local.worker import environment, fetch
from pipeline.stream.lane import SLOTS

pytestmark = pytest.mark.local

POISON = (b"not json", b'{"contact_id": "no-time"}', b"[1, 2]", b"\xff\xfe")


def _events(pipe: Any, outcome: str, worker: Any) -> float:
    return pipe.metric(worker, f'voc_events_total{{event="contact",outcome="{outcome}"}}')


def test_contacts_volumes_and_initiatives_become_rows_and_poison_becomes_letters(
    pipe: Any,
) -> None:
    topics = pipe.settings.kafka.topics
    worker = pipe.start()
    pipe.send_contacts(range(200))
    pipe.stored(200)
    pipe.send(topics.contacts, POISON)
    pipe.send_contacts(range(200, 300))
    pipe.send(
        topics.volumes,
        [
            {
                "name": "orders",
                "period_start": "2026-02-01T00:00:00Z",
                "period_end": "2026-02-02T00:00:00Z",
                "value": value,
            }
            for value in (100, 120)
        ],
    )
    started = {
        "initiative_id": "i-1",
        "title": "Pack better",
        "owner": "logistics",
        "started_at": "2026-02-10T00:00:00Z",
        "topics": ["delivery"],
    }
    pipe.send(topics.initiatives, [started])
    pipe.stored(300)
    pipe.wait_for(lambda: pipe.count("SELECT count() FROM initiatives"))
    pipe.wait_for(lambda: pipe.count("SELECT sum(value) FROM volumes") == 120)

    pipe.assert_exactly(300)
    languages = dict(pipe.warehouse.query("SELECT language, count() FROM contacts GROUP BY 1").rows)
    assert languages == {"en": 100, "ko": 100, "zh-Hans": 50, "zh-Hant": 50}
    raw = pipe.count("SELECT countIf(customer LIKE 'customer%' OR customer = '') FROM contacts")
    assert raw == 0

    letters = pipe.dead_letters(len(POISON))
    assert Counter(x.payload for x in letters) == Counter(POISON)
    assert {x.source.topic for x in letters} == {topics.contacts}

    pipe.wait_for(lambda: pipe.metric(worker, "voc_lag_events{") == 0)
    assert _events(pipe, "stored", worker) == 300
    assert _events(pipe, "dead", worker) == len(POISON)
    assert pipe.metric(worker, "voc_assigned_partitions") == 12
    assert pipe.metric(worker, "voc_model_info{") == 1
    pipe.wait_for(lambda: pipe.metric(worker, "voc_clause_cache_hits_total") > 0)
    assert pipe.metric(worker, "voc_in_flight_events") == 0
    assert pipe.metric(worker, "voc_event_to_row_seconds_count") == 305 + 2


def test_a_contact_that_comes_twice_is_stored_once(pipe: Any) -> None:
    worker = pipe.start()
    pipe.send_contacts([*range(40), *range(40)])
    pipe.stored(40)
    pipe.send_contacts(range(60))
    pipe.stored(60)
    pipe.wait_for(lambda: _events(pipe, "duplicate", worker) == 80)
    pipe.assert_exactly(60)


def test_while_the_warehouse_is_away_the_same_block_is_repeated(own_pipe: Any) -> None:
    pipe = own_pipe
    worker = pipe.start()
    pipe.send_contacts(range(300))
    pipe.stored(1)
    pipe.stack.warehouse.child.kill()
    pipe.send_contacts(range(300, 600))
    waiting = 'voc_waiting{target="warehouse"}'
    pipe.wait_for(lambda: pipe.metric(worker, waiting) == 1)
    retries = pipe.metric(worker, 'voc_retries_total{target="warehouse"}')
    assert retries >= 1
    assert fetch(worker.port, "/healthz").startswith("ok: waiting for warehouse")
    pipe.stack.warehouse.restart()
    pipe.stored(600)
    pipe.assert_exactly(600)
    assert pipe.metric(worker, waiting) == 0
    assert worker.child.alive


def test_after_kill_9_the_last_block_is_repeated_and_nothing_doubles(pipe: Any) -> None:
    first = pipe.start()
    pipe.send_contacts(range(200))
    pipe.stored(60)
    first.child.kill()
    pipe.send_contacts(range(200, 400))
    second = pipe.start()
    pipe.stored(400)
    pipe.assert_exactly(400)
    assert pipe.metric(second, 'voc_blocks_replayed_total{event="contact"}') >= 1


def test_sigterm_finishes_and_a_successor_finds_nothing_left(pipe: Any) -> None:
    first = pipe.start()
    pipe.send_contacts(range(300))
    pipe.stored(1)
    assert first.child.stop(30) == 0
    stored = pipe.count()
    second = pipe.start()
    pipe.stored(300)
    pipe.assert_exactly(300)
    assert stored + _events(pipe, "stored", second) == 300


def test_two_workers_share_the_partitions_and_a_rebalance_loses_and_doubles_nothing(
    pipe: Any,
) -> None:
    first = pipe.start()
    pipe.send_contacts(range(400))
    pipe.stored(50)
    second = pipe.start()
    share = "voc_assigned_partitions"
    pipe.wait_for(lambda: pipe.metric(first, share) and pipe.metric(second, share))
    assert pipe.metric(first, share) + pipe.metric(second, share) == 12
    pipe.send_contacts(range(400, 800))
    pipe.wait_for(lambda: _events(pipe, "stored", second))
    assert second.child.stop(30) == 0
    pipe.send_contacts(range(800, 1000))
    pipe.stored(1000)
    pipe.assert_exactly(1000)
    pipe.wait_for(lambda: pipe.metric(first, share) == 12)


def test_a_recreated_topic_is_refused_until_the_epoch_is_raised(pipe: Any) -> None:
    topic = pipe.settings.kafka.topics.contacts
    worker = pipe.start()
    pipe.send_contacts(range(100))
    pipe.stored(100)
    worker.child.stop(30)
    admin = KafkaAdminClient(bootstrap_servers=pipe.stack.kafka)
    admin.delete_topics([topic])
    pipe.recreate_topics()
    admin.close()
    pipe.send_contacts(range(100, 200))

    refused = pipe.start(wait=False)
    pipe.wait_for(lambda: not refused.child.alive)
    assert refused.child.status == 69
    assert "VOC_WORKER__TOPIC_EPOCH" in refused.child.text()
    assert pipe.count() == 100

    pipe.start(worker={"topic_epoch": 2})
    pipe.stored(200)
    pipe.assert_exactly(200)


def test_rows_that_the_warehouse_refuses_become_letters_and_spare_their_neighbours(
    pipe: Any,
) -> None:
    constraint = "ADD CONSTRAINT refuse CHECK product != 'refused'"
    pipe.warehouse.execute(f"ALTER TABLE contact_rows {constraint}")
    worker = pipe.start()
    pipe.send_contacts(range(60))
    pipe.send_contacts(range(60, 63), product="refused")
    pipe.send_contacts(range(63, 120))
    pipe.stored(117)
    letters = pipe.dead_letters(3)
    assert {x.reason_code for x in letters} == {"warehouse"}
    assert {x.stage for x in letters} == {"insert"}
    assert len({x.dead_id for x in letters}) == 3
    pipe.assert_exactly(117)
    assert pipe.metric(worker, "voc_blocks_bisected_total{") >= 1


def test_a_tombstone_is_a_letter_without_a_payload(pipe: Any) -> None:
    pipe.start()
    pipe.producer.send(pipe.settings.kafka.topics.contacts, b"gone", None).result(30)
    pipe.send_contacts(range(5))
    pipe.stored(5)
    [letter] = pipe.dead_letters(1)
    assert (letter.key, letter.payload) == (b"gone", None)


def test_memory_stays_bounded_while_the_warehouse_is_away(own_pipe: Any) -> None:
    pipe = own_pipe
    worker = pipe.start(worker={"buffer": 500, "poll_records": 500, "block_rows": 100})
    pipe.stack.warehouse.child.kill()
    pipe.send_contacts(range(4000))
    pipe.wait_for(lambda: pipe.metric(worker, 'voc_waiting{target="warehouse"}') == 1)
    taken = pipe.metric(worker, "voc_in_flight_events")
    assert 0 < taken <= SLOTS * 100
    pipe.stack.warehouse.restart()
    pipe.stored(4000, 240)
    pipe.assert_exactly(4000)


def _fails(pipe: Any, **more: dict[str, object]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", "worker"],
        env=environment(pipe.settings_with(**more)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_wrong_start_says_what_to_do_and_joins_nothing(pipe: Any) -> None:
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"warehouse": {"database": "nowhere"}}, 69, "voc migrate"),
        ({"warehouse": {"port": 1}}, 69, "no ClickHouse at 127.0.0.1:1"),
        ({"kafka": {"bootstrap": "127.0.0.1:1"}}, 69, "127.0.0.1:1"),
        ({"model": {"path": "/nowhere"}}, 78, "/nowhere"),
        ({"privacy": {"secret": "short"}}, 78, "16 bytes"),
        ({"worker": {"port": pipe.stack.warehouse.port}}, 78, "VOC_WORKER__PORT"),
    ]
    for more, status, words in cases:
        result = _fails(pipe, **more)
        said = " ".join(result.stderr.split())
        assert result.returncode == status, said
        assert words in said
        assert "Traceback" not in said


def test_ctrl_c_leaves_in_order_and_a_second_one_at_once(own_pipe: Any) -> None:
    pipe = own_pipe
    worker = pipe.start()
    pipe.stack.warehouse.child.kill()
    pipe.send_contacts(range(50))
    pipe.wait_for(lambda: pipe.metric(worker, 'voc_waiting{target="warehouse"}') == 1)
    worker.child.interrupt()
    pipe.wait_for(lambda: "stopping" in worker.child.text())
    before = time.monotonic()
    worker.child.interrupt()
    pipe.wait_for(lambda: not worker.child.alive)
    assert worker.child.status == 130
    assert time.monotonic() - before < pipe.settings.worker.drain
