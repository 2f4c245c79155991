"""What was typed or pressed, as a command and its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_COMMAND: Final = re.compile(
    r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{3,40}))?(?:\s(.*))?", re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A command as it was called."""

    name: str
    words: tuple[str, ...] = ()
    text: str = ""
    """What stands behind it, byte for byte."""
    bot: str = ""
    """The bot that it names behind an @; empty where it names none."""

    def is_for(self, bot: str) -> bool:
        """Say whether it is for this bot, or for whoever reads it."""
        return not self.bot or self.bot.casefold() == bot.casefold()


def parse_request(text: str) -> Request | None:
    """Read a message; None where it is no command."""
    match = _COMMAND.fullmatch(text.strip())
    if match is None:
        return None
    name, bot, rest = match[1], match[2] or "", match[3] or ""
    return Request(name=name, words=tuple(rest.split()), text=rest, bot=bot)


def parse_press(pressed: str) -> Request:
    """Read what a button holds: a command as typed, without its slash."""
    name, _, rest = pressed.partition(" ")
    return Request(name=name, words=tuple(rest.split()), text=rest)
