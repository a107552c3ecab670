"""Stops queries that nobody waits for any more."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.local.front.engine import Engine
from pipeline.local.front.errors import ServerError
from pipeline.local.front.packets import CANCEL

log = logging.getLogger(__name__)


class Watched:
    """A running query: whether its client cancelled it or went away."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.cancelled = False


class Watcher:
    """Looks at the sockets of running queries, in one thread for all of them.

    While a query runs, a client has nothing to send but Cancel; that byte or the end of the
    connection kills the query.  The engine has no handle for it, so that a session's queries carry
    a `log_comment` that `KILL QUERY` finds.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.settimeout(0)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._running: dict[socket.socket, Watched] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="watch queries", daemon=True)
        self._thread.start()

    @contextmanager
    def watch(self, client: socket.socket, tag: str) -> Iterator[Watched]:
        """Around a query of the session whose `log_comment` is `tag`."""
        watched = Watched(tag)
        with self._lock:
            self._running[client] = watched
        self._wake()
        try:
            yield watched
        finally:
            with self._lock:
                self._running.pop(client, None)
            self._wake()

    def close(self) -> None:
        """Ends the thread."""
        self._closed = True
        self._wake()
        self._thread.join()
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()

    def _wake(self) -> None:
        self._wake_write.send(b"\0")

    def _run(self) -> None:
        while not self._closed:
            ready = [key.fileobj for key, _ in self._selector.select()]
            for client in ready:
                if client is self._wake_read:
                    self._wake_read.recv(4096)
                elif isinstance(client, socket.socket):
                    self._look(client)
            self._follow()

    def _follow(self) -> None:
        """Watches exactly the sockets of the queries that run and are not cancelled yet."""
        with self._lock:
            wanted = {c for c, w in self._running.items() if not w.cancelled and c.fileno() >= 0}
        known = {key.fileobj for key in self._selector.get_map().values()} - {self._wake_read}
        for client in known - wanted:
            self._selector.unregister(client)
        for client in wanted - known:
            self._selector.register(client, selectors.EVENT_READ)

    def _look(self, client: socket.socket) -> None:
        try:
            peeked = client.recv(1, socket.MSG_PEEK)
        except OSError:
            peeked = b""
        with self._lock:
            watched = self._running.get(client)
            if watched is None or (peeked and peeked[0] != CANCEL):
                return
            watched.cancelled = True
        self._kill(watched.tag)

    def _kill(self, tag: str) -> None:
        session = self._engine.session()
        try:
            session.run(f"KILL QUERY WHERE Settings['log_comment'] = '{tag}'")
        except ServerError as error:
            log.warning("a query could not be cancelled: %s", error.message)
        finally:
            session.close()
