"""Loading: checked records go out, their confirmations come back, and nothing is miscounted."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.contract import FieldError
from pipeline.errors import EventTooLarge, VocError
from pipeline.sources.check import Checked

SHOWN_LINES = 5
_MAX_REASONS = 200
_INDEX = re.compile(r"\[\d+\]")


class Send(Protocol):
    """Sends one event; calls `settled` once, maybe from another thread, with None or the error."""

    def __call__(
        self, key: bytes, event: bytes, settled: Callable[[VocError | None], None]
    ) -> None: ...


Reject = Callable[[Checked], None]


@dataclass
class Reason:
    """How often something was wrong, and the first lines where it was."""

    count: int = 0
    lines: list[int] = field(default_factory=list)


@dataclass
class Outcome:
    """What became of one source.

    `accepted` were confirmed (or, in a dry run, are valid), `rejected` are bad data, `unconfirmed`
    may or may not have arrived. `reasons` counts rejects by what is wrong. `next_line` is where to
    go on if the end was not reached, 0 if it was or if nothing was read.
    """

    name: str
    accepted: int = 0
    rejected: int = 0
    unconfirmed: int = 0
    reasons: dict[str, Reason] = field(default_factory=dict)
    next_line: int = 0
    error: VocError | None = None

    @property
    def finished(self) -> bool:
        """Whether the source was read to its end and everything was settled."""
        return not self.next_line and self.error is None


class Loader:
    """Sends the records of sources one after another.

    `send` and `flush` are the producer's; both None in a dry run. `reject` is told every reject.
    `rate` limits events per second. Set `stopping` (a signal handler does) to end cleanly after
    the record under way: what was sent is still waited for.
    """

    def __init__(
        self,
        *,
        send: Send | None,
        flush: Callable[[], None],
        reject: Reject,
        rate: float = 0.0,
    ) -> None:
        self._send = send
        self._flush = flush
        self._reject = reject
        self._rate = rate
        self.stopping = False
        self.reading = False
        """True while the loader waits for the next record: there a signal may interrupt it."""

    def load(
        self, name: str, records: Iterator[Checked], seen: Callable[[Outcome], None]
    ) -> Outcome:
        """Sends what is valid. `seen` is called with the running outcome, about every 500 records.

        Errors of the source and of Kafka end up in the outcome, after what was sent is settled.
        """
        run = _Run(Outcome(name))
        try:
            self._feed(run, records, seen)
        except VocError as error:
            run.outcome.error = error
        except KeyboardInterrupt:
            self.stopping = True
        self._settle(run)
        seen(run.outcome)
        return run.outcome

    def _feed(self, run: _Run, records: Iterator[Checked], seen: Callable[[Outcome], None]) -> None:
        started, sent = time.monotonic(), 0
        while not self.stopping and not run.failure:
            self.reading = True
            checked = next(records, None)
            self.reading = False
            if checked is None:
                run.at_end = True
                return
            sent += self._one(run, checked)
            run.last_line = checked.line
            if sent % 500 == 0:
                run.count()
                seen(run.outcome)
            if self._rate:
                self._pace(started, sent)

    def _one(self, run: _Run, checked: Checked) -> int:
        if checked.errors:
            run.reject(checked)
            self._reject(checked)
        elif self._send is None:
            run.outcome.accepted += 1
        else:
            self._send(checked.key, checked.event, run.sent(checked))
        return 1

    def _pace(self, started: float, sent: int) -> None:
        ahead = started + sent / self._rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)

    def _settle(self, run: _Run) -> None:
        if self._send is not None:
            try:
                self._flush()
            except VocError as error:
                run.failure = run.failure or error
            except KeyboardInterrupt:
                self.stopping = True  # whoever insists does not wait for confirmations
        for checked in run.too_large():
            run.reject(checked)
            self._reject(checked)
        run.close()


class _Run:
    """The confirmations of one source; `sent`'s callbacks come from the producer's thread."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.last_line = 0
        self.at_end = False
        self.failure: VocError | None = None
        self._lock = threading.Lock()
        self._pending: dict[int, Checked] = {}
        self._confirmed = 0
        self._unsettled_lines: list[int] = []
        self._too_large: list[Checked] = []

    def sent(self, checked: Checked) -> Callable[[VocError | None], None]:
        """What to call when the record is settled."""
        line = checked.line
        self._pending[line] = checked

        def settled(error: VocError | None) -> None:
            del self._pending[line]
            if error is None:
                self._confirmed += 1  # only the producer's thread counts here
                return
            self._failed(checked, error)

        return settled

    def _failed(self, checked: Checked, error: VocError) -> None:
        with self._lock:
            if isinstance(error, EventTooLarge):
                fault = FieldError("", error.message)
                self._too_large.append(Checked(checked.line, checked.raw, errors=(fault,)))
                return
            self._unsettled_lines.append(checked.line)
            self.failure = self.failure or error

    def too_large(self) -> list[Checked]:
        """Events that the broker refused for their size; each is given once."""
        with self._lock:
            found, self._too_large = self._too_large, []
            return found

    def reject(self, checked: Checked) -> None:
        """Counts a reject."""
        self.outcome.rejected += 1
        message = _INDEX.sub("[]", checked.errors[0].message)
        reasons = self.outcome.reasons
        if message not in reasons and len(reasons) >= _MAX_REASONS:
            message = "has other faults"
        reason = reasons.setdefault(message, Reason())
        reason.count += 1
        if len(reason.lines) < SHOWN_LINES:
            reason.lines.append(checked.line)

    def count(self) -> None:
        """Brings the outcome's count of confirmations up to date."""
        self.outcome.accepted = max(self.outcome.accepted, self._confirmed)

    def close(self) -> None:
        """The last word: what is open, and from which line to go on."""
        self.count()
        lost = sorted([*self._pending, *self._unsettled_lines])
        self.outcome.unconfirmed = len(lost)
        self.outcome.error = self.failure or self.outcome.error
        if lost:
            self.outcome.next_line = lost[0]
        elif not self.at_end and self.last_line:
            self.outcome.next_line = self.last_line + 1
