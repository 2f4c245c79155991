"""`./start.sh console …`: the words of `python -m bridge`, to the bridge that runs from here."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.stack.container_files import UNFOLLOWED, Owner
from deploy.stack.container_plan import ContainerRecord
from deploy.stack.folder import Folder, StackFault
from deploy.stack.preparation import read_wishes
from deploy.stack.project import Project

INVENTORY = "/inventory"
"""The folder that the bridge's container shares with this machine."""
BESIDE = ("exec", "-T", "bridge", "opswire")
ABOUT_SANDBOX = "this is about the local Telegram, as long as there is no BOT_TOKEN\n"
ALONE = ("run", "--rm", "--no-deps", "-T", "bridge")


def ask_native(folder: Folder, words: Sequence[str], *, is_sandbox: bool) -> int:
    """Ask the console of this folder, with what its bridge is told beside its settings.

    While none runs, it is the bridge that a start would run: without a bot's token, the sandbox's.
    """
    record = folder.find_record()
    if record is not None:
        told = record.bridge_environ
    else:
        wishes = read_wishes(folder.root, is_sandbox=is_sandbox, terminal=None)
        told = wishes.bridge_places
        if wishes.is_sandbox:
            sys.stderr.write(ABOUT_SANDBOX)
            if not Path(told["BOT_TOKEN_FILE"]).exists():
                del told["BOT_TOKEN_FILE"]  # it has never run here
    command = [sys.executable, "-m", "bridge", *words]
    environ = {**os.environ, **told}
    return subprocess.run(command, cwd=folder.root, env=environ, check=False).returncode


def ask_container(project: Project, record: ContainerRecord, words: Sequence[str]) -> int:
    """Ask the console in the bridge's container, or in one like it while that is stopped."""
    bridge = project.require_own().get("bridge")
    is_running = bridge is not None and bridge.status == "running"
    place = BESIDE if is_running else ALONE
    with carry(record, words) as carried:
        done = project.call(*place, "bridge", *carried.words)
        sys.stdout.write(carried.name(done.stdout))
        sys.stderr.write(carried.name(done.stderr))
        if done.returncode == 0:
            carried.bring()
    return done.returncode


@dataclass(frozen=True, kw_only=True)
class Carried:
    """The words for the container; a file among them lies where it is seen from in there."""

    words: list[str]
    here: Path | None = None
    """Where the person wants it, or has it."""
    shared: Path | None = None
    """Where it lies meanwhile."""
    is_wanted: bool = False
    """Whether it comes out of the container."""

    def name(self, text: str) -> str:
        """Call the file what the person calls it."""
        return (
            text.replace(f"{INVENTORY}/{self.shared.name}", str(self.here)) if self.shared else text
        )

    def bring(self) -> None:
        """Put what was made where it is wanted, whole or not at all."""
        if self.is_wanted and self.here is not None and self.shared is not None:
            # In a folder that a container writes: a link there is none of ours.
            copy(self.shared, self.here, flags=UNFOLLOWED)


@contextlib.contextmanager
def carry(record: ContainerRecord, words: Sequence[str]) -> Iterator[Carried]:
    """Let a container and this machine share the file that a backup is written to or read from.

    Raises:
        StackFault: the file cannot be read, or is there already.
    """
    names = [word for word in words[1:] if not word.startswith("-")]
    if not names or words[0] not in {"backup", "restore"}:
        yield Carried(words=list(words))
        return
    here, is_wanted = Path(names[-1]), words[0] == "backup"
    if is_wanted and os.path.lexists(here) and "--force" not in words:
        raise StackFault(f"{here} is there already; --force replaces it")
    if is_wanted and not here.parent.exists():
        raise StackFault(f"there is no folder {here.parent}")
    shared = Path(record.agents_file).parent / f".carried-{secrets.token_hex(8)}"
    there = f"{INVENTORY}/{shared.name}"
    inside = [words[0], *(there if word == names[-1] else word for word in words[1:])]
    try:
        if not is_wanted:
            copy(here, shared)
            user, group = (int(record.environ[name]) for name in ("OPSWIRE_UID", "OPSWIRE_GID"))
            Owner(user=user, group=group).take(shared, 0o600)
        yield Carried(words=inside, here=here, shared=shared, is_wanted=is_wanted)
    finally:
        shared.unlink(missing_ok=True)


def copy(source: Path, place: Path, *, flags: int = os.O_RDONLY) -> None:
    """Copy a file that is a secret, whole or not at all."""
    fresh = place.with_name(f".{place.name}.unfinished")
    try:
        fresh.unlink(missing_ok=True)
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            os.fdopen(number, "wb") as written,
            os.fdopen(os.open(source, flags), "rb") as read,
        ):
            shutil.copyfileobj(read, written)
            written.flush()
            os.fsync(written.fileno())
        fresh.replace(place)
    except OSError as fault:
        fresh.unlink(missing_ok=True)
        reason = (fault.strerror or type(fault).__name__).lower()
        raise StackFault(f"{fault.filename or place}: {reason}") from None
