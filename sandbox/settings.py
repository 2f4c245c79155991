"""The sandbox's settings, from the environment; the only place that reads it."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BOT_ID = 7_000_000_001  # of the bot whose token is made at the first start

_BOT_TOKEN = re.compile(r"([1-9][0-9]{0,18}):[A-Za-z0-9_-]{30,64}")
_PAGE_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
_HIGHEST_PORT = 65_535


class SettingsError(Exception):
    """A setting that cannot be used, in one sentence that names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How one sandbox runs."""

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 8081  # 0 asks the system for a free one
    paced: bool = True  # pacing at the first start; the control API changes it later
    webhook_retry_seconds: float = 1.0  # the first pause after a failed push; it doubles


@dataclass(frozen=True)
class Tokens:
    """The two secrets of a sandbox."""

    bot: str
    page: str

    @property
    def bot_id(self) -> int:
        """The bot's user id, which every Bot API token begins with."""
        return int(self.bot.partition(":")[0])


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings and refuse what cannot be meant."""
    text = environment.get("SANDBOX_PORT", "") or "8081"
    if not text.isdecimal() or int(text) > _HIGHEST_PORT:
        raise SettingsError(f"SANDBOX_PORT is {text!r}: give a number from 0 to {_HIGHEST_PORT}.")
    return Settings(
        host=environment.get("SANDBOX_HOST", "") or "127.0.0.1",
        port=int(text),
        state_dir=Path(environment.get("SANDBOX_STATE_DIR", "") or "state/sandbox"),
    )


def read_tokens(state_dir: Path) -> Tokens:
    """Read the two token files, making each that is absent."""
    bot = _read_or_make(state_dir / "bot_token", f"{BOT_ID}:{_random_letters(35)}")
    page = _read_or_make(state_dir / "page_token", secrets.token_urlsafe(24))
    if not _BOT_TOKEN.fullmatch(bot):
        raise SettingsError(
            f"{state_dir / 'bot_token'} holds no bot token: write one of the form 123456:ABC… "
            "or delete the file."
        )
    if not _PAGE_TOKEN.fullmatch(page):
        raise SettingsError(
            f"{state_dir / 'page_token'} holds no page token: delete the file to get a fresh one."
        )
    return Tokens(bot, page)


def prepare_state_dir(path: Path) -> None:
    """Make the state folder, for its owner alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The state folder {path} cannot be used ({error.strerror}): "
            "set SANDBOX_STATE_DIR to a folder that can be written."
        ) from error


def _read_or_make(path: Path, fresh: str) -> str:
    try:
        # A file without content is what a crash left of its making.
        if path.exists() and (kept := path.read_text(encoding="ascii").strip()):
            return kept
        unfinished = path.with_suffix(".unfinished")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(fresh + "\n")
        unfinished.replace(path)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} holds no token: delete the file.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read or written: {error.strerror}.") from error
    return fresh


def _random_letters(count: int) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    return "".join(secrets.choice(letters) for _ in range(count))
