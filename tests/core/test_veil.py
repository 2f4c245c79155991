"""Secrets that a host has written are not said in a chat, and nothing else of it is touched."""

from __future__ import annotations

import re
import time
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.formatted import Attachment, Content, Entity, Formatted
from bridge.core.veil import DOT, Veil, hide_shapes

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFake-_9"
METRICS = "fake-metrics-token_of-43-characters-or-some"


@cache
def write_key(kind: str) -> str:
    """Write a private key as programs keep it, a fresh one for each kind."""
    form, lock = PrivateFormat.PKCS8, NoEncryption()
    if kind == "openssh":
        form = PrivateFormat.OpenSSH
    if kind == "rsa":
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, lock).decode()
    if kind == "locked":
        curve = ec.generate_private_key(ec.SECP256R1())
        locked = BestAvailableEncryption(b"x")
        return curve.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, locked).decode()
    return ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, form, lock).decode()


@pytest.mark.parametrize("kind", ["pkcs8", "openssh", "rsa", "locked"])
@pytest.mark.parametrize("newline", ["\n", "\\n"])
def test_a_private_key_is_hidden_and_what_stands_around_it_is_not(kind: str, newline: str) -> None:
    key = write_key(kind)
    text = f"before\n{key}after\n".replace("\n", newline)
    hidden = hide_shapes(text)
    assert len(hidden) == len(text)
    for line in key.splitlines()[1:-1]:
        assert len(line) < 8 or line not in hidden
    for kept in ("before", "after", "-----BEGIN ", "PRIVATE KEY-----", "-----END "):
        assert kept in hidden


