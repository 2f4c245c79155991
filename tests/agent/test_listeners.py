"""The listener of a port ends, patiently first; its clients live; protected ports stay."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from agent.errors import AgentError, Denied
from agent.listeners import PROTECTED_PORTS, Outcome, close
from agent.ports import Holder
from tests.agent.test_ports import ANY4, LISTEN, Proc, line

LISTENER = r"""
import os, signal, socket, sys, time
how = sys.argv[1]
listening = socket.create_server(("127.0.0.1", int(sys.argv[2])))
if how == "heedless":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if how == "shared":
    os.fork()
if how == "lets go":
    signal.signal(signal.SIGTERM, lambda *_: listening.close())
os.write(1, b"%d\n" % listening.getsockname()[1])
held = []
while True:
    try:
        held.append(listening.accept())
    except OSError:
        time.sleep(60)
"""
SUPERVISOR = """
import subprocess, sys
port = 0
while True:
    with subprocess.Popen([sys.executable, "-c", sys.argv[1], "plain", str(port)],
                          stdout=subprocess.PIPE) as child:
        port = int(child.stdout.readline())
        print(port, flush=True)
"""
CLIENT = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connected:
    print("connected", flush=True)
    while connected.recv(1):
        pass
    print("let go", flush=True)
    sys.stdin.readline()
"""
HANDED_ON = """
import os, socket, sys, time
ours, theirs = socket.socketpair()
if os.fork() == 0:
    os.setuid(int(sys.argv[1]))
    listening = socket.create_server(("127.0.0.1", 0))
    socket.send_fds(theirs, [b"take it"], [listening.fileno()])
    os.write(1, b"%d\\n" % listening.getsockname()[1])
    time.sleep(600)
handed = socket.recv_fds(ours, 16, 1)
os.write(1, b"0\\n")
sys.stdin.readline()
"""
"""A user opens a listener and hands it to a process of root's, as anybody can to a bus."""
Start = Callable[..., "subprocess.Popen[bytes]"]
PATIENCE_SECONDS = 60.0
"""Whoever heeds is gone in milliseconds; a machine that stalls kills nobody for it."""


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.listeners.END_SURE_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as running:

        def run(program: str, *words: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-c", program, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            running.enter_context(process)
            running.callback(kill_session, process)
            return process

        yield run


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """End whatever a test left of what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def read_port(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout
    return int(process.stdout.readline())


def is_free(port: int) -> bool:
    with closing(socket.socket()) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_the_listener_ends_and_its_client_lives(start: Start) -> None:
    listener = start(LISTENER, "plain", "0")
    port = read_port(listener)
    client = start(CLIENT, str(port))
    assert client.stdout
    assert client.stdout.readline() == b"connected\n"
    outcome = close(port, grace=PATIENCE_SECONDS)
    assert outcome.ended == (Holder(pid=listener.pid, name=outcome.ended[0].name),)
    assert outcome.killed == ()
    assert outcome.is_free
    assert listener.wait(timeout=60) == -signal.SIGTERM
    assert is_free(port)
    # It noticed that its connection ended, and is still there to tell.
    assert client.stdout.readline() == b"let go\n"
    assert client.poll() is None


def test_a_client_in_this_very_process_lives_too(start: Start) -> None:
    port = read_port(start(LISTENER, "plain", "0"))
    with socket.create_connection(("127.0.0.1", port)) as connected:
        assert close(port, grace=PATIENCE_SECONDS).is_free
        connected.settimeout(60)
        assert connected.recv(1) == b""


def test_whoever_does_not_heed_term_is_killed_after_the_grace(start: Start) -> None:
    listener = start(LISTENER, "heedless", "0")
    port = read_port(listener)
    outcome = close(port, grace=0.3)
    assert [each.pid for each in outcome.killed] == [listener.pid]
    assert outcome.is_free
    assert listener.wait(timeout=60) == -signal.SIGKILL


def test_a_stopped_listener_ends_as_well(start: Start) -> None:
    listener = start(LISTENER, "plain", "0")
    port = read_port(listener)
    listener.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, listener.pid, os.WSTOPPED)  # of two signals the other would come first
    outcome = close(port, grace=0.3)
    assert [each.pid for each in outcome.killed] == [listener.pid]
    assert outcome.is_free


def test_all_processes_that_share_the_socket_end(start: Start) -> None:
    listener = start(LISTENER, "shared", "0")
    port = read_port(listener)
    assert read_port(listener) == port
    outcome = close(port, grace=PATIENCE_SECONDS)
    assert len(outcome.ended) == 2
    assert outcome.is_free


def test_a_listener_that_lets_go_of_its_port_is_not_killed(start: Start) -> None:
    listener = start(LISTENER, "lets go", "0")
    port = read_port(listener)
    begun = time.monotonic()
    outcome = close(port, grace=60)
    assert outcome.killed == ()
    assert outcome.is_free
    assert listener.poll() is None
    assert time.monotonic() - begun < 30


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_whoever_was_handed_the_socket_by_another_user_lives(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bystander = start(HANDED_ON, "65534")
    port = max(read_port(bystander) for _ in range(2))
    monkeypatch.setattr("agent.listeners.END_SURE_SECONDS", 0.1)  # it listens on
    outcome = close(port, grace=0.3)
    assert len(outcome.ended) == 1
    assert bystander.pid not in {each.pid for each in outcome.ended}
    assert bystander.poll() is None
    assert not outcome.is_free
    assert [each.pid for each in outcome.again] == [bystander.pid], "and this is told"
    with pytest.raises(Denied, match=r"was handed to .* by another user") as refused:
        close(port)
    assert refused.value.rule == "protected"
    assert bystander.poll() is None


def test_what_is_started_again_is_told(start: Start) -> None:
    supervisor = start(SUPERVISOR, LISTENER)
    port = read_port(supervisor)
    outcome = close(port, grace=PATIENCE_SECONDS)
    assert len(outcome.ended) == 1
    # A machine that is slow in starting it again leaves the port free for a moment.
    if not outcome.is_free:
        assert outcome.again[0].pid != outcome.ended[0].pid
    assert supervisor.poll() is None


def test_where_nothing_listens_nothing_ends() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    assert close(port) == Outcome(port=port, ended=(), is_free=True)


def test_a_port_that_is_only_a_clients_end_is_left_alone(start: Start) -> None:
    port = read_port(start(LISTENER, "plain", "0"))
    with socket.create_connection(("127.0.0.1", port)) as connected:
        assert close(connected.getsockname()[1]).ended == ()
        connected.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connected.recv(1)


@pytest.mark.parametrize("port", [22, 9100, 8001])
def test_a_protected_port_stays(port: int, tmp_path: Path) -> None:
    proc = Proc(tmp_path)
    proc.write("tcp", line(f"{ANY4}:{port:04X}", LISTEN, 11))
    with pytest.raises(Denied) as refused:
        close(port, protected={**PROTECTED_PORTS, 8001: "the agent's own"}, proc=tmp_path)
    assert refused.value.rule == "protected"
    assert refused.value.sentence.startswith(f"port {port} is ")


@pytest.mark.parametrize(
    ("pid", "name"),
    [(1, "systemd"), (4_000_001, "sshd"), (4_000_002, "node_exporter"), (os.getpid(), "python")],
    ids=["the first process", "sshd", "node_exporter", "the agent itself"],
)
def test_a_protected_process_stays_whatever_its_port(pid: int, name: str, tmp_path: Path) -> None:
    proc = Proc(tmp_path)
    proc.write("tcp", line(f"{ANY4}:08AE", LISTEN, 11, user=os.geteuid()))
    proc.add_process(pid, name, 11)
    with pytest.raises(Denied) as refused:
        close(2222, proc=tmp_path)
    assert refused.value.rule == "protected"


def test_a_listener_of_this_process_stays() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        with pytest.raises(Denied, match="it stays"):
            close(listening.getsockname()[1])
        assert listening.fileno() >= 0


def test_a_process_that_no_longer_holds_the_socket_is_not_hit(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    bystander = start("print(0, flush=True); input()")
    read_port(bystander)
    proc = Proc(tmp_path)
    proc.write("tcp", line(f"{ANY4}:08AE", LISTEN, 11, user=os.geteuid()))
    # It was listed, and has let go by the time it is looked at again.
    proc.add_process(bystander.pid, "old", 11)
    monkeypatch.setattr("agent.listeners.read_held", lambda *_: set())
    monkeypatch.setattr("agent.listeners.END_SURE_SECONDS", 0.1)  # and listed it stays
    outcome = close(2222, proc=tmp_path, grace=0.1)
    assert outcome.ended == ()
    assert bystander.poll() is None


class Root:
    """Ends listeners of others, or says why not."""

    def __init__(self, answer: Outcome | AgentError) -> None:
        self.answer = answer
        self.asked: list[int] = []

    def end_listener(self, port: int) -> Outcome:
        self.asked.append(port)
        if isinstance(self.answer, AgentError):
            raise self.answer
        return self.answer


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tables with a listener of a user that the agent is not."""
    monkeypatch.setattr("agent.listeners.os.geteuid", lambda: 4242)
    Proc(tmp_path).write("tcp", line(f"{ANY4}:08AE", LISTEN, 11, user=0))
    return tmp_path


def test_a_listener_of_another_user_is_left_to_the_root_helper(foreign: Path) -> None:
    done = Outcome(port=2222, ended=(Holder(pid=7, name="x"),))
    root = Root(done)
    assert close(2222, ender=root, proc=foreign) == done
    assert root.asked == [2222]


def test_without_the_root_helper_the_refusal_says_so(foreign: Path) -> None:
    root = Root(Denied("root", "the root helper is not installed"))
    with pytest.raises(Denied) as refused:
        close(2222, ender=root, proc=foreign)
    assert refused.value.rule == "root"
    assert refused.value.sentence == (
        "what listens on port 2222 belongs to another user: the root helper is not installed"
    )
    with pytest.raises(Denied, match="belongs to another user"):
        close(2222, proc=foreign)


def test_what_the_root_helper_refuses_is_refused(foreign: Path) -> None:
    with pytest.raises(Denied) as refused:
        close(2222, ender=Root(Denied("protected", "it stays")), proc=foreign)
    assert refused.value.rule == "protected"


def test_no_program_and_no_shell_is_started_to_end_a_listener(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = read_port(start(LISTENER, "plain", "0"))

    def fail(*_: object, **__: object) -> None:
        pytest.fail("a program was started")

    for name in ("subprocess.Popen", "os.system", "os.execve", "os.posix_spawn", "os.fork"):
        monkeypatch.setattr(name, fail)
    assert close(port, grace=PATIENCE_SECONDS).is_free


def test_an_outcome_is_told_as_facts() -> None:
    outcome = Outcome(port=80, ended=(Holder(pid=7, name="x"),), is_free=True)
    assert outcome.to_facts() == {
        "port": 80,
        "ended": [{"pid": 7, "name": "x"}],
        "killed": [],
        "free": True,
        "again": [],
    }
