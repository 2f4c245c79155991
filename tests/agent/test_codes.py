"""A code: what is one, and from where it is read."""

from __future__ import annotations

import base64
import io
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.codes import Code, WrongCode, parse_code, read_code

FIELDS = {
    "h": "web-1",
    "d": "127.0.0.1:8003",
    "f": "ab" * 32,
    "s": "planted-secret",
    "a": "192.0.2.10:8001",
}


def write(fields: object) -> str:
    raw = json.dumps(fields).encode()
    return "opswire1." + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_a_code_is_read() -> None:
    assert parse_code(f"  {write(FIELDS)}\n") == Code(
        host="web-1",
        door=("127.0.0.1", 8003),
        fingerprint="ab" * 32,
        secret="planted-secret",
        address="192.0.2.10:8001",
    )


def test_a_code_never_shows_its_secret() -> None:
    assert "planted" not in repr(parse_code(write(FIELDS)))


@pytest.mark.parametrize(
    "changes",
    [
        {"h": "a b"},
        {"h": 7},
        {"d": "127.0.0.1"},
        {"d": "http://x:1"},
        {"f": "ab"},
        {"f": "zz" * 32},
        {"s": ""},
        {"s": None},
        {"a": "192.0.2.10"},
    ],
)
def test_a_code_with_a_field_of_another_kind_is_none(changes: dict[str, object]) -> None:
    with pytest.raises(WrongCode):
        parse_code(write({**FIELDS, **changes}))


@pytest.mark.parametrize("name", FIELDS)
def test_a_code_that_lacks_a_field_is_none(name: str) -> None:
    with pytest.raises(WrongCode, match="copy all of it"):
        parse_code(write({key: value for key, value in FIELDS.items() if key != name}))


@given(st.text(max_size=100) | st.text(max_size=100).map(lambda text: "opswire1." + text))
def test_whatever_is_given_is_a_code_or_a_sentence_without_it(text: str) -> None:
    with pytest.raises(WrongCode) as wrong:
        parse_code(text)
    assert (
        text.strip() in {"", "opswire1."}
        or text.strip() not in str(wrong.value)
        or (len(text.strip()) < 3)
    )


def test_a_code_that_was_cut_off_is_none() -> None:
    whole = write(FIELDS)
    for length in range(len(whole)):
        with pytest.raises(WrongCode):
            parse_code(whole[:length])


def test_a_code_comes_from_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "code"
    path.write_text(write(FIELDS))
    path.chmod(0o600)
    assert parse_code(read_code(path)).host == "web-1"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o610])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "code"
    path.write_text(write(FIELDS))
    path.chmod(mode)
    with pytest.raises(WrongCode, match="chmod 600"):
        read_code(path)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "real").write_text(write(FIELDS))
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("pipe", "link", "absent", "."):
        with pytest.raises(WrongCode):
            read_code(tmp_path / name)


def test_a_code_comes_by_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(write(FIELDS) + "\n"))
    assert parse_code(read_code(None)).host == "web-1"
