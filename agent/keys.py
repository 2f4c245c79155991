"""The two keys of a host: its own, to sign with, and the bridge's, to know its orders by.

Both are Ed25519. A private key of that kind is always the same few bytes around the key itself, so
that reading it needs none of the library's parsers, which weigh more than all the rest of it.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.errors import AgentError
from agent.wire import Sign, Verify

_PKCS8: Final = bytes.fromhex("302e020100300506032b657004220420")  # RFC 8410, section 7
_KEY_BYTES: Final = 32  # RFC 8032
_PEM: Final = re.compile(
    rb"-----BEGIN PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----\s*"
)


class BrokenKey(AgentError):
    """A file holds no key."""


def write_private_key(raw: bytes) -> bytes:
    """Write a private key as the PEM that TLS reads."""
    body = base64.b64encode(_PKCS8 + raw)
    return b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n"


def read_private_key(pem: bytes) -> Sign:
    """Read the host's key, as what it is for.

    Raises:
        BrokenKey: it is none.
    """
    found = _PEM.fullmatch(pem.strip())
    der = _decode(found.group(1)) if found else b""
    if not der.startswith(_PKCS8) or len(der) != len(_PKCS8) + _KEY_BYTES:
        raise BrokenKey("it is no Ed25519 private key")
    return Ed25519PrivateKey.from_private_bytes(der[len(_PKCS8) :]).sign


def read_public_key(text: bytes) -> Verify:
    """Read the bridge's key, as what it is for.

    Raises:
        BrokenKey: it is none.
    """
    raw = _decode(text)
    if len(raw) != _KEY_BYTES:
        raise BrokenKey("it is no Ed25519 public key")
    key = Ed25519PublicKey.from_public_bytes(raw)

    def verify(signature: bytes, signed: bytes) -> bool:
        try:
            key.verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    return verify


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
