"""Questions before something is done: who asked for exactly what, and whether they still may.

A question holds the very bytes that will run and the hosts on which they will, so that nothing can
change between what was shown and what is done. It is answered once, by the person who asked, in
the chat where it was put, and soon; after a restart nobody remembers it, and it is put again.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge import limits
from bridge.core.access import Actor, Role
from bridge.errors import Expired, NotAllowed


class Deed(enum.Enum):
    """What is asked about."""

    SHELL = "shell"
    """A command goes to a host's shell as it stands."""
    BROADCAST = "broadcast"
    """A command goes to many hosts, or changes something there."""
    CLOSE = "close"
    """What listens on a port is ended."""
    DELETE = "delete"
    """A host is taken out of the inventory."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What will be done, once it is confirmed."""

    deed: Deed
    needs: Role
    hosts: tuple[str, ...]
    command: str = ""
    """Byte for byte."""
    port: int = 0
    within: timedelta = limits.JOB_USUAL


@dataclass(frozen=True)
class _Question:
    wish: Wish
    actor: Actor
    asked_at: datetime


class Questions:
    """What has been asked and not been answered; the oldest are dropped first."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Question] = OrderedDict()

    def put(self, token: str, wish: Wish, actor: Actor, now: datetime) -> None:
        """Remember a question under a token that cannot be guessed."""
        self._open[token] = _Question(wish, actor, now)
        while len(self._open) > limits.QUESTIONS_OPEN:
            self._open.popitem(last=False)

    def take(self, token: str, actor: Actor, now: datetime) -> Wish:
        """Give what was asked for, once, to the very person and in the very chat.

        Raises:
            Expired: it was answered before, is too old, or nobody remembers it.
            NotAllowed: somebody else presses, or they may not do that any more.
        """
        question = self._open.get(token)
        if question is None or now - question.asked_at > limits.QUESTION_OPEN:
            self._open.pop(token, None)
            raise Expired("This question is no longer open; send the command again.")
        if (actor.user_id, actor.chat) != (question.actor.user_id, question.actor.chat):
            raise NotAllowed("Only whoever sent the command can confirm it.")
        if not actor.may(question.wish.needs):
            raise NotAllowed("You may not do that any more.")
        del self._open[token]
        return question.wish
