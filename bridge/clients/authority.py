"""The bridge's keys for its agents, and the small authority that signs everybody's certificates.

All of it lies in one folder, closed to everybody else: what signs certificates, what the agents'
door shows, what the bridge and Prometheus show when they call an agent, and what signs orders.
What is missing is made; what is there is never made anew without need, for every host trusts it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge import limits
from bridge.clients import certificates
from bridge.core.agents import Certified
from bridge.core.inventory import parse_address
from bridge.errors import Mistake, Outage

FOLDER: Final = "agents"
"""Its name in the state folder."""
ROOT: Final = "authority"
DOOR: Final = "door"
BRIDGE: Final = "bridge"
PROMETHEUS: Final = "prometheus"
ORDERS: Final = "orders"
TOKEN: Final = "metrics_token"  # noqa: S105 - a file's name
TOKEN_BYTES: Final = 32  # chosen: 256 bits, 43 characters
_PARTY: Final = "the agents' keys"
_CLOSED: Final = 0o600


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Keys and certificates, all there."""

    folder: Path
    door: str
    """Where agents come in: host and port, as hosts reach it."""
    certificate: str
    """What all others are signed with, as PEM."""
    fingerprint: str
    """SHA-256 of the door's certificate, as hexadecimal digits."""
    order_key: bytes
    """The public key that orders are signed with."""
    metrics_token: str = field(repr=False)
    """What Prometheus shows to the agents."""
    root: x509.Certificate = field(repr=False)
    key: Ed25519PrivateKey = field(repr=False)
    orders: Ed25519PrivateKey = field(repr=False)

    def sign(self, content: bytes) -> bytes:
        """Sign an order."""
        return self.orders.sign(content)

    def sign_agent(self, csr: str, *, host: str, address: str, now: datetime) -> Certified:
        """Make an agent's certificate, good at its address alone.

        Raises:
            Mistake: the request is none, or for another host or place.
        """
        try:
            bare, _ = parse_address(address)
        except ValueError as fault:
            raise Mistake(f"where the agent listens is no address: {fault}") from None
        public = certificates.read_request(csr, host=host, address=address)
        made = certificates.issue(
            public,
            name=host,
            place=bare,
            # Nobody calls with it: letters are signed. So no host speaks to another's agent.
            purposes=(certificates.SERVES,),
            root=self.root,
            key=self.key,
            now=now,
        )
        return Certified(
            pem=certificates.write_certificate(made),
            serial=f"{made.serial_number:x}",
            key=public.public_bytes_raw(),
        )

    def create_door_context(self) -> ssl.SSLContext:
        """Make what the agents' door speaks TLS with.

        Whoever comes with a code has no certificate yet, and a letter is signed: none is asked for.

        Raises:
            Outage: the files cannot be read.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return self._load_own(context, DOOR)

    def create_calling_context(self) -> ssl.SSLContext:
        """Make what the bridge calls agents with: both sides show a certificate of ours.

        Raises:
            Outage: the files cannot be read.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(cadata=self.certificate)
        return self._load_own(context, BRIDGE)

    def _load_own(self, context: ssl.SSLContext, name: str) -> ssl.SSLContext:
        try:
            context.load_cert_chain(_certificate_of(self.folder, name), _key_of(self.folder, name))
        except OSError as fault:  # ssl.SSLError is one
            raise _outage(_key_of(self.folder, name), fault) from None
        return context


