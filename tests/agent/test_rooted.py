"""The root helper answers the agent's user alone, three verbs, within bounds."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent.errors import Denied
from agent.limits import ROOT_REQUEST_BYTES
from agent.listeners import Outcome
from agent.ports import Holder, list_listening, read_sockets
from agent.root_door import RootAbsent, RootDoor, open_root
from agent.root_verbs import VERBS, Root
from agent.rooted import SOCKET, main
from bridge.settings.agent_table import AGENT_SETTINGS
from tests.agent.roots import US, Serve
from tests.agent.test_listeners import LISTENER
from tests.agent.test_ports import ANY4, LISTEN, Proc, line


def test_it_listens_where_agents_look_for_it() -> None:
    [setting] = [each for each in AGENT_SETTINGS if each.name == "AGENT_ROOT_SOCKET"]
    assert str(SOCKET) == setting.default


def ask(path: Path, request: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        with contextlib.suppress(OSError):
            connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def test_it_names_the_processes_behind_sockets(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "proc"
    folder.mkdir()
    proc = Proc(folder)
    proc.write("tcp", line(f"{ANY4}:0050", LISTEN, 11), line(f"{ANY4}:0051", LISTEN, 12))
    proc.add_process(100, "nginx", 11)
    door = RootDoor(serve(Root(proc=folder)), user=US)
    assert door.name_sockets(frozenset({11, 12})) == {11: Holder(pid=100, name="nginx")}
    assert [each.holders for each in list_listening(folder, door)] == [
        (Holder(pid=100, name="nginx"),),
        (),
    ]


def test_it_names_twenty_thousand_sockets_at_once(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "proc"
    folder.mkdir()
    inodes = range(4_000_000_000, 4_000_020_000)
    Proc(folder).add_process(100, "nginx", *inodes)
    door = RootDoor(serve(Root(proc=folder)), user=US)
    assert len(door.name_sockets(frozenset(inodes))) == 20_000


class Obedient(Root):
    """Notes which port it was to free."""

    def end_listener(self, port: int) -> Outcome:
        if port == 22:
            raise Denied("protected", "port 22 is ssh: it stays")
        nginx = Holder(pid=7, name="nginx")
        return Outcome(port=port, ended=(nginx,), killed=(nginx,), is_free=False, again=(nginx,))


def test_it_ends_a_listener_and_tells_what_became_of_the_port(serve: Serve) -> None:
    door = RootDoor(serve(Obedient()), user=US)
    assert door.end_listener(80) == Obedient().end_listener(80)
    with pytest.raises(Denied) as refused:
        door.end_listener(22)
    assert refused.value.rule == "protected"
    assert refused.value.sentence == "port 22 is ssh: it stays"


def test_protected_ports_are_refused_by_the_helper_itself(serve: Serve) -> None:
    path = serve(Root(protected={22: "ssh", 8001: "the agent's own"}))
    for port in (22, 8001):
        with pytest.raises(Denied, match="it stays"):
            RootDoor(path, user=US).end_listener(port)


def test_another_user_gets_no_answer(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.rooted.os.chown", lambda *_: None)
    path = serve(user=US + 4242)
    request = json.dumps({"verb": "name_sockets", "inodes": [1]}).encode() + b"\n"
    assert ask(path, request) == b""
    with pytest.raises(RootAbsent, match="does not answer"):
        RootDoor(path, user=US).name_sockets(frozenset({1}))


@pytest.mark.skipif(US != 0, reason="only root can be somebody else")
def test_a_real_other_user_can_neither_open_the_socket_nor_gets_an_answer(
    serve: Serve, tmp_path: Path
) -> None:
    path = serve()
    program = (
        "import os, socket, sys\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.settimeout(5)\n"
        "s.connect(sys.argv[1])\n"
        's.sendall(b\'{"verb": "name_sockets", "inodes": [1]}\\n\')\n'
        "print(s.recv(100))\n"
    )
    for each in (tmp_path, *tmp_path.parents):
        if each != Path("/tmp"):  # noqa: S108 - already open to all
            with contextlib.suppress(PermissionError):
                each.chmod(each.stat().st_mode | stat.S_IXOTH)
    words = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr
    path.chmod(0o666)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "PermissionError" not in done.stderr
    assert "holders" not in done.stdout


def test_the_socket_is_the_agents_alone(serve: Serve) -> None:
    status = serve().stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_uid == US


BAD = (
    b"\n",
    b"{}\n",
    b"[]\n",
    b"5\n",
    b"not json\n",
    b"[" * 10_000 + b"\n",
    b'{"verb": "shell", "command": "id"}\n',
    b'{"verb": "__class__"}\n',
    b'{"verb": ["name_sockets"]}\n',
    b'{"verb": null}\n',
    b'{"verb": "name_sockets"}\n',
    b'{"verb": "name_sockets", "inodes": "1"}\n',
    b'{"verb": "name_sockets", "inodes": [true]}\n',
    b'{"verb": "name_sockets", "inodes": [-1]}\n',
    b'{"verb": "end_listener"}\n',
    b'{"verb": "end_listener", "port": "1;id"}\n',
    b'{"verb": "end_listener", "port": 0}\n',
    b'{"verb": "end_listener", "port": true}\n',
    b'{"verb": "end_listener", "port": [80]}\n',
    b'{"verb": "read_auth_log"}\n',
    b'{"verb": "read_auth_log", "inode": 1, "offset": -1}\n',
    b'{"verb": "read_auth_log", "inode": "/etc/shadow", "offset": 0}\n',
    b'{"verb": "read_auth_log", "inode": 1.5, "offset": 0}\n',
    b"\xff\xfe\n",
)


@pytest.mark.parametrize("request_", BAD, ids=lambda each: ascii(each)[:50])
def test_what_is_none_of_the_three_verbs_is_refused(serve: Serve, request_: bytes) -> None:
    answer = json.loads(ask(serve(), request_))
    assert set(answer) == {"denied"}
    assert answer["denied"]["rule"] == "argument"


def test_there_are_three_verbs() -> None:
    assert set(VERBS) == {"name_sockets", "end_listener", "read_auth_log"}


def test_a_request_that_is_too_long_is_not_kept(serve: Serve) -> None:
    answer = ask(serve(), b"x" * (ROOT_REQUEST_BYTES + 10))
    assert b"too long" in answer or answer == b""


def test_a_request_that_does_not_end_is_given_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = serve()
    with monkeypatch.context() as patch:
        patch.setattr("agent.rooted.ROOT_REQUEST_SECONDS", 0.1)
        assert ask(path, b'{"verb"') == b""
    # It goes on for others.
    assert b"denied" in ask(path, b"{}\n")


def test_where_it_is_absent_the_answer_says_so(tmp_path: Path) -> None:
    door = RootDoor(tmp_path / "root.sock", user=US)
    for call in (
        lambda: door.name_sockets(frozenset({1})),
        lambda: door.end_listener(80),
        lambda: door.read_auth_log(0, 0),
    ):
        with pytest.raises(RootAbsent) as refused:
            call()
        assert refused.value.sentence == "the root helper is not installed"
    folder = tmp_path / "proc"
    folder.mkdir()
    Proc(folder).write("tcp", line(f"{ANY4}:0050", LISTEN, 11))
    (found,) = list_listening(folder, door)
    assert found.unknown == "process unknown: the root helper is not installed"


def test_somebody_else_cannot_pass_for_the_helper(serve: Serve) -> None:
    door = RootDoor(serve(Obedient()), user=US + 1)
    with pytest.raises(RootAbsent, match="does not answer"):
        door.end_listener(80)


@pytest.mark.parametrize(
    "answer",
    [
        *(
            b"",
            b"\n",
            b"{}\n",
            b"[]\n",
            b"5\n",
            b'{"told": 5}\n',
            b'{"told": {}}\n',
            b'{"told": {"port": 80}}\n',
        ),
        *(
            b'{"denied": 5}\n',
            b'{"told": {"holders": 5, "content": "%"}}\n',
            b"no json\n",
            b"x" * 100,
        ),
        b'{"told": {"port": 80, "ended": [5], "killed": [], "free": true, "again": []}}\n',
    ],
)
def test_an_answer_that_makes_no_sense_is_a_refusal_and_no_fault(
    answer: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "root.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def reply() -> None:
            for _ in range(3):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(answer)

        thread = threading.Thread(target=reply)
        thread.start()
        door = RootDoor(path, user=US)
        for call in (
            lambda: door.name_sockets(frozenset({1})),
            lambda: door.end_listener(80),
            lambda: door.read_auth_log(0, 0),
        ):
            with pytest.raises(Denied) as refused:
                call()
            assert refused.value.rule == "root"
        thread.join()


def test_an_agent_that_is_root_needs_no_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.root_door.os.geteuid", lambda: 0)
    assert isinstance(open_root(), Root)
    monkeypatch.setattr("agent.root_door.os.geteuid", lambda: 4242)
    assert isinstance(open_root(), RootDoor)


@pytest.mark.parametrize(
    "words", [[], ["--user", "no-such-user"], ["--user", "root", "--agent-port", "0"]]
)
def test_the_helper_does_not_start_with_wrong_words(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2


def test_the_helper_runs_as_a_program_and_ends_when_told(tmp_path: Path) -> None:
    import pwd  # noqa: PLC0415 - for this one test

    path = tmp_path / "folder" / "root.sock"
    user = pwd.getpwuid(US).pw_name
    words = [sys.executable, "-m", "agent.rooted", "--user", user, "--agent-port", "8001"]
    words += ["--socket", str(path)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, umask=0o077) as helper:
        try:
            assert helper.stderr
            assert b"listens on" in helper.stderr.readline()
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755, "the agent comes through it"
            with pytest.raises(Denied, match="the agent's own"):
                RootDoor(path, user=US).end_listener(8001)
            helper.send_signal(signal.SIGTERM)
            assert helper.wait(timeout=60) == 0
        finally:
            helper.kill()
    assert not path.exists()


def test_a_real_listener_is_named_and_ended_by_way_of_the_helper(serve: Serve) -> None:
    door = RootDoor(serve(), user=US)
    with subprocess.Popen(
        [sys.executable, "-c", LISTENER, "plain", "0"], stdout=subprocess.PIPE
    ) as listener:
        try:
            assert listener.stdout
            port = int(listener.stdout.readline())
            (inode,) = (each.inode for each in read_sockets(port=port))
            assert door.name_sockets(frozenset({inode}))[inode].pid == listener.pid
            outcome = door.end_listener(port)
            assert [each.pid for each in outcome.ended] == [listener.pid]
            assert outcome.is_free
        finally:
            listener.kill()
