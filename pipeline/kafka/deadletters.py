"""Dead letters: reading them, and putting the events back where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from pipeline.clock import Clock, SystemClock
from pipeline.contract import DeadLetter, InvalidEvent, parse_dead_letter
from pipeline.contract.values import EPOCH
from pipeline.errors import KafkaError
from pipeline.kafka.producer import Delivery, Message, Producer
from pipeline.kafka.reading import Seen, read_to_end
from pipeline.settings import KafkaSettings

ATTEMPT_HEADER = "voc-attempt"
"""How often the event has been tried with this one; the worker writes it into the next letter."""
REPLAY_HEADER = "voc-replay-of"
TIME_HEADER = "voc-original-timestamp"

_CHUNK_LETTERS = 200
_CHUNK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; what is empty does not select. `ids` may be beginnings of ids."""

    ids: tuple[str, ...] = ()
    reason: str = ""
    topic: str = ""
    since: datetime | None = None

    def matches(self, letter: DeadLetter) -> bool:
        """Whether the letter is among them."""
        return (
            (not self.ids or letter.dead_id.startswith(self.ids))
            and self.reason in {"", letter.reason_code.value}
            and self.topic in {"", source_topic(letter)}
            and (self.since is None or letter.failed_at >= self.since)
        )


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one letter: where its event is now, or why it is nowhere."""

    letter: DeadLetter
    result: Delivery | KafkaError


def source_topic(letter: DeadLetter) -> str:
    """The topic the event came from; `#epoch`, which tells recreated topics apart, is ours."""
    return letter.source.topic.partition("#")[0]


def letters(
    kafka: KafkaSettings, selection: Selection, seen: Seen | None = None
) -> Iterator[DeadLetter]:
    """The selected letters, one at a time, oldest first within a partition.

    A letter that was written twice (the worker repeats until Kafka confirms) comes once; records
    that are no dead letters are passed over.
    """
    known: set[str] = set()
    for record in read_to_end(kafka, kafka.topics.dead, seen):
        with suppress(InvalidEvent):
            letter = parse_dead_letter(record.value or b"")
            if letter.dead_id not in known and selection.matches(letter):
                known.add(letter.dead_id)
                yield letter


def replayed_ids(kafka: KafkaSettings) -> dict[str, datetime]:
    """The ids of letters that were put back, and when last.

    They come from the topic `kafka.topics.replays`: one record per replay, keyed by the id, written
    after the event itself was confirmed. It is kept as long as the letters are, and a record there
    is younger than its letter, so no letter outlives the memory of its replay.
    """
    found: dict[str, datetime] = {}
    for record in read_to_end(kafka, kafka.topics.replays):
        if record.key:
            found[record.key.decode(errors="replace")] = at(record.timestamp)
    return found


def replay(
    kafka: KafkaSettings,
    producer: Producer,
    chosen: Iterable[DeadLetter],
    clock: Clock | None = None,
) -> Iterator[Replayed]:
    """Puts the events back into their topics; each is noted once it is confirmed.

    Bytes and key are the original ones. Headers carry the attempt, the letter's id and the original
    Kafka time in milliseconds; the record's own time is now, so that no retention limit eats it
    before it is read. When the event happened is in the event. Replaying twice is harmless: a
    contact's id is stored once (within warehouse.duplicate_days), volumes and initiatives replace
    what has their key.
    """
    clock = clock or SystemClock()
    for chunk in _chunks(chosen):
        results = producer.send_all([_original(letter) for letter in chunk])
        placed = [(x, at) for x, at in zip(chunk, results, strict=True) if isinstance(at, Delivery)]
        notes = producer.send_all([_note(kafka, x, place, clock.now()) for x, place in placed])
        noted = {x.dead_id: note for (x, _), note in zip(placed, notes, strict=True)}
        for letter, result in zip(chunk, results, strict=True):
            note = noted.get(letter.dead_id)
            yield Replayed(letter, note if isinstance(note, KafkaError) else result)


def _chunks(chosen: Iterable[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Letters that are sent together: few enough for memory, many enough for speed."""
    chunk: list[DeadLetter] = []
    size = 0
    for letter in chosen:
        chunk.append(letter)
        size += len(letter.payload or b"")
        if len(chunk) >= _CHUNK_LETTERS or size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _original(letter: DeadLetter) -> Message:
    headers = (
        (ATTEMPT_HEADER, str(letter.attempt + 1).encode()),
        (REPLAY_HEADER, letter.dead_id.encode()),
        (TIME_HEADER, str(milliseconds(letter.timestamp)).encode()),
    )
    # Without key and value there is nothing that Kafka could store; empty bytes are read the same.
    return Message(source_topic(letter), letter.key, letter.payload or b"", headers)


def _note(kafka: KafkaSettings, letter: DeadLetter, place: Delivery, now: datetime) -> Message:
    note: dict[str, Any] = {
        "dead_id": letter.dead_id,
        "replayed_at": now.isoformat(),
        "attempt": letter.attempt + 1,
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
    }
    return Message(kafka.topics.replays, letter.dead_id.encode(), orjson.dumps(note))


def at(timestamp_ms: int) -> datetime:
    """Kafka's milliseconds as a time in UTC."""
    return EPOCH + timedelta(milliseconds=timestamp_ms)


def milliseconds(when: datetime) -> int:
    """A time as Kafka's milliseconds."""
    return (when - EPOCH) // timedelta(milliseconds=1)
