"""The supervisor with real processes: what dies comes back, and nothing outlives its owner."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.stack.folder import Folder, StackFault
from deploy.stack.leftovers import find_leftovers
from deploy.stack.supervision import fetch_states, start_program, stop_program
from deploy.stack.watcher import reload_one

pytestmark = pytest.mark.live

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60
# A stack of two programs that only wait; one of them would rather not end.
STACK = '''
import os, sys
from pathlib import Path
from deploy.stack.folder import Folder, Member, Record, strip_environ
from deploy.stack.foreground import Ending, Foreground
from deploy.stack.run import hold
from deploy.stack.voice import Voice

folder = Folder(Path.cwd())
wait = [sys.executable, "-S", "-c", """if True:
    import signal, time
    signal.signal(signal.SIGHUP, lambda *_: print('read again', flush=True))
    print('here', flush=True)
    time.sleep(1000)"""]
environ = {**strip_environ(os.environ), "SECRET": "planted"}
members = [Member(name=name, command=wait, environ=environ) for name in ("one", "two")]
with hold(folder), Ending() as ending:
    record = Record(pid=os.getpid(), is_sandbox=False, state_dir="", bridge_state_dir="",
                    sandbox_dir="", agents_file="", addresses={"one": "", "two": ""},
                    ready_urls={"one": "", "two": ""}, urls={})
    folder.put_record(record)
    greet = lambda: ["ready"]
    sys.exit(Foreground(folder, members, voice=Voice(), ending=ending, greet=greet).run())
'''


class Stack:
    """A stack in a folder of its own, run by a process of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "deploy").symlink_to(ROOT / "deploy")
        (place / "bridge").symlink_to(ROOT / "bridge")
        self.folder = Folder(place)
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", STACK],
            cwd=self.place,
            env={**os.environ, "PYTHONPATH": str(self.place)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def hear(self, words: str) -> str:
        """Read on until a line has these words."""
        assert self.process.stdout is not None
        said = []
        for line in self.process.stdout:
            if words in line:
                return line
            said.append(line)
        raise AssertionError(f"never said: {words}, but: {''.join(said)}")

    def pid(self, name: str) -> int:
        return int(fetch_states(self.folder)[name]["pid"])

    def left(self) -> list[int]:
        return find_leftovers(self.folder)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    # Deep on purpose: a socket's whole path would not fit in 107 bytes.
    # And with every letter that some configuration's form gives a meaning.
    place = tmp_path / ("deep-" * 20) / 'it\'s a "folder" [x] %d $HOME ; # ünï' / ("folder-" * 10)
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    running = Stack(place)
    try:
        running.hear("ready")
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        wait_until(lambda: not running.left())
        if running.process.stdout:
            running.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_and_leaves_no_secret(stack: Stack, number: int) -> None:
    assert len(stack.left()) == 3
    stack.process.send_signal(number)
    assert stack.process.wait(PATIENCE_SECONDS) == 0
    assert stack.left() == []
    assert [
        path.name for path in stack.folder.run.iterdir() if path.suffix in {".json", ".conf"}
    ] == []


def test_a_killed_owner_takes_everything_with_it(stack: Stack) -> None:
    stack.process.kill()
    stack.process.wait()
    wait_until(lambda: not stack.left())
    assert stack.folder.find_holder() is None


def test_a_killed_supervisor_takes_its_programs_with_it_and_the_run_ends(stack: Stack) -> None:
    number = int((stack.folder.run / "supervisor.pid").read_text())
    os.kill(number, signal.SIGKILL)
    assert stack.process.wait(PATIENCE_SECONDS) != 0
    wait_until(lambda: not stack.left())


def test_what_dies_is_started_again_and_both_are_said(stack: Stack) -> None:
    before = stack.pid("one")
    os.kill(before, signal.SIGKILL)
    assert "one was killed; it is started again" in stack.hear("killed")
    assert "one was killed, restarted" in stack.hear("restarted")
    assert stack.pid("one") not in {0, before}


def test_one_program_is_stopped_and_started(stack: Stack) -> None:
    assert stop_program(stack.folder, "two")
    stack.hear("two stopped")
    assert not stop_program(stack.folder, "two")
    assert fetch_states(stack.folder)["two"]["statename"] == "STOPPED"
    assert start_program(stack.folder, "two")
    stack.hear("two started")
    assert not start_program(stack.folder, "two")
    with pytest.raises(StackFault, match="three is not a part"):
        stop_program(stack.folder, "three")


def test_a_program_is_told_to_reload_and_lives_on(stack: Stack) -> None:
    before = stack.pid("one")
    log = stack.folder.logs / "one.log"
    wait_until(lambda: "here" in log.read_text())  # from then on it hears
    assert reload_one(stack.folder, "one") == "one was told to reload"
    wait_until(lambda: "read again" in log.read_text())
    assert stack.pid("one") == before
    assert stop_program(stack.folder, "two")
    assert reload_one(stack.folder, "two") == "two will read it when it starts"
    assert reload_one(stack.folder, "three") == "your own three must reload"


def test_a_second_stack_in_the_folder_is_refused(stack: Stack) -> None:
    second = stack.start()
    said, _ = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode != 0
    assert "runs already" in said
    assert stack.process.poll() is None


def test_secrets_of_programs_lie_only_in_files_of_the_owner(stack: Stack) -> None:
    plans = [stack.folder.run / f"{name}.json" for name in ("one", "two")]
    assert all(json.loads(path.read_text())["environ"]["SECRET"] == "planted" for path in plans)
    for path in [*plans, stack.folder.run / "supervisor.conf", stack.folder.run / "stack.json"]:
        assert path.stat().st_mode & 0o777 == 0o600
    assert stack.folder.run.stat().st_mode & 0o777 == 0o700
    for pid in stack.left():
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"planted" not in words
    supervisor = int((stack.folder.run / "supervisor.pid").read_text())
    assert b"planted" not in Path(f"/proc/{supervisor}/environ").read_bytes()


def test_logs_are_the_owners(stack: Stack) -> None:
    log = stack.folder.logs / "one.log"
    wait_until(lambda: log.exists() and "here" in log.read_text())
    assert stack.folder.logs.stat().st_mode & 0o777 == 0o700
    for path in (*stack.folder.logs.iterdir(), *stack.folder.run.iterdir()):
        assert path.is_socket() or path.stat().st_mode & 0o077 == 0, path
