from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import limits
from bridge.core.host_codes import (
    SENTENCES,
    HostCode,
    Invitation,
    Misuse,
    digest_secret,
    find_misuse,
    fits_address,
    is_place,
    read_code,
    write_code,
    write_secret,
)
from bridge.errors import Mistake
from tests.fakes.clock import NOON

SECRET = write_secret(bytes(range(16)))
CODE = HostCode(
    host="web-1",
    door="127.0.0.1:8003",
    fingerprint="ab" * 32,
    secret=SECRET,
    address="192.0.2.10:8001",
)
GOOD = Invitation(host="web-1", expires_at=NOON + limits.CODE_LIFE)


def fields(line: str) -> dict[str, str]:
    text = line.removeprefix("opswire1.")
    read: dict[str, str] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return read


def test_a_code_is_one_line_that_says_where_to_go_and_whom_to_trust() -> None:
    line = write_code(CODE)
    assert line.startswith("opswire1.")
    assert line.isascii()
    assert not set(line) & set(" \n=+/")
    assert fields(line) == {
        "h": "web-1",
        "d": "127.0.0.1:8003",
        "f": "ab" * 32,
        "s": SECRET,
        "a": "192.0.2.10:8001",
    }
    assert read_code(f"  {line}\n") == CODE


@given(
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}", fullmatch=True),
    chance=st.binary(min_size=16, max_size=16),
    place=st.sampled_from(["", "192.0.2.1", "2001:db8::1", "[2001:db8::1]:8001", "a.example:1"]),
)
def test_every_code_is_read_as_it_was_written(name: str, chance: bytes, place: str) -> None:
    code = HostCode(
        host=name,
        door="[::1]:8003",
        fingerprint="0" * 64,
        secret=write_secret(chance),
        address=place,
    )
    assert read_code(write_code(code)) == code


@pytest.mark.parametrize(
    "line",
    [
        "",
        "opswire1.",
        SECRET,
        "opswire2." + write_code(CODE).removeprefix("opswire1."),
        write_code(CODE)[:-4],
        write_code(CODE)[:-1] + "*",
        write_code(CODE) + "x" * 3000,
        "opswire1." + base64.urlsafe_b64encode(b"[]").decode(),
        "opswire1." + base64.urlsafe_b64encode(b'{"h": 1}').decode(),
        "opswire1.ключ",
    ],
)
def test_what_is_no_code_is_refused_and_not_repeated(line: str) -> None:
    with pytest.raises(Mistake) as caught:
        read_code(line)
    assert SECRET not in caught.value.sentence
    assert len(caught.value.sentence) < 100


@pytest.mark.parametrize(
    "change",
    [{"s": "short"}, {"f": "xy"}, {"d": "nowhere"}, {"a": "no place"}, {"h": ""}, {"h": 7}],
)
def test_a_code_with_a_part_that_is_none_is_refused(change: dict[str, object]) -> None:
    written = json.dumps({**fields(write_code(CODE)), **change}).encode()
    with pytest.raises(Mistake):
        read_code("opswire1." + base64.urlsafe_b64encode(written).decode().rstrip("="))


def test_a_secret_shows_itself_nowhere_but_in_the_line() -> None:
    assert SECRET not in repr(CODE)
    assert SECRET not in digest_secret(SECRET)
    assert len(digest_secret(SECRET)) == 64
    with pytest.raises(ValueError, match="16 bytes"):
        write_secret(b"too few")


@pytest.mark.parametrize(
    ("changes", "misuse"),
    [
        ({}, None),
        ({"used_at": NOON}, Misuse.USED),
        ({"replaced_at": NOON}, Misuse.REPLACED),
        ({"expires_at": NOON}, Misuse.LATE),
        ({"expires_at": NOON + timedelta(microseconds=1)}, None),
        ({"host": "WEB-1"}, None),
        ({"host": "web-2"}, Misuse.OTHER_HOST),
        ({"address": "192.0.2.10"}, None),
        ({"address": "192.0.2.10:8001"}, None),
        ({"address": "192.0.2.10:8002"}, Misuse.OTHER_ADDRESS),
        ({"address": "192.0.2.11"}, Misuse.OTHER_ADDRESS),
    ],
)
def test_a_code_is_good_once_in_time_for_one_host_and_place(
    changes: dict[str, object], misuse: Misuse | None
) -> None:
    given_ = {"host": "web-1", "expires_at": NOON + limits.CODE_LIFE, **changes}
    invitation = Invitation(**given_)  # type: ignore[arg-type]  # the table has the kinds
    found = find_misuse(invitation, host="web-1", address="192.0.2.10:8001", now=NOON)
    assert found is misuse


def test_a_code_that_nobody_made_is_unknown_and_each_misuse_has_its_sentence() -> None:
    assert find_misuse(None, host="web-1", address="a:1", now=NOON) is Misuse.UNKNOWN
    assert set(SENTENCES) == set(Misuse)
    assert find_misuse(GOOD, host="web-1", address="anywhere:1", now=NOON) is None


@pytest.mark.parametrize(
    ("invited", "given_", "fits"),
    [
        ("2001:db8::1", "[2001:DB8:0::1]:8001", True),
        ("[2001:db8::1]:8001", "[2001:db8::1]:8001", True),
        ("Web-1.Example", "web-1.example:8001", True),
        ("web-1", "no address", False),
        ("", "no address", True),
    ],
)
def test_an_address_fits_in_all_its_spellings(invited: str, given_: str, *, fits: bool) -> None:
    assert fits_address(invited, given_) is fits


@pytest.mark.parametrize("word", ["192.0.2.1", "192.0.2.1:1", "::1", "[::1]:1", "web-1", "a.b:9"])
def test_a_place_is_an_address_with_or_without_its_port(word: str) -> None:
    assert is_place(word)


@pytest.mark.parametrize(
    "word", ["", "a b", "a/b", "http://a", "1.2.3", "a:0", "a:b", "::g", "a@b"]
)
def test_anything_else_is_no_place(word: str) -> None:
    assert not is_place(word)
