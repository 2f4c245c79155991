"""What a command is; the gate, `/help`, Telegram's menu and README's table read the declarations.

A family of commands is a class whose `commands` declares them: what each needs has to be said.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bridge.core.access import Actor, Role, Scope, visible
from bridge.core.audit import Entry, Outcome
from bridge.core.formatted import Content
from bridge.core.inventory import Inventory
from bridge.errors import Mistake
from bridge.views.voice import Voice, marked


class Family(enum.Enum):
    """What a command is about: the headings of `/help`."""

    START = marked("Start")
    LOOK = marked("Look")
    CHARTS = marked("Charts")
    ALERTS = marked("Alerts")
    HANDS = marked("On the hosts")
    CHAT = marked("This chat")
    PEOPLE = marked("People")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One thing that somebody asks for, by typing or by pressing a button."""

    actor: Actor
    voice: Voice
    command: str
    """As it was called: its name or an alias."""
    words: tuple[str, ...] = ()
    text: str = ""
    """What stands behind the command, byte for byte."""
    is_pressed: bool = False
    """Whether a button asks; its answer may take the place of the message it hangs on."""
    telegram_language: str = ""
    """The language of the person's Telegram; may be empty."""
    message_id: int = 0
    """The message that asks, or the one whose button was pressed."""


Answer = Content | Sequence[Content]
Run = Callable[[Asked], Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: how it is called, who may, and what does it."""

    name: str
    aliases: tuple[str, ...] = ()
    needs: Role | None
    """The least role; None is for anybody, strangers too."""
    family: Family
    help: str
    """One line, a message of the catalogues."""
    usage: str = ""
    """What may follow it: `[host] [[hhmm] minutes]`."""
    example: str = ""
    """A real call; `{host}` becomes a host of the inventory."""
    changes: bool = False
    """Whether it changes anything: it is then audited, and never run when it is old."""
    changes_with_words: bool = False
    """Whether it shows something by itself and changes something where words follow it."""
    is_booked: bool = False
    """Whether what it changes is audited in the very transaction of the change."""
    is_private: bool = False
    """Whether only the private chat may be told."""
    replaces: bool = True
    """Whether the answer to a button takes the place of the message that the button hangs on."""
    is_listed: bool = True
    """Whether `/help` and the menu show it; the commands of buttons alone are not shown."""
    run: Run

    def is_change(self, words: tuple[str, ...]) -> bool:
        """Say whether it changes anything, called with these words."""
        return self.changes or (self.changes_with_words and bool(words))


class Commands:
    """Every command, in the order of `/help`."""

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self._commands: list[Command] = []
        self._by_name: dict[str, Command] = {}
        for each in commands:
            self.add(each)

    def __iter__(self) -> Iterator[Command]:
        """Give them in order."""
        return iter(self._commands)

    def add(self, command: Command) -> None:
        """Take one up; a name stands for one command."""
        for name in (command.name, *command.aliases):
            if self._by_name.setdefault(name.casefold(), command) is not command:
                raise ValueError(f"two commands are called {name}")
        self._commands.append(command)

    def find(self, name: str) -> Command | None:
        """Find a command by its name or an alias, whatever the case."""
        return self._by_name.get(name.casefold())

    @property
    def names(self) -> tuple[str, ...]:
        """All names and aliases."""
        return tuple(self._by_name)


def write_entry(
    asked: Asked, *, on: str = "", outcome: Outcome = Outcome.DONE, detail: str = ""
) -> Entry:
    """Write for the audit what somebody asks for."""
    return Entry(
        at=asked.voice.now,
        who=asked.actor.user_id,
        name=asked.actor.name,
        chat=asked.actor.chat,
        what=f"/{asked.command} {asked.text}".strip(),
        on=on,
        outcome=outcome,
        detail=detail,
    )


def show_usage(each: Command) -> str:
    """Write how a command is called."""
    return f"/{each.name} {each.usage}".strip()


def show_example(each: Command, scope: Scope, inventory: Inventory) -> str:
    """Write a real call of a command, with a host that exists for whoever asks."""
    hosts = visible(inventory.hosts, scope)
    host = hosts[0].name if hosts else "web-1"
    return f"/{each.name} {each.example}".strip().replace("{host}", host)


def require_words(asked: Asked, least: int, most: int) -> None:
    """Require a number of words behind the command.

    Raises:
        Mistake: there are too few or too many; the gate adds the usage.
    """
    if len(asked.words) < least:
        raise Mistake("Something is missing behind /%(command)s.", command=asked.command)
    if len(asked.words) > most:
        raise Mistake("%(word)s is one word too many.", word=asked.words[most])
