"""What must lie in the volumes before any other container starts: secrets, keys, fixed lists."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import string
import tempfile
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import time

from bridge.clients.authority import FOLDER, open_authority
from bridge.core.monitoring import AGENT_FILES
from deploy.image.wiring import TELEGRAM, has_profile

CONFIG = Path("/config")
# Read by one other container, which is in our group; by nobody else.
SHARED_FILE, SHARED_FOLDER, OWN_FILE, OPEN_FILE = 0o640, 0o750, 0o600, 0o644
SANDBOX_BOT = 7000000001
# Telegram's tokens: the bot's id, a colon, 35 of these.
TOKEN_LETTERS = string.ascii_letters + string.digits + "_-"
CADVISOR = [{"targets": ["cadvisor:8080"], "labels": {"host": "opswire"}}]


class Unwritable(Exception):
    """A place cannot be written; the text says which, by whom and why."""

    def __init__(self, name: str, reason: str) -> None:
        us = f"{os.getuid()}:{os.getgid()}"
        super().__init__(f"{name} cannot be written by user {us} ({reason})")


def require_places(places: Mapping[Path, str]) -> None:
    """See that every place is ours to write, with all that lies in it.

    Raises:
        Unwritable: one is not; it belongs to another user, as a rule.
    """
    for place, name in places.items():
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as fault:
            owner = place.stat().st_uid if place.exists() else "nobody"
            reason = (fault.strerror or type(fault).__name__).lower()
            raise Unwritable(name, f"{reason}; it belongs to {owner}") from fault
        # A volume is open to everybody, and what a container made in it is that one's alone. What
        # is mounted within one is a folder of the person's, who may keep more in it.
        if not any(other in places for other in place.parents):
            require_all_ours(place, name, places)


def require_all_ours(place: Path, name: str, places: Collection[Path]) -> None:
    """See that nothing in a volume is another user's.

    Raises:
        Unwritable: something is.
    """
    for folder, folders, files in os.walk(place):
        folders[:] = [each for each in folders if Path(folder, each) not in places]
        for path in (Path(folder, each) for each in (*folders, *files)):
            with contextlib.suppress(FileNotFoundError):  # a program at work makes and removes some
                if (owner := path.lstat().st_uid) != os.getuid():
                    reason = f"{path.relative_to(place)} in it belongs to {owner}"
                    raise Unwritable(name, reason)


def lay(environ: Mapping[str, str]) -> None:
    """Make what is missing and give every program its copy."""
    state = Path(environ["STATE_DIR"])
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    bearer = read_given(environ, "WEBHOOK_TOKEN") or find_or_create(
        state / "webhook_token", secrets.token_urlsafe(32)
    )
    for party in ("prometheus", "alertmanager"):
        put(CONFIG / party / "secrets" / "webhook_token", bearer, mode=SHARED_FILE)
    lay_keys(state / FOLDER, environ["AGENTS_ADDRESS"])
    shipped = Path("prometheus/blackbox.yml").read_text("utf-8")
    put(CONFIG / "blackbox" / "blackbox.yml", shipped, mode=OPEN_FILE)
    if has_profile(environ, "sandbox"):
        find_or_create(TELEGRAM / "bot_token", create_bot_token())
        find_or_create(TELEGRAM / "page_token", secrets.token_urlsafe(32))
    if has_profile(environ, "grafana"):
        lay_password(Path(environ["SECRETS_DIR"]), state)
    lay_cadvisor(is_on=has_profile(environ, "cadvisor"))


def lay_keys(folder: Path, door: str) -> None:
    """Give Prometheus what it shows to agents, and none of what signs."""
    open_authority(folder, door=door, now=datetime.fromtimestamp(time(), tz=UTC))
    for name in AGENT_FILES:
        text = (folder / name).read_text("utf-8")
        put(CONFIG / "prometheus" / "agents" / name, text, mode=SHARED_FILE)


def lay_password(given: Path, state: Path) -> None:
    """Give Grafana the password of its admin: the one in the secrets, else one made once."""
    path = given / "grafana_admin_password"
    password = path.read_text("utf-8").strip() if path.is_file() else ""
    password = password or find_or_create(state / path.name, secrets.token_urlsafe(18))
    put(CONFIG / "grafana" / "admin_password", password, mode=SHARED_FILE)


def lay_cadvisor(*, is_on: bool) -> None:
    """Let Prometheus ask cAdvisor while its profile is on."""
    path = CONFIG / "prometheus" / "targets" / "cadvisor.json"
    if is_on:
        put(path, json.dumps(CADVISOR, indent=2) + "\n", mode=OPEN_FILE)
    else:
        path.unlink(missing_ok=True)


def read_given(environ: Mapping[str, str], name: str) -> str:
    """Read a secret that a person gave; empty when they gave none."""
    path = environ.get(f"{name}_FILE", "")
    return Path(path).read_text("utf-8").strip() if path else ""


def find_or_create(path: Path, fresh: str) -> str:
    """Read a secret's file, or write the fresh one there for its owner's eyes."""
    if path.is_file() and (kept := path.read_text("utf-8").strip()):
        return kept
    put(path, f"{fresh}\n", mode=OWN_FILE)
    return fresh


def create_bot_token() -> str:
    """Make a token of the local Telegram's bot."""
    tail = "".join(secrets.choice(TOKEN_LETTERS) for _ in range(35))
    return f"{SANDBOX_BOT}:{tail}"


def put(path: Path, text: str, *, mode: int) -> None:
    """Write a file in one step, unless it says the same already."""
    folder = path.parent
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(SHARED_FOLDER)
    if path.is_file() and path.stat().st_mode & 0o777 == mode and path.read_text("utf-8") == text:
        return
    number, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}-", suffix=".tmp")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        Path(name).replace(path)
    finally:  # half a secret is one too, where the disk is full
        Path(name).unlink(missing_ok=True)
