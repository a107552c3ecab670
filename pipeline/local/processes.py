"""Child processes that answer, that leave a log, and that never outlive their parent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.errors import LocalStackError

HOST = "127.0.0.1"
POLL_SECONDS = 0.05
_PORTS, _PORT_TRIES = range(20_000, 32_000), 50
_given: set[int] = set()
_TAIL_LINES, _TAIL_BYTES = 8, 16_384
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Child:
    """A process with its log. `ready` says whether it answers; it is asked until it does.

    The child has a session of its own, so that Ctrl-C in a terminal reaches only the parent, which
    then stops its children in order. It dies with the *thread* that started it (Linux ties the
    death signal to that): start children from a thread that lives as long as they should.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        ready: Callable[[Child], bool],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._ready = ready
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Returns once the process exists; see `wait`.

        Raises:
            LocalStackError: the program or its log cannot be opened.
        """
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            with self.log.open("ab") as sink:
                self._log_start = sink.tell()
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    start_new_session=True,
                    preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 -- one system call, takes no lock
                )
        except OSError as error:
            raise LocalStackError(
                f"the {self.name} cannot be started: {error.strerror} ({error.filename})"
            ) from error

    def wait(self, seconds: float) -> None:
        """Returns once the child answers. Raises LocalStackError where it ends or stays silent."""
        deadline = time.monotonic() + seconds
        while not self._ready(self):
            if not self.alive:
                raise self.death()
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"the {self.name} did not answer within {seconds:g} s{self._because()}",
                    fix=f"Its log is {self.log}; a busy machine may need a second try.",
                )
            time.sleep(POLL_SECONDS)

    @property
    def pid(self) -> int:
        """Process id; 0 before `start`."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Exit status; minus the signal's number where one ended it; None while it runs."""
        return self._process.poll() if self._process else None

    def stop(self, seconds: float = 5.0) -> int | None:
        """SIGTERM, then SIGKILL after `seconds`; returns the exit status."""
        if self._process is None:
            return None
        if self.alive:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.wait(seconds)
        return self.kill()

    def interrupt(self) -> None:
        """SIGINT, as Ctrl-C in a terminal sends it."""
        self._signal(signal.SIGINT)

    def kill(self) -> int | None:
        """SIGKILL to the whole group, as a crash would end it; returns the exit status."""
        if self._process is None:
            return None
        self._signal(signal.SIGKILL)
        return self._process.wait()

    def text(self) -> str:
        """The log since the last start."""
        try:
            with self.log.open("rb") as source:
                source.seek(self._log_start)
                return source.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def death(self) -> LocalStackError:
        """The error that says how it ended."""
        status = self.status or 0
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended ({status})"
        return LocalStackError(
            f"the {self.name} {how}{self._because()}", fix=f"Its log is {self.log}."
        )

    def _because(self) -> str:
        lines = [line for line in self.text()[-_TAIL_BYTES:].splitlines() if line.strip()]
        return "".join(f"\n  | {line[:300]}" for line in lines[-_TAIL_LINES:])

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def _die_with(parent: int) -> Callable[[], None]:
    def arm() -> None:
        if hasattr(_libc, "prctl"):
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the signal was armed
            os._exit(1)

    return arm


def free_port() -> int:
    """A port of loopback that nothing uses now, and that this process has not given out before.

    Below the range from which the system takes ports for outgoing connections: one of those may be
    taken between the choice and the server's start by any client on the machine.
    """
    for port in random.sample(_PORTS, _PORT_TRIES):
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def check_port(port: int, what: str) -> None:
    """Raises LocalStackError where something listens on the port already."""
    if not is_free(port):
        raise LocalStackError(
            f"port {port} on {HOST}, wanted for the {what}, is in use",
            fix="Stop what listens there, or choose another port.",
        )


@contextlib.contextmanager
def connected(port: int, seconds: float = 2.0) -> Iterator[socket.socket]:
    """A connection to a port of loopback; OSError where nobody answers."""
    with socket.create_connection((HOST, port), seconds) as client:
        yield client


def answers(port: int, request: bytes, expected: bytes = b"") -> bool:
    """Whether the port answers `request` with something that contains `expected`."""
    try:
        with connected(port) as client:
            client.sendall(request)
            got = client.recv(1 << 16)
            while expected and expected not in got:
                more = client.recv(1 << 16)
                if not more:
                    return False
                got += more
            return bool(got)
    except OSError:
        return False
