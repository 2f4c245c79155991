"""A host is made known to a bridge: once, by the right code, at the right door, without a trace."""

from __future__ import annotations

import json
import os
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from agent.codes import parse_code
from agent.enrol import NotEnrolled, enrol
from agent.folder import Enrolled, read_enrolled
from agent.keys import read_private_key
from agent.settings import Settings
from tests.agent.door import SECRET, Door, open_door
from tests.agent.parties import NOON, TOKEN, Bridge, enrol_host, raw_public
from tests.ports import free_port
from tests.programs import ROOT

FILES = {
    "key.pem",
    "certificate.pem",
    "authority.pem",
    "bridge.pub",
    "metrics_token",
    "enrolled.json",
    "nonces",
}


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_door(tmp_path) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "agent"


def settings(folder: Path, **changes: str) -> Settings:
    return Settings.load({"AGENT_STATE_DIR": str(folder), **changes})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name in FILES}


def refusal(door: Door, folder: Path, code: str = "", **changes: str) -> str:
    with pytest.raises(NotEnrolled) as fault:
        enrol(parse_code(code or door.code()), settings(folder, **changes))
    assert SECRET not in str(fault.value)
    return str(fault.value)


def run(folder: Path, words: list[str], typed: str = "") -> subprocess.CompletedProcess[str]:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "AGENT_STATE_DIR": str(folder),
    }
    return subprocess.run(
        [sys.executable, "-m", "agent", *words],
        env=environ,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_code_makes_a_host_known(door: Door, folder: Path) -> None:
    enrolled = enrol(parse_code(door.code()), settings(folder))
    assert enrolled == Enrolled(
        host="web-1", address="127.0.0.1:8001", door=f"127.0.0.1:{door.port}"
    )
    assert read_enrolled(folder) == enrolled
    [asked] = door.asked
    assert {name: asked[name] for name in ("host", "secret", "address", "version")} == {
        "host": "web-1",
        "secret": SECRET,
        "address": "127.0.0.1:8001",
        "version": "0.1.0",
    }


def test_the_key_is_the_hosts_own_and_never_leaves_it(door: Door, folder: Path) -> None:
    enrol(parse_code(door.code()), settings(folder))
    certificate = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
    key = certificate.public_key()
    assert isinstance(key, Ed25519PublicKey)
    key.verify(read_private_key((folder / "key.pem").read_bytes())(b"x"), b"x")
    assert "PRIVATE" not in json.dumps(door.asked)
    [request] = door.requests
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=web-1"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")


def test_everything_is_kept_for_its_owner_alone(door: Door, folder: Path) -> None:
    enrol(parse_code(door.code()), settings(folder))
    assert set(contents(folder)) == FILES
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        if path.name in FILES:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert (folder / "metrics_token").read_text() == TOKEN + "\n"
    assert (folder / "bridge.pub").read_text() == raw_public(door.bridge.key) + "\n"


def test_the_address_of_the_code_is_the_one_that_is_signed(door: Door, folder: Path) -> None:
    code = door.code(address="web-1.example:9001")
    assert enrol(parse_code(code), settings(folder)).address == "web-1.example:9001"
    [request] = door.requests
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("web-1.example")]


def test_without_one_it_is_where_the_agent_listens(door: Door, folder: Path) -> None:
    known = enrol(parse_code(door.code()), settings(folder, AGENT_PORT="9001"))
    assert known.address == "127.0.0.1:9001"


def test_listening_everywhere_it_is_where_the_host_speaks_from(door: Door, folder: Path) -> None:
    known = enrol(parse_code(door.code()), settings(folder, AGENT_HOST="0.0.0.0"))
    assert known.address == "127.0.0.1:8001"


def test_a_code_works_once(door: Door, folder: Path) -> None:
    enrol(parse_code(door.code()), settings(folder))
    before = contents(folder)
    assert "this code was used already" in refusal(door, folder)
    assert contents(folder) == before


def test_nothing_is_said_to_a_door_with_another_certificate(door: Door, folder: Path) -> None:
    sentence = refusal(door, folder, door.code(f="00" * 32))
    assert "is not the bridge that gave the code" in sentence
    assert door.asked == []
    assert contents(folder) == {}


def test_a_code_for_another_host_stays_good_for_that_one(door: Door, folder: Path) -> None:
    assert "AGENT_ID says web-2" in refusal(door, folder, AGENT_ID="web-2")
    enrol_host(folder, host="web-3")
    before = contents(folder)
    assert "enrolled as web-3" in refusal(door, folder)
    assert door.asked == []
    assert contents(folder) == before


