"""The programs on the hosts, as the bridge knows them: which key speaks for which host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A host's agent, let in."""

    host: str
    key: bytes
    """Its public key, 32 bytes of Ed25519; what is signed by another is not by this host."""
    serial: str
    """Of its certificate, as hexadecimal digits."""
    address: str
    """Host and port, as they stand in the certificate and in the inventory."""
    enrolled_at: datetime
    last_seen: datetime | None = None
    version: str = ""
    """What the program itself said; anything may stand here."""


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """An agent that has shown a code, and has its certificate."""

    host: str
    key: bytes
    serial: str
    address: str
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Certified:
    """A certificate that was made for an agent."""

    pem: str
    serial: str
    """As hexadecimal digits."""
    key: bytes
    """The public key that it is for."""


def name_key(host: str) -> str:
    """Name a host in the store: names differ by more than their case."""
    return host.lower()
