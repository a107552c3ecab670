"""Who is asking: bearer tokens, or the address where there are none."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable

from aiohttp import web

from pipeline.gateway.problem import Problem

_TOKEN = "token "  # noqa: S105 - a prefix of names, not a secret


class Doorman:
    """Tells clients apart and turns away those without a token, if there are tokens at all."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._known = [_digest(token) for token in tokens]

    @property
    def open(self) -> bool:
        """Whether everybody may send."""
        return not self._known

    def client(self, request: web.Request) -> str:
        """A name for the sender that is no secret and no address of a person's device alone.

        Raises Problem 401.
        """
        if self.open:
            return _network(request.remote or "")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = _digest(token.strip())
        # Every known token is compared, in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(given, known) for known in self._known]
        if scheme.lower() != "bearer" or not any(matches):
            raise Problem(401, "send a token that this gateway knows: Authorization: Bearer …")
        return f"{_TOKEN}{matches.index(True)}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _network(remote: str) -> str:
    """The address; of IPv6 the /64, which one household or machine has to itself."""
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return remote
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
