"""Which way a run goes, natively or in containers: a folder goes on as it began.

Either way keeps people, chats and alerts in places of its own, so that whoever changes over by
accident finds a bot that knows nobody.
"""

from __future__ import annotations

from pathlib import Path

from bridge.settings import read_environment
from deploy.stack.engine import EngineFault, find_engine, require_near
from deploy.stack.folder import Folder, write_private
from deploy.stack.voice import Voice

NATIVE, CONTAINERS = "native", "containers"
CHANGE_OVER = "docs/containers.md says how to take along what is kept"


def choose_containers(folder: Folder, voice: Voice, *, is_sandbox: bool = False) -> bool:
    """Say whether a run that nobody forced to a way is one in containers.

    The local Telegram has a store of its own either way, and nothing to lose.

    Raises:
        EngineFault: it should be, and the engine cannot be used.
    """
    if runs_natively(folder):
        return False  # its own answer says so
    way = "" if is_sandbox else find_way(folder.root)
    try:
        require_near(find_engine())
    except EngineFault as fault:
        if way == CONTAINERS:
            raise EngineFault(
                f"this folder runs in containers: {fault}, with a store of its own"
            ) from None
        return False
    if way == NATIVE:
        voice.say(
            "this folder has run without containers and goes on so; ./start.sh --docker changes"
            f" over ({CHANGE_OVER})"
        )
    if not way:
        voice.say("a Docker engine answers, so this runs in containers; --native forbids it")
    return way != NATIVE


def keep_way(root: Path, way: str, voice: Voice) -> None:
    """Remember the way of a run with a real bot, and say what changing over means."""
    before = find_way(root)
    if before == way:
        return
    if before:
        voice.say(f"this way begins with a store of its own; {CHANGE_OVER}")
    write_private(_place(root), f"{way}\n")


def find_way(root: Path) -> str:
    """Give the way of the last run with a real bot; empty before there was one."""
    try:
        return _place(root).read_text("utf-8").strip()
    except OSError:
        return NATIVE if has_native_state(root) else ""


def has_native_state(root: Path) -> bool:
    """Say whether a bridge with a real bot has run here without containers."""
    state = Path(read_environment(root).get("STATE_DIR", "state")).expanduser()
    return (root / state / "agents").is_dir()


def runs_natively(folder: Folder) -> bool:
    """Say whether the whole stack runs here without containers; a lone agent is none."""
    record = folder.find_record()
    return record is not None and bool(record.urls)


def _place(root: Path) -> Path:
    return root / ".runtime" / "way"
