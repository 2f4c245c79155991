"""What runs as the agent's own user reads and changes nothing that is the agent's alone."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent import parts
from agent.hiding import can_hide
from agent.jobs import Jobs
from agent.nursery import Nursery
from agent.settings import Settings
from tests.agent.hearing import hear, shell, text_of

KEY = "planted-key-of-the-host"
pytestmark = pytest.mark.skipif(not can_hide(), reason="this kernel has no Landlock")
# A file that is not opened to be cut is one of Landlock's third version.
_SINCE_6_2 = pytest.mark.skipif(
    [int(each) for each in os.uname().release.split(".")[:2]] < [6, 2], reason="an older Landlock"
)
FILES = {"key.pem": KEY, "bridge.pub": "the bridge's", "nonces": "taken"}
READERS = (
    "cat {state}/key.pem",
    "cat {state}/outputs/../key.pem",
    "cd {state} && cat key.pem",
    "cat /proc/self/root{state}/key.pem",
    "ln -s {state} state && cat state/key.pem",
    "cp -r {state} copy && cat copy/key.pem",
    "mv {state} {above}/moved && cat {above}/moved/key.pem",
    "mv {state} {beside}/moved; cat {beside}/moved/key.pem",
    "ln {state}/key.pem {beside}/key && cat {beside}/key",
    "mv {state}/key.pem {beside}/key; cat {beside}/key",
    "exec 3<{state}/key.pem; cat <&3",
    "tar cf - -C {above} state | cat",
    "find {above} -type f -exec cat {{}} +",
)
WRITERS = (
    "echo other > {state}/bridge.pub",
    "echo other >> {state}/bridge.pub",
    pytest.param("truncate -s 0 {state}/bridge.pub", marks=_SINCE_6_2),
    "echo other > own; mv -f own {state}/bridge.pub",
    "echo other > {beside}/own; ln -f {beside}/own {state}/bridge.pub",
    "rm {state}/bridge.pub; echo other > {state}/bridge.pub",
    "cp /etc/hostname {state}/bridge.pub",
    "echo other > {beside}/own; rm {state}/bridge.pub; ln -s {beside}/own {state}/bridge.pub",
    "echo other > {beside}/own; ln -sf {beside}/own {state}/bridge.pub",
    "mv {state}/bridge.pub {state}/old; mv {state}/nonces {state}/bridge.pub",
    "echo other > {beside}/bridge.pub; mv {state} {above}/old; ln -s {beside} {state}",
    "echo other > {beside}/bridge.pub; mv {state} {above}/old; mv {beside} {state}",
    "mkdir -p own/state; echo x > own/state/bridge.pub; mv {above} {above}-old; mv own {above}",
    "rm -f {state}/nonces",
    "rm -rf {state}",
    "mkdir {state}/arriving",
    "mkfifo {state}/record",
)


@dataclass
class Place:
    """An agent's folder, and a folder beside it, both of the user that jobs are."""

    above: Path
    user: str

    @property
    def state(self) -> Path:
        return self.above / "state"

    @property
    def beside(self) -> Path:
        return self.above / "beside"

    def make(self) -> None:
        for each in (self.above, self.state, self.state / "outputs", self.beside):
            each.mkdir(mode=0o700)
        for name, text in FILES.items():
            (self.state / name).write_text(text)
            (self.state / name).chmod(0o600)
        give(self.above, self.user)

    @property
    def is_untouched(self) -> bool:
        """Say whether everything in it is as it was, and a file and a folder of its own."""
        if self.state.is_symlink() or not self.state.is_dir():
            return False
        kept = {each.name: each for each in self.state.iterdir() if each.name != "outputs"}
        return kept.keys() == FILES.keys() and all(
            not kept[name].is_symlink() and kept[name].read_text() == text
            for name, text in FILES.items()
        )

    def fill(self, line: str) -> str:
        return line.format(state=self.state, above=self.above, beside=self.beside)


def give(folder: Path, user: str) -> None:
    """Make a folder and everything in it a user's, where somebody else has made it."""
    if os.geteuid() == 0:
        found = pwd.getpwnam(user)
        for each in (folder, *folder.rglob("*")):
            os.chown(each, found.pw_uid, found.pw_gid)


@pytest.fixture
def place(shared: Path, ordinary: str) -> Place:
    made = Place(shared / "above", ordinary)
    made.make()
    return made


