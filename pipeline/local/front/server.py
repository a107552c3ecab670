"""Accepts connections on loopback and serves each in a thread."""

from __future__ import annotations

import ipaddress
import itertools
import os
import socket
import threading
import time
from pathlib import Path

from pipeline.errors import LocalStackError
from pipeline.local.front.cancel import Watcher
from pipeline.local.front.engine import Engine
from pipeline.local.front.session import Session

DRAIN_SECONDS = 5.0
"""How long running queries may take after the server was told to close."""

BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises LocalStackError for any address that is not loopback."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise LocalStackError(
            f"the local warehouse does not listen on {host}",
            fix="It has no accounts: use 127.0.0.1 or ::1, or a real ClickHouse server.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise LocalStackError(f"port {port} on {host} cannot be used: {error.strerror}") from error
    listener.listen(BACKLOG)
    return listener


class FrontServer:
    """The embedded warehouse on `folder`. Raises LocalStackError where it cannot start."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = listen(host, port)
        try:
            self._engine = Engine(folder)
        except LocalStackError:
            self._listener.close()
            raise
        self.host, self.port = self._listener.getsockname()[:2]
        self._watcher = Watcher(self._engine)
        self._sessions: dict[Session, threading.Thread] = {}
        self._lock = threading.Lock()
        self._tags = itertools.count(1)
        self._acceptor = threading.Thread(target=self._accept, name="accept", daemon=True)

    def start(self) -> None:
        """Begins to accept; returns at once."""
        self._acceptor.start()

    def close(self) -> bool:
        """Stops accepting, lets running queries end, closes the engine.

        False where a query outlasted DRAIN_SECONDS and a kill: the engine is then still open, and
        the process has to end as it would by kill -9, which costs no acknowledged row.
        """
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        with self._lock:
            sessions = dict(self._sessions)
        for session in sessions:
            session.stop()
        _join(sessions, DRAIN_SECONDS)
        for session in sessions:
            session.hang_up()
        if not _join(sessions, 1.0):
            return False
        self._watcher.close()
        self._engine.close()
        return True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            tag = f"voc-{os.getpid()}-{next(self._tags)}"
            session = Session(client, self._engine, self._watcher, tag)
            thread = threading.Thread(
                target=self._serve, args=(session, client), name=tag, daemon=True
            )
            with self._lock:
                self._sessions[session] = thread
            thread.start()

    def _serve(self, session: Session, client: socket.socket) -> None:
        with client:
            session.serve()
        with self._lock:
            del self._sessions[session]


def _join(sessions: dict[Session, threading.Thread], seconds: float) -> bool:
    """Waits for all threads, `seconds` in total; whether they ended."""
    deadline = time.monotonic() + seconds
    for thread in sessions.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    return not any(thread.is_alive() for thread in sessions.values())
