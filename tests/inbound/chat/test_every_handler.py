"""The gate before every command there is: each name, each way, each identity."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.core.access import Role
from bridge.core.formatted import Content, Formatted
from bridge.inbound.chat.arrivals import read_arrival
from bridge.inbound.chat.command import Asked, Command, Commands
from tests.fakes.chat import ADMIN, GROUP, OPERATOR, STRANGER, VIEWER, FakeChat
from tests.fakes.declared import declare
from tests.inbound.chat.identities import disguised, message, press

HOLDS = {STRANGER: None, VIEWER: Role.VIEWER, OPERATOR: Role.OPERATOR, ADMIN: Role.ADMIN}
WAYS = ("private", "group", "press", "another's press")
with tempfile.TemporaryDirectory() as folder:
    DECLARED = {each.name: each for each in declare(Path(folder))}


class Witness:
    """Every command of the bridge, which only notes who had it run."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []

    def commands(self) -> Commands:
        return Commands(replace(each, run=self._of(each)) for each in DECLARED.values())

    def _of(self, command: Command) -> Callable[[Asked], Awaitable[Content]]:
        async def run(asked: Asked) -> Content:
            self.ran.append((command.name, asked.actor.user_id))
            return Content(text=Formatted("done"))

        return run


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def chat(witness: Witness) -> FakeChat:
    return FakeChat(witness.commands())


def may(command: Command, who: int) -> bool:
    held = HOLDS[who]
    return command.needs is None or (held is not None and held.rank >= command.needs.rank)


async def ask(chat: FakeChat, called: str, who: int, way: str) -> None:
    """Call a command with a word behind it, as somebody and in some way."""
    if way == "private":
        await chat.say(f"/{called} word", who)
    elif way == "group":
        await chat.say(f"/{called} word", who, GROUP)
    else:
        # A changed client presses what does not hang there; it is the same person's word.
        await chat.press(f"{called} word", who, is_own_button=way == "press")


@pytest.mark.parametrize("name", DECLARED)
async def test_a_command_runs_for_whoever_may_and_for_nobody_else(
    chat: FakeChat, witness: Witness, name: str
) -> None:
    command = DECLARED[name]
    for called in (name, *command.aliases, name.upper()):
        for who in HOLDS:
            for way in WAYS:
                chat.now += timedelta(hours=1)  # strangers get a few answers a minute
                before = len(chat.books.notes)
                await ask(chat, called, who, way)
                is_private = way != "group" or not command.is_private
                expected = [(name, who)] if may(command, who) and is_private else []
                assert witness.ran == expected, (called, who, way)
                refused = (who, called, "refused") in chat.books.notes[before:]
                assert refused is not bool(expected), (called, who, way)
                witness.ran.clear()


@pytest.mark.parametrize("name", DECLARED)
async def test_no_command_runs_for_what_is_nobodys_word(
    chat: FakeChat, witness: Witness, name: str
) -> None:
    for called in (name, *DECLARED[name].aliases):
        for kind, update in disguised(f"/{called} word").items():
            await chat.gate.take(read_arrival(update | {"update_id": 1}))
            assert (witness.ran, chat.speaker.said) == ([], []), (called, kind)
        # The very same words in the admin's own name do run: the table above can fail.
        await chat.gate.take(read_arrival({"update_id": 2, "message": message(f"/{called} word")}))
        await chat.gate.take(
            read_arrival({"update_id": 3, "callback_query": press(f"{called} word")})
        )
        # What only the private chat may be told is refused in a group.
        assert witness.ran == ([] if DECLARED[name].is_private else [(name, ADMIN)] * 2)
        witness.ran.clear()
        chat.speaker.said.clear()


@pytest.mark.parametrize("name", DECLARED)
async def test_a_command_is_refused_to_whoever_was_let_out_again(
    chat: FakeChat, witness: Witness, name: str
) -> None:
    if DECLARED[name].needs is None:
        assert name in {"start", "help", "whoami", "about"}
        return
    await chat.say(f"/{name}", ADMIN)
    del chat.people.known[ADMIN]
    for way in WAYS:
        await ask(chat, name, ADMIN, way)
    assert witness.ran == [(name, ADMIN)]


async def test_a_button_that_never_hung_there_takes_no_message_away(chat: FakeChat) -> None:
    [said] = await chat.press("status", VIEWER, is_own_button=False)
    assert said.telegram_id is None
    [said] = await chat.press("status", VIEWER)
    assert said.telegram_id == 400


@pytest.mark.parametrize("name", [name for name, each in DECLARED.items() if each.changes])
async def test_a_change_that_is_old_or_was_begun_before_is_not_done(
    chat: FakeChat, witness: Witness, name: str
) -> None:
    await chat.say(f"/{name} word", ADMIN, at=chat.now - timedelta(minutes=2))
    await chat.say(f"/{name} word", ADMIN, is_interrupted=True)
    await chat.press(f"{name} word", ADMIN, is_interrupted=True)
    assert witness.ran == []
