"""Keyed hashes in place of ids: the same person always has the same one, and nobody can go back."""

from __future__ import annotations

import hashlib
import hmac

from pipeline.errors import ConfigError

MIN_SECRET_BYTES = 16
HEX_CHARS = 32
"""128 bits: among a billion ids the chance of any collision is below 1e-20."""


class Pseudonyms:
    """HMAC-SHA256 of ids with the deployment's secret, as 32 hexadecimal characters.

    Raises ConfigError for a secret of fewer than 16 bytes. The kind of id is part of what is
    hashed, so a customer and an agent with the same id are told apart.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < MIN_SECRET_BYTES:
            raise ConfigError(
                f"privacy.secret has {len(secret)} bytes; it must have at least {MIN_SECRET_BYTES}",
                fix="Make one with `openssl rand -hex 32`, keep it safe, and never change it.",
            )
        self._keyed = hmac.new(secret, digestmod=hashlib.sha256)

    def customer(self, customer_id: str) -> str:
        """The pseudonym of a customer; "" for an empty id."""
        return self._pseudonym("customer", customer_id)

    def agent(self, agent_id: str) -> str:
        """The pseudonym of an agent; "" for an empty id."""
        return self._pseudonym("agent", agent_id)

    def _pseudonym(self, kind: str, identity: str) -> str:
        if not identity:
            return ""
        keyed = self._keyed.copy()
        keyed.update(f"{kind}:{identity}".encode("utf-8", "surrogatepass"))
        return keyed.hexdigest()[:HEX_CHARS]