@pytest.fixture
async def jobs(place: Place, tmp_path: Path) -> AsyncIterator[Jobs]:
    async with Nursery(user=place.user, hidden=place.state) as nursery:
        jobs = Jobs(tmp_path, nursery=nursery, clock=time.time)
        yield jobs
        await jobs.close()


@pytest.fixture
async def unbound(place: Place, tmp_path: Path) -> AsyncIterator[Jobs]:
    """Jobs to which nothing is closed."""
    async with Nursery(user=place.user) as nursery:
        jobs = Jobs(tmp_path, nursery=nursery, clock=time.time)
        yield jobs
        await jobs.close()


@pytest.mark.parametrize("line", READERS)
async def test_no_job_reads_the_key_of_its_host(jobs: Jobs, place: Place, line: str) -> None:
    said = await hear(jobs.run("a", shell(place.fill(line))))
    assert KEY not in text_of(said)


@pytest.mark.parametrize("line", READERS)
async def test_what_is_tried_here_would_read_it_otherwise(
    unbound: Jobs, place: Place, line: str
) -> None:
    assert KEY in text_of(await hear(unbound.run("a", shell(place.fill(line)))))


@pytest.mark.parametrize("line", WRITERS)
async def test_no_job_changes_what_its_host_obeys_and_remembers(
    jobs: Jobs, place: Place, line: str
) -> None:
    await hear(jobs.run("a", shell(place.fill(line))))
    assert place.is_untouched


@pytest.mark.parametrize("line", WRITERS)
async def test_what_is_tried_here_would_change_it_otherwise(
    unbound: Jobs, place: Place, line: str
) -> None:
    await hear(unbound.run("a", shell(place.fill(line))))
    assert not place.is_untouched


async def test_a_job_works_everywhere_else_as_it_would(jobs: Jobs, place: Place) -> None:
    line = (
        "echo one > here; cat here; mkdir a; mv here a/there; cat a/there; ls {state} | head -1;"
        "echo two > {beside}/x; cat {beside}/x; cat /etc/passwd | head -1; cat < /dev/null;"
        "echo three > /dev/null; cat /proc/self/comm;"
        "mkfifo pipe; ln -s pipe link; mv link {beside}/link; rm -r pipe a {beside}/link {beside}/x"
    )
    said = await hear(jobs.run("a", shell(place.fill(line))))
    words = text_of(said).split()
    assert words[:4] == ["one", "one", "bridge.pub", "two"]
    assert words[4].startswith("root:")
    assert words[5:] == ["cat"]
    assert text_of(said, is_error=True) == ""
    assert list(place.beside.iterdir()) == []


async def test_where_the_folder_lies_elsewhere_tmp_is_open_as_ever(
    ordinary: str, shared: Path, tmp_path: Path
) -> None:
    line = (
        f"cd {shared} && echo x > a && mv a b && ln -s b c && ln b d && mkdir -p e/f && mv d e/f/"
        f" && mkfifo g && cat c e/f/d && rm -r {shared}/* && ls"
        " && made=$(mktemp -d) && echo $made && rmdir $made"
    )
    async with Nursery(user=ordinary, hidden=Path("/var/lib/opswire-agent")) as nursery:
        jobs = Jobs(tmp_path, nursery=nursery, clock=time.time)
        said = await hear(jobs.run("a", shell(line)))
        await jobs.close()
    assert text_of(said).startswith("x\nx\n/tmp/tmp.")
    assert text_of(said, is_error=True) == ""


@pytest.mark.parametrize(
    ("user", "given"),
    [(0, {"user": "nobody"}), (1000, {"hidden": Path("/var/lib/opswire-agent")})],
)
def test_an_agent_that_is_not_root_hides_its_folder_and_one_that_is_has_somebody_else_run(
    monkeypatch: pytest.MonkeyPatch, user: int, given: dict[str, object]
) -> None:
    made: list[dict[str, object]] = []
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(parts, "Nursery", lambda **wish: made.append(wish))
    settings = Settings.load({"AGENT_JOB_USER": "nobody"})
    parts.create_nursery(settings, Path("/var/lib/opswire-agent"))
    assert made == [given]


def test_where_the_kernel_cannot_hide_it_the_agent_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(parts, "Nursery", lambda **wish: wish)
    monkeypatch.setattr(parts, "can_hide", lambda: False)
    parts.create_nursery(Settings.load({}), Path("/var/lib/opswire-agent"))
    assert "can read this agent's key" in caplog.text
