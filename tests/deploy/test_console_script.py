"""The installed console: root carries backups for the bridge's user, and trusts no link."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.scratch import ROOT

# What the shell calls by name; the folder of the machine's own is beside the test's files.
STUBS = {
    "id": "echo 0",
    "chown": 'echo "$*" >>"$HERE/given"',
    "mktemp": """\
case "$*" in
    -d*) echo "$2" >"$HERE/made"; exec /usr/bin/mktemp -d "$HERE/${2##*/}" ;;
    *) exec /usr/bin/mktemp "$@" ;;
esac""",
    "systemctl": 'echo "$*" >"$HERE/stopped"',
    "systemd-run": """\
for word; do :; done
cp -a "$word" "$HERE/arrived" 2>/dev/null || true
. "$HERE/bridge.sh" """,
}


class Console:
    """The script with a machine of stubs."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.tools = here / "tools"
        self.tools.mkdir()
        for name, script in STUBS.items():
            (self.tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (self.tools / name).chmod(0o755)
        self.let('echo kept >"$word"')

    def let(self, script: str) -> None:
        """Let the bridge do something with the file that it is told of, `$word`."""
        (self.here / "bridge.sh").write_text(script)

    def begin(self, *words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", str(ROOT / "deploy/opswire.sh"), *map(str, words)],
            env={"PATH": f"{self.tools}:{os.environ['PATH']}", "HERE": str(self.here)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ask(self, *words: str | Path) -> tuple[int, str]:
        with self.begin(*words) as process:
            out, said = process.communicate(timeout=60)
        return process.returncode, out + said

    @property
    def carried(self) -> list[Path]:
        return list(self.here.glob("*carried*"))


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    # Whoever starts the suite with nohup has it and its children ignore a lost connection.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield Console(tmp_path)
    signal.signal(signal.SIGHUP, before)


def test_a_backup_comes_by_a_folder_that_the_bridges_user_cannot_replace(console: Console) -> None:
    wanted = console.here / "one.zip"
    assert console.ask("backup", wanted) == (0, f"It is {wanted} now.\n")
    assert wanted.read_text() == "kept\n"
    assert wanted.stat().st_mode & 0o777 == 0o600
    made = Path((console.here / "made").read_text().strip())
    assert made.parent == Path("/var/lib"), "its parent is root's alone"
    given = (console.here / "given").read_text().splitlines()
    assert [line.split()[0] for line in given] == ["opswire:opswire", "root:root"]
    assert console.carried == []
    assert [path.name for path in console.here.glob("one*")] == ["one.zip"]


def test_a_link_in_a_backups_place_is_not_followed(console: Console) -> None:
    secret = console.here / "secret"
    secret.write_text("root's own\n")
    console.let(f'ln -s {secret} "$word"')
    code, said = console.ask("backup", console.here / "one.zip")
    assert code == 1
    assert "there is no backup" in said
    assert not (console.here / "one.zip").exists()
    assert console.carried == []


def test_a_restore_hands_the_bridges_user_a_copy(console: Console) -> None:
    kept = console.here / "kept.zip"
    kept.write_text("all of it")
    console.let('grep -q "all of it" "$word"')
    assert console.ask("restore", kept) == (0, "")
    assert (console.here / "arrived").read_text() == "all of it"
    assert console.carried == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 143), (signal.SIGINT, 130)]
)
def test_a_backup_that_is_cut_off_leaves_nothing(console: Console, number: int, code: int) -> None:
    console.let('echo kept >"$word"; echo begun; exec sleep 60')
    with console.begin("backup", console.here / "one.zip") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        assert len(console.carried) == 1
        os.killpg(process.pid, number)
        assert process.wait(30) == code
    assert (console.here / "stopped").read_text().startswith("stop --quiet opswire-console-")
    assert console.carried == []
    assert not (console.here / "one.zip").exists()