@pytest.mark.parametrize("kind", ["pkcs8", "openssh", "rsa"])
def test_the_half_of_a_key_is_hidden_whichever_it_is(kind: str) -> None:
    lines = write_key(kind).splitlines()
    for part in (lines[:-1], lines[1:], lines[: max(2, len(lines) // 2)], lines[-3:]):
        secret = [each for each in part if "-----" not in each and len(each) >= 16]
        hidden = hide_shapes("\n".join(["before", *part]))
        assert not any(each in hidden for each in secret)
        assert hidden.startswith("before\n")


HEADERS = ("Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-256-CBC,0011", "")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n", "\n      ", "\n\t"])
@pytest.mark.parametrize("headers", [(), HEADERS, ("Version: some 1.0", "")], ids=len)
@pytest.mark.parametrize("half", ["first", "last"])
def test_the_half_of_a_key_is_hidden_however_it_is_written(
    newline: str, headers: tuple[str, ...], half: str
) -> None:
    first, *body, last = write_key("rsa").splitlines()
    lines = [*body[-4:], last] if half == "last" else [first, *headers, *body[:4], body[4][:9]]
    hidden = hide_shapes("before: it" + newline + newline.join(lines))
    assert not any(each in hidden for each in (*body, body[4][:9]))
    assert hidden.startswith("before: it")
    assert (last if half == "last" else first) in hidden


def test_what_follows_half_a_key_is_left_alone() -> None:
    first, *body, _ = write_key("rsa").splitlines()
    for after in ("Note: this is no header", "ends here", "web-1", 'and "so on"'):
        assert hide_shapes("\n".join([first, *body[:3], after])).endswith(f"\n{after}")
        assert hide_shapes(f"{first}\n{after}") == f"{first}\n{after}"


@pytest.mark.parametrize("unit", ["A", "A" * 16 + "\n", "\\n", "\n", " ", "a: \n", "a: ", "A\\n"])
@pytest.mark.parametrize("mark", ["BEGIN", "END"])
def test_half_keys_of_any_length_take_no_time(unit: str, mark: str) -> None:
    line = f"-----{mark} PRIVATE KEY-----"
    long, many = unit * (2**19 // len(unit)), unit * (1000 // len(unit))
    began = time.process_time()
    for text in (f"{line}\n{long}-", f"{long}-\n{line}", f"{line}\n{many}-" * 500):
        hide_shapes(text)
    assert time.process_time() - began < 3


def test_a_certificate_and_a_public_key_stay_as_they_are() -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    text = f"-----BEGIN CERTIFICATE-----\n{'MIIB' * 16}\n-----END CERTIFICATE-----\n{public!r}"
    assert hide_shapes(text) == text


@pytest.mark.parametrize(
    "line", [f"BOT_TOKEN={TOKEN}", f"https://api.telegram.org/bot{TOKEN}/getMe", f"'{TOKEN}'"]
)
def test_a_bots_token_is_hidden_wherever_it_stands(line: str) -> None:
    hidden = hide_shapes(line)
    assert TOKEN not in hidden
    assert TOKEN[-20:] not in hidden
    assert len(hidden) == len(line)


@pytest.mark.parametrize(
    "line",
    [
        "tcp 192.0.2.1:44444 ESTABLISHED",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef",
        "2026-11-27T02:20:00.123456789Z a-long-name-of-a-thing-that-is-no-secret",
        "fe80::1234:5678:9abc:def0",
        "PRIVATE KEY is a word",
    ],
)
def test_what_a_host_usually_writes_is_left_alone(line: str) -> None:
    assert hide_shapes(line) == line


def test_known_secrets_are_hidden_in_message_and_file_and_no_entity_moves() -> None:
    text = f"🔥 {METRICS} end"
    entities = (Entity("bold", text.index("end") + 1, 3),)
    content = Content(
        text=Formatted(text, entities),
        attachment=Attachment(name="x.txt", content=f"a {METRICS}\n".encode() + b"\xff"),
    )
    hidden = Veil((TOKEN, METRICS)).hide(content)
    assert hidden.text == Formatted(f"🔥 {DOT * len(METRICS)} end", entities)
    assert hidden.attachment is not None
    assert hidden.attachment.content == f"a {DOT * len(METRICS)}\n".encode() + b"\xff"


@pytest.mark.parametrize("left", [METRICS[:12], METRICS[:-1], METRICS[12:30], METRICS[-12:]])
@pytest.mark.parametrize("form", ["a {}", "a {}\n⋯\nb", "a {}…", "{} b", "⋯\n{} b", "a\n{}\nb"])
def test_what_is_left_of_a_known_secret_that_was_cut_is_hidden(left: str, form: str) -> None:
    is_first, is_last = form.startswith(("{", "⋯", "a\n{")), not form.endswith("} b")
    is_there = METRICS.startswith(left) if is_last else False
    is_there = is_there or (METRICS.endswith(left) and is_first)
    text = form.format(left)
    hidden = Veil((METRICS,)).hide(
        Content(text=Formatted(text), attachment=Attachment(name="x", content=text.encode()))
    )
    expected = form.format(DOT * len(left)) if is_there else text
    assert hidden.text.text == expected
    assert hidden.attachment is not None
    assert hidden.attachment.content.decode() == expected


def test_a_word_that_begins_as_a_secret_does_is_left_alone() -> None:
    content = Content(text=Formatted(f"{METRICS[:14]}y of metrics, {METRICS[:14]} and more"))
    assert Veil((METRICS,)).hide(content) == content


@pytest.mark.parametrize("line", [f"{TOKEN[:18]}\n⋯\nx", f"a {TOKEN[:22]}"])
def test_a_bots_token_that_was_cut_is_hidden(line: str) -> None:
    hidden = hide_shapes(line)
    assert TOKEN[:18] not in hidden
    assert len(hidden) == len(line)


def test_short_secrets_hide_no_ordinary_words() -> None:
    content = Content(text=Formatted("the admin of postgres"))
    for veil in (Veil(("admin", "postgres", "")), Veil(())):
        assert veil.hide(content) == content


@given(st.text(alphabet=st.sampled_from("ab-1:\n =/+PRIVATEKYBGNDO"), max_size=300))
@example("-----BEGIN PRIVATE KEY-----" * 3)
def test_nothing_moves_whatever_is_written(text: str) -> None:
    hidden = hide_shapes(text)
    assert len(hidden) == len(text)
    assert re.sub(DOT, "", hidden) == "" or all(
        each in {before, DOT} for each, before in zip(hidden, text, strict=True)
    )
