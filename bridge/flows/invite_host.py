"""A code is made that lets one host's agent in, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from bridge.core.audit import Entry
from bridge.core.host_codes import HostCode, Invitation, is_place, write_code, write_secret
from bridge.core.inventory import Host, is_loopback, parse_address, parse_name
from bridge.errors import Mistake


class Codes(Protocol):
    """Remembers codes."""

    async def put_code(
        self, secret: str, *, host: str, address: str, by: int | None, entry: Entry, now: datetime
    ) -> Invitation:
        """Make one good for a while, in the place of the host's former one, or raise Outage."""
        ...


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where agents come in."""

    address: str
    """Host and port, as hosts reach it."""
    fingerprint: str
    """SHA-256 of its certificate, as hexadecimal digits."""


@dataclass(frozen=True, kw_only=True)
class Invited:
    """A code, for the one who asked for it."""

    host: str
    line: str = field(repr=False)
    """What is carried to the host."""
    address: str
    """Where the agent will be; empty: it says so itself."""
    expires_at: datetime
    shut_door: str = ""
    """The door, where only this machine reaches it and the host seems to be another."""


async def invite_host(
    name: str,
    address: str = "",
    *,
    find_host: Callable[[str], Host | None],
    codes: Codes,
    door: Door,
    chance: bytes,
    entry: Entry,
    now: datetime,
) -> Invited:
    """Make a code for a host; the one before it is worth nothing from now on.

    Raises:
        Mistake: no host can be called so, or be there.
        Outage: nothing was kept.
    """
    host = find_host(name)
    written = host.name if host else _require_name(name)
    place = _require_place(address) if address else _find_place(host)
    secret = write_secret(chance)
    invitation = await codes.put_code(
        secret,
        host=written,
        address=place,
        by=entry.who,
        entry=replace(entry, on=written, detail=place),
        now=now,
    )
    code = HostCode(
        host=written,
        door=door.address,
        fingerprint=door.fingerprint,
        secret=secret,
        address=place,
    )
    return Invited(
        host=written,
        line=write_code(code),
        address=place,
        expires_at=invitation.expires_at,
        shut_door=door.address if _is_here(door.address) and not _is_here(place) else "",
    )


def _require_name(name: str) -> str:
    try:
        return parse_name(name)
    except ValueError:
        raise Mistake(
            "%(word)s cannot be a host's name; 1 to 50 letters, digits, _ . or - can, "
            "such as web-1",
            word=name,
        ) from None


def _require_place(address: str) -> str:
    if not is_place(address):
        raise Mistake(
            "%(word)s is no address of an agent; write 192.0.2.10, web-1.example or "
            "192.0.2.10:8001",
            word=address,
        )
    return address


def _find_place(host: Host | None) -> str:
    """Find where a known host's agent is, or will be: beside its exporter."""
    if host is None:
        return ""
    return host.agent_address or parse_address(host.node_address)[0]


def _is_here(place: str) -> bool:
    """Say whether a place, with its port or without, is on this machine's loopback."""
    try:
        host, _ = parse_address(place)
    except ValueError:
        host = place.strip("[]")
    return is_loopback(host)
