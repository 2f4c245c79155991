"""The keys of a host: read without a library's parsers, and understood by all of them."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from agent.keys import BrokenKey, read_private_key, read_public_key, write_private_key

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))  # the names of tests stay the same
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw())


def test_a_key_that_we_write_is_read_by_others() -> None:
    read = load_pem_private_key(write_private_key(KEY.private_bytes_raw()), None)
    assert read.public_key() == KEY.public_key()


def test_a_key_that_others_write_is_read_by_us() -> None:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert read_private_key(pem)(b"x") == KEY.sign(b"x")


def test_a_signature_is_known_by_its_key_alone() -> None:
    verify = read_public_key(PUBLIC + b"\n")
    assert verify(KEY.sign(b"x"), b"x")
    assert not verify(KEY.sign(b"x"), b"y")
    assert not verify(Ed25519PrivateKey.generate().sign(b"x"), b"x")
    for signature in (b"", b"x", bytes(64), bytes(65), KEY.sign(b"x") + b"\0"):
        assert not verify(signature, b"x")


@pytest.mark.parametrize("text", [b"", b"AAAA", b"!" * 44, PUBLIC[:-4], PUBLIC + PUBLIC])
def test_what_is_no_public_key_is_broken(text: bytes) -> None:
    with pytest.raises(BrokenKey):
        read_public_key(text)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"AAAA",
        write_private_key(b"short"),
        write_private_key(bytes(33)),
        b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
        KEY.public_key().public_bytes_raw(),
    ],
)
def test_what_is_no_private_key_is_broken(pem: bytes) -> None:
    with pytest.raises(BrokenKey):
        read_private_key(pem)