def test_enrolled_anew_the_old_key_gives_way_to_the_fresh_one(door: Door, folder: Path) -> None:
    enrol_host(folder, Bridge())
    (folder / "nonces").write_text(f"{'ab' * 32} {NOON!r}\n")
    before = contents(folder)
    enrol(parse_code(door.code()), settings(folder))
    after = contents(folder)
    assert after["key.pem"] != before["key.pem"]
    assert after["authority.pem"].decode() == door.bridge.authority.pem
    assert after["nonces"] == before["nonces"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda granted: {**granted, "host": "web-2"}, "another host"),
        (lambda granted: {**granted, "certificate": granted["authority"]}, "unsound|another key"),
        (lambda granted: {**granted, "certificate": "x"}, "unsound"),
        (lambda granted: {**granted, "authority": Bridge().authority.pem}, "unsound"),
        (lambda granted: {**granted, "bridge_key": "AAAA"}, "unsound"),
        (lambda granted: {**granted, "metrics_token": "short"}, "no token"),
        (lambda granted: {**granted, "door": "nowhere"}, "unsound"),
        (lambda granted: {k: v for k, v in granted.items() if k != "door"}, "lacks 'door'"),
        (lambda _: [], "another host"),
        (lambda _: b"no json", "another host"),
        (lambda _: b"x" * 100_000, "another host"),
    ],
)
def test_what_an_agent_could_not_live_on_replaces_nothing(
    door: Door, folder: Path, change: Any, said: str
) -> None:
    enrol_host(folder, Bridge())
    before = contents(folder)
    door.change = change
    sentence = refusal(door, folder)
    assert any(word in sentence for word in said.split("|"))
    assert contents(folder) == before


def test_a_certificate_for_another_key_or_address_replaces_nothing(
    door: Door, folder: Path
) -> None:
    authority = door.bridge.authority
    for key, address in ((door.bridge.key, "127.0.0.1"), (None, "192.0.2.1")):

        def sign(granted: dict[str, Any], key: Any = key, address: str = address) -> Any:
            public = key or door.requests[-1].public_key()
            certificate = authority.sign("web-1", public, address)
            return {**granted, "certificate": certificate.public_bytes(Encoding.PEM).decode()}

        door.change, door.used = sign, set()
        assert "another key, or for another address" in refusal(door, folder)
    assert contents(folder) == {}


def test_a_door_that_is_not_there_is_said_with_its_address(door: Door, folder: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    assert f"door at {nowhere} cannot be reached" in refusal(door, folder, door.code(d=nowhere))


def test_a_folder_that_cannot_be_written_does_not_use_the_code_up(
    door: Door, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be read" in refusal(door, tmp_path / "file" / "agent")
    (tmp_path / "agent" / "written").mkdir(parents=True)
    assert "cannot be written" in refusal(door, tmp_path / "agent")
    assert door.asked == []


# At the console


def test_at_the_console_it_takes_the_code_by_standard_input(door: Door, folder: Path) -> None:
    ended = run(folder, ["enrol"], door.code() + "\n")
    assert ended.returncode == 0, ended.stderr
    assert "enrolled as web-1" in ended.stdout
    assert "127.0.0.1:8001" in ended.stdout
    assert_no_trace(ended, door.code())
    assert run(folder, ["enrol"], door.code()).returncode == 1


def test_at_the_console_it_takes_the_code_from_a_private_file(
    door: Door, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "code"
    path.write_text(door.code())
    path.chmod(0o644)
    ended = run(folder, ["enrol", "--code-file", str(path)])
    assert ended.returncode == 2
    assert "chmod 600" in ended.stderr
    assert door.asked == []
    path.chmod(0o600)
    ended = run(folder, ["enrol", "--code-file", str(path)])
    assert ended.returncode == 0, ended.stderr
    assert_no_trace(ended, door.code())


@pytest.mark.parametrize("words", [["enrol"], ["enrol", "--code-file"], []])
def test_a_code_among_the_words_is_refused_unread_and_unrepeated(
    door: Door, folder: Path, words: list[str]
) -> None:
    ended = run(folder, [*words, door.code()])
    assert ended.returncode == 2
    assert "everybody on this host can read it" in ended.stderr
    assert door.asked == []
    assert_no_trace(ended, door.code())


def test_a_refusal_is_one_sentence_and_no_trace_of_the_secret(door: Door, folder: Path) -> None:
    for code, exit_code in ((door.code(f="00" * 32), 1), (door.code()[:-9], 2), ("hello", 2)):
        ended = run(folder, ["enrol"], code)
        assert ended.returncode == exit_code
        assert len(ended.stderr.splitlines()) == 1
        assert_no_trace(ended, code)


def test_while_it_runs_the_secret_is_in_no_list_of_processes_and_no_environment(
    door: Door, folder: Path
) -> None:
    seen: list[bytes] = []

    def look(granted: dict[str, Any]) -> dict[str, Any]:
        pid = Path("/proc") / str(process.pid)
        seen.extend((pid / name).read_bytes() for name in ("cmdline", "environ"))
        seen.extend(
            path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.stat().st_mode & 0o077
        )
        return granted

    door.change = look
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "enrol"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "AGENT_STATE_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said, complained = process.communicate(door.code(), timeout=60)
    assert process.returncode == 0, complained
    assert len(seen) >= 2
    for secret in (SECRET, door.code()):
        assert all(secret.encode() not in each for each in seen)
        assert secret not in said + complained
    for path in folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def assert_no_trace(ended: subprocess.CompletedProcess[str], code: str) -> None:
    said = ended.stdout + ended.stderr
    for secret in (SECRET, code.removeprefix("opswire1.")[:20]):
        assert secret not in said
    assert "Traceback" not in said
