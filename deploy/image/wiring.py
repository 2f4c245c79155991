"""The settings as a container gets them: from the environment, the secrets' files, the profiles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bridge.settings import SETTINGS

STATE = Path("/var/lib/opswire")
TELEGRAM = Path("/var/lib/telegram")
TEMPLATES = "/templates"
# The people of the local Telegram's first world: the group "On call" and Ada.
SANDBOX_CHAT = "-2001"
SANDBOX_ADMIN = "1001"
SANDBOX_URL = "http://sandbox:8081"
# Settings that are the path of a secret file themselves.
FILES = {"notify_urls": "NOTIFY_URLS_FILE"}
SECRETS = {setting.name.lower(): f"{setting.name}_FILE" for setting in SETTINGS if setting.secret}


def wire(environ: Mapping[str, str], secrets: Path) -> dict[str, str]:
    """Give a program its settings; no secret is among them, only where each lies."""
    wired = {**environ, **find_secrets(secrets)}
    if wired.get("TEMPLATES_DIR"):
        wired["TEMPLATES_DIR"] = TEMPLATES  # where the person's folder is seen from in here
    return {**wired, **wire_sandbox(wired)} if has_profile(wired, "sandbox") else wired


def has_profile(environ: Mapping[str, str], name: str) -> bool:
    """Say whether a profile of the compose file is on."""
    profiles = environ.get("COMPOSE_PROFILES", "").split(",")
    return name in {each.strip() for each in profiles}


def find_secrets(folder: Path) -> dict[str, str]:
    """Name the file of each secret that lies in the folder, called as its setting is."""
    known = {**SECRETS, **FILES}
    return {
        setting: str(folder / name)
        for name, setting in known.items()
        if (folder / name).is_file() and (folder / name).stat().st_size
    }


def wire_sandbox(environ: Mapping[str, str]) -> dict[str, str]:
    """Lead the bridge to the local Telegram, with a state that no real bot ever sees."""
    return {
        "STATE_DIR": str(STATE / "sandbox"),
        "BOT_TOKEN": "",
        "BOT_TOKEN_FILE": str(TELEGRAM / "bot_token"),
        "TELEGRAM_API_BASE": SANDBOX_URL,
        "TELEGRAM_PROXY": "",
        "TELEGRAM_PROXY_FILE": "",
        "DATABASE_URL": "",
        "DATABASE_URL_FILE": "",
        "ALERT_CHAT_ID": environ.get("ALERT_CHAT_ID") or SANDBOX_CHAT,
        "ALLOWED_USERS": environ.get("ALLOWED_USERS") or SANDBOX_ADMIN,
    }