def open_authority(folder: Path, *, door: str, now: datetime) -> Authority:
    """Read the keys and certificates, and make what is missing.

    Raises:
        Outage: the folder cannot be written, or what signs all others is there without its key.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        with _turn(folder):
            return _open(folder, door, now)
    except OSError as fault:
        raise _outage(folder, fault) from fault


def _open(folder: Path, door: str, now: datetime) -> Authority:
    key, root = _open_root(folder, now)
    bare, _ = parse_address(door)
    signer = _Signer(folder=folder, key=key, root=root, now=now)
    shown = signer.open_pair(DOOR, place=bare, purpose=certificates.SERVES)
    for name in (BRIDGE, PROMETHEUS):
        signer.open_pair(name, place="", purpose=certificates.CALLS)
    orders = _open_key(folder, ORDERS)
    return Authority(
        folder=folder,
        door=door,
        certificate=certificates.write_certificate(root),
        fingerprint=certificates.fingerprint(shown),
        order_key=orders.public_key().public_bytes_raw(),
        metrics_token=_open_token(folder),
        root=root,
        key=key,
        orders=orders,
    )


def _open_root(folder: Path, now: datetime) -> tuple[Ed25519PrivateKey, x509.Certificate]:
    """Read what signs all others, or make it at the first start."""
    kept, pem = _key_of(folder, ROOT), _certificate_of(folder, ROOT)
    if pem.exists() and not kept.exists():
        # Another key would be trusted by nobody: every host would be cut off, silently.
        raise Outage(
            _PARTY,
            f"{kept} is gone; restore it, or move {folder} away and enrol every host again",
        )
    key = _open_key(folder, ROOT)
    root = _read_certificate(pem)
    if root is None or root.public_key() != key.public_key():
        # Told apart from other bridges', and the same again where only the certificate was lost.
        name = f"Opswire {key.public_key().public_bytes_raw().hex()[:8]}"
        root = certificates.create_root(key, name=name, now=now)
        _keep(pem, certificates.write_certificate(root))
    return key, root


@dataclass(frozen=True, kw_only=True)
class _Signer:
    """Makes our own certificates."""

    folder: Path
    key: Ed25519PrivateKey
    root: x509.Certificate
    now: datetime

    def open_pair(
        self, name: str, *, place: str, purpose: x509.ObjectIdentifier
    ) -> x509.Certificate:
        """Read a key and its certificate; what is missing, ends soon or is for elsewhere: made."""
        key = _open_key(self.folder, name)
        path = _certificate_of(self.folder, name)
        kept = _read_certificate(path)
        if kept is not None and self._is_good(kept, key, place):
            return kept
        made = certificates.issue(
            key.public_key(),
            name=f"Opswire {name}",
            place=place,
            purposes=(purpose,),
            root=self.root,
            key=self.key,
            now=self.now,
        )
        _keep(path, certificates.write_certificate(made))
        return made

    def _is_good(self, kept: x509.Certificate, key: Ed25519PrivateKey, place: str) -> bool:
        return (
            kept.public_key() == key.public_key()
            and kept.issuer == self.root.subject
            and certificates.is_for(kept, place)
            and kept.not_valid_after_utc > self.now + limits.CERTIFICATE_RENEWED
        )


def _open_key(folder: Path, name: str) -> Ed25519PrivateKey:
    path = _key_of(folder, name)
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        _keep(path, certificates.write_private(key))
        return key
    path.chmod(_CLOSED)  # a copy from a backup may stand open
    try:
        return certificates.read_private(path.read_text("ascii"))
    except ValueError as fault:
        raise Outage(_PARTY, f"{path} cannot be understood ({fault})") from None


def _open_token(folder: Path) -> str:
    path = folder / TOKEN
    if path.exists() and (kept := path.read_text("ascii", errors="replace").strip()):
        path.chmod(_CLOSED)
        return kept
    token = secrets.token_urlsafe(TOKEN_BYTES)
    _keep(path, token)
    return token


def _read_certificate(path: Path) -> x509.Certificate | None:
    if not path.exists():
        return None
    try:
        return certificates.read_certificate(path.read_text("ascii"))
    except ValueError:
        return None


def _keep(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by its owner alone."""
    fresh = path.with_name(f".{path.name}.fresh")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _CLOSED)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _key_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.key"


def _certificate_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.pem"


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Let the console and the bridge make things one after the other."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _outage(path: Path, fault: OSError) -> Outage:
    reason = (fault.strerror or type(fault).__name__).lower()
    return Outage(_PARTY, f"{path} cannot be read or written ({reason})")
