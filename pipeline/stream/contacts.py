"""Contact events: decode, read, drop what is stored already, insert."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pipeline import metrics
from pipeline.clock import Clock
from pipeline.contract import InvalidEvent, parse_contact
from pipeline.domain.analysis import Analyser, ContactAnalysis
from pipeline.domain.block import Block, Span
from pipeline.domain.contact import Contact
from pipeline.domain.row import ContactRow
from pipeline.domain.scales import Scales
from pipeline.stream.record import Prepared, Record, Rejection
from pipeline.stream.tally import tally

log = logging.getLogger(__name__)


class ContactStore(Protocol):
    """The part of the warehouse that contacts go into."""

    def known(self, contact_ids: Sequence[str], span: Span) -> set[str]: ...
    def insert(self, block: Block[ContactRow]) -> None: ...
    def last_span(self, topic: str, partition: int) -> tuple[Span, datetime] | None: ...
    def stored_rows(self, span: Span) -> int: ...


@dataclass
class ContactHandler:
    """Implements `Handler[ContactRow]`."""

    analyser: Analyser
    store: ContactStore
    scales: Scales
    clock: Clock
    name: str = "contact"

    def prepare(self, records: Sequence[Record]) -> Prepared[ContactRow]:
        """See `Handler.prepare`."""
        prepared: Prepared[ContactRow] = Prepared()
        with metrics.STAGE_SECONDS.labels("decode").time():
            parsed = self._parse(records, prepared.rejections)
        with metrics.STAGE_SECONDS.labels("analyse").time():
            analysed = self._analyse(parsed, prepared.rejections)
        prepared.rows = [(r, ContactRow(c, a, self._scores(c))) for r, c, a in analysed]
        return prepared

    def duplicates(self, rows: Sequence[tuple[Record, ContactRow]], span: Span) -> set[int]:
        """Offsets whose contact_id is stored elsewhere, or comes earlier in the same span."""
        seen = self.store.known([row.contact.contact_id for _, row in rows], span)
        found = set()
        for record, row in rows:
            if row.contact.contact_id in seen:
                found.add(record.source.offset)
            seen.add(row.contact.contact_id)
        return found

    def insert(self, block: Block[ContactRow]) -> None:
        """See `Handler.insert`."""
        self.store.insert(block)

    def last(self, topic: str, partition: int) -> tuple[Span, datetime] | None:
        """See `Handler.last`."""
        return self.store.last_span(topic, partition)

    def stored_rows(self, span: Span) -> int:
        """See `Handler.stored_rows`."""
        return self.store.stored_rows(span)

    def stored(self, rows: Sequence[tuple[Record, ContactRow]]) -> None:
        """See `Handler.stored`."""
        tally(row for _, row in rows)

    def _parse(
        self, records: Sequence[Record], rejections: list[Rejection]
    ) -> list[tuple[Record, Contact]]:
        found = []
        now = self.clock.now()
        for record in records:
            try:
                found.append(
                    (record, parse_contact(record.value or b"", now=now, scales=self.scales))
                )
            except InvalidEvent as error:
                rejections.append(rejected(record, error))
        return found

    def _analyse(
        self, parsed: list[tuple[Record, Contact]], rejections: list[Rejection]
    ) -> list[tuple[Record, Contact, ContactAnalysis]]:
        if not parsed:
            return []
        try:
            analyses = self.analyser.analyse([contact for _, contact in parsed])
        except Exception as error:  # noqa: BLE001 -- a text that crashes the reading must not stop the stream: it is isolated by halving and kept as a dead letter
            if len(parsed) > 1:
                middle = len(parsed) // 2
                left = self._analyse(parsed[:middle], rejections)
                return left + self._analyse(parsed[middle:], rejections)
            record = parsed[0][0]
            log.error("reading %s failed: %s", record.source, type(error).__name__)
            reason = f"the contact cannot be read: {type(error).__name__}"
            rejections.append(Rejection(record, "analysis", "analysis", reason))
            return []
        return [(r, c, a) for (r, c), a in zip(parsed, analyses, strict=True)]

    def _scores(self, contact: Contact) -> tuple[float, ...]:
        return tuple(self.scales.normalise(r.scale, r.value) for r in contact.ratings)


def rejected(record: Record, error: InvalidEvent) -> Rejection:
    """The rejection of an event that breaks its contract."""
    stage = "decode" if error.reason_code in {"malformed_json", "too_large"} else "contract"
    pairs = tuple((e.field, e.message) for e in error.errors)
    return Rejection(record, stage, error.reason_code, error.message, pairs)
