"""Codes for hosts, made at the console."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bridge.core.host_codes import HostCode, read_code
from tests.bridge.consoles import Console


def enrol(console: Console, *words: str) -> tuple[list[str], HostCode]:
    """What is said before the code, and the code."""
    *said, line = console.say("enrol", *words).splitlines()
    return said, read_code(line)


def test_a_hosts_code_stands_alone_on_the_last_line(console: Console, tmp_path: Path) -> None:
    inventory = tmp_path / "agents.txt"
    inventory.write_text("Server 127.0.0.1:9100\n")
    console.settings["AGENTS_FILE"] = str(inventory)
    said, code = enrol(console, "server")
    assert (code.host, code.address, code.door) == ("Server", "127.0.0.1", "127.0.0.1:8003")
    assert "For Server with its agent at 127.0.0.1, once, within 30 minutes" in said[0]
    assert "./start.sh agent" in said[-2]
    assert "sudo opswire agent enrol" in said[-1]
    assert code.secret not in " ".join(said)
    assert enrol(console, "web-1", "192.0.2.10:8001")[1].address == "192.0.2.10:8001"
    assert enrol(console, "web-1")[1].address == ""
    assert inventory.read_text() == "Server 127.0.0.1:9100\n"


def test_the_door_is_the_same_for_every_code_and_its_keys_are_for_their_owner(
    console: Console,
) -> None:
    console.settings["AGENTS_ADDRESS"] = "bridge.example:8443"
    codes = [enrol(console, name)[1] for name in ("web-1", "web-2")]
    assert {each.door for each in codes} == {"bridge.example:8443"}
    assert len({each.fingerprint for each in codes}) == 1
    for path in (console.folder / "agents").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_door_that_another_machine_would_not_find_is_told_of(console: Console) -> None:
    assert "AGENTS_HOST" in " ".join(enrol(console, "web-1", "192.0.2.10")[0])
    assert "AGENTS_HOST" not in " ".join(enrol(console, "here", "127.0.0.1")[0])
    console.settings["AGENTS_HOST"] = "192.0.2.1"
    assert "AGENTS_HOST" not in " ".join(enrol(console, "web-1", "192.0.2.10")[0])


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(("30",), "cannot be a host's name"), (("web-1", "a/b"), "is no address of an agent")],
)
def test_a_host_that_makes_no_sense_is_one_sentence(
    console: Console, words: tuple[str, ...], complaint: str
) -> None:
    said = console.complain("enrol", *words)
    assert complaint in said
    assert len(said.splitlines()) == 1


def test_a_hosts_code_is_written_down_nowhere_but_that_it_was_made(console: Console) -> None:
    _, code = enrol(console, "web-1", "192.0.2.10")
    listed = console.say("audit", "list")
    assert listed.rstrip().endswith("at the console  enrol  web-1  (192.0.2.10)")
    kept = b"".join(path.read_bytes() for path in console.folder.rglob("*") if path.is_file())
    assert code.secret.encode() not in kept


def test_keys_that_are_gone_are_told_and_no_code_is_made(console: Console) -> None:
    enrol(console, "web-1")
    (console.folder / "agents" / "authority.key").unlink()
    assert "enrol every host again" in console.complain("enrol", "web-1")
    assert len(console.say("audit", "list").splitlines()) == 1
