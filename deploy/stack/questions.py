"""Ask the person at the terminal for a real bot's token, and keep it in `.env`."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bridge.settings import SETTINGS
from deploy.stack.folder import StackFault, write_private

KINDS = {setting.name: setting.kind for setting in SETTINGS}
TOKEN_QUESTION = "Bot token from @BotFather (empty: try it with a local Telegram): "  # noqa: S105  a question
# Chosen: a person who misses three times should read the form in peace.
TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """How to ask without showing what is typed."""

    ask_secretly: Callable[[str], str] = getpass.getpass


def ask_for_token(root: Path, terminal: Terminal) -> bool:
    """Ask once for a bot token; false when the person wants the local Telegram."""
    answer = ask_until_right("BOT_TOKEN", TOKEN_QUESTION, terminal.ask_secretly)
    if answer:
        keep(root, "BOT_TOKEN", answer)
    return bool(answer)


def ask_until_right(name: str, question: str, ask: Callable[[str], str]) -> str:
    """Ask until the answer is empty or has the setting's form."""
    for _ in range(TRIES):
        answer = ask(question).strip()
        if not answer:
            return ""
        try:
            KINDS[name].parse(answer)
        except ValueError:
            print(f"  That is not {KINDS[name].form}.")
        else:
            return answer
    raise StackFault(f"{name} must be {KINDS[name].form}; put it into .env and start again", code=2)


def keep(root: Path, name: str, answer: str) -> None:
    """Put a setting into `.env`, for its owner's eyes."""
    path = root / ".env"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    # A line without a value would win over ours or puzzle its reader.
    kept = re.sub(rf"(?m)^\s*{name}\s*=.*\n?", "", text)
    ending = "" if not kept or kept.endswith("\n") else "\n"
    write_private(path, f"{kept}{ending}{name}={answer}\n")
    print(f"  {name} is kept in .env ({path.stat().st_mode & 0o777:o}).")
