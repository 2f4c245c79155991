"""What this host does for anybody at all: its ceiling, one word in a file of its owner.

The bridge may ask for less, never for more. A file that is wrong in any way counts as the lowest
word, and the reason is told; no file at all means `actions`.
"""

from __future__ import annotations

import enum
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.errors import Denied
from agent.limits import CEILING_BYTES
from agent.owned import Untrusted, read_owned
from agent.wire import Verb
from agent.words import show

CEILING_FILE: Final = Path("/etc/opswire/ceiling")
_log = logging.getLogger(__name__)


class Ceiling(enum.Enum):
    """How much a host allows, the least first."""

    MONITOR = "monitor"
    """Tell facts."""
    ACTIONS = "actions"
    """Run what its catalogue has; end a listener."""
    SHELL = "shell"
    """Run anything."""

    @property
    def rank(self) -> int:
        """Where it stands among them."""
        return list(Ceiling).index(self)

    def covers(self, other: Ceiling) -> bool:
        """Say whether it allows what the other allows."""
        return self.rank >= other.rank


_NEEDS: Final = {Verb.RUN: Ceiling.ACTIONS, Verb.CLOSE: Ceiling.ACTIONS}
"""What verbs need that do more than tell, or stop what was allowed before."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How much a host allows now."""

    ceiling: Ceiling
    why: str = ""
    """What is wrong with the file that should say it."""


def judge_ceiling(path: Path = CEILING_FILE, *, own: frozenset[int] | None = None) -> Standing:
    """Read how much this host allows, and what is wrong with the file if anything is.

    Args:
        path: The file.
        own: The users that the agent is or can become; None asks the system.
    """
    try:
        content = read_owned(path, at_most=CEILING_BYTES, own=own)
    except Untrusted as fault:
        return Standing(ceiling=Ceiling.MONITOR, why=str(fault))
    if content is None:
        return Standing(ceiling=Ceiling.ACTIONS)
    text = content.decode("utf-8", errors="replace")
    try:
        return Standing(ceiling=Ceiling(text.strip(" \t\r\n")))
    except ValueError:
        why = f"{path} says '{show(text)}', not monitor, actions or shell"
        return Standing(ceiling=Ceiling.MONITOR, why=why)


def read_ceiling(path: Path = CEILING_FILE, *, own: frozenset[int] | None = None) -> Ceiling:
    """Read how much this host allows; what is wrong with the file is logged."""
    standing = judge_ceiling(path, own=own)
    if standing.why:
        _log.warning("the ceiling is monitor: %s", standing.why)
    return standing.ceiling


def require(
    ceiling: Ceiling,
    verb: Verb,
    *,
    is_shell: bool = False,
    why: str = "",
    path: Path = CEILING_FILE,
) -> None:
    """Refuse what this host does for nobody.

    Args:
        ceiling: How much it allows.
        verb: What is asked.
        is_shell: Whether a command goes to a shell as it stands.
        why: What is wrong with its file.
        path: Where the owner writes it.

    Raises:
        Denied: it is above the ceiling.
    """
    needs = Ceiling.SHELL if is_shell else _NEEDS.get(verb, Ceiling.MONITOR)
    if ceiling.covers(needs):
        return
    what = "only the actions of its catalogue" if ceiling is Ceiling.ACTIONS else "only looking"
    sentence = f"this host allows {what} (its ceiling is {ceiling.value})"
    raise Denied(
        "ceiling",
        f"{sentence}: {why}" if why else sentence,
        remedy=render_raise(needs, path, is_wrong=bool(why)),
    )


def render_raise(needs: Ceiling, path: Path = CEILING_FILE, *, is_wrong: bool = False) -> str:
    """Write the line with which the host's owner would raise the ceiling."""
    # A file with wrong rights would keep them if it was only written to.
    writer = "install -D -m 644 /dev/stdin" if is_wrong else "tee"
    return f"echo {needs.value} | sudo {writer} {path}"
