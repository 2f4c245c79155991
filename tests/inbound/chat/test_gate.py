"""The gate: nobody acts in another's name, and whoever asks gets an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bridge import limits
from bridge.core.access import Person, Role, parse_scope
from bridge.core.audience import Destination
from bridge.core.formatted import Content, Formatted
from bridge.errors import Missing, Mistake, Outage, TooMuch
from bridge.inbound.chat.arrivals import read_arrival
from bridge.inbound.chat.command import Asked, Command, Commands, Family
from tests.fakes.chat import ADMIN, GROUP, OPERATOR, STRANGER, VIEWER, FakeChat
from tests.inbound.chat.identities import disguised, message, press

ROLES: dict[str, Role | None] = {"anybody": None, **{each.value: each for each in Role}}


def says(text: str) -> Content:
    return Content(text=Formatted(text))


class Witness:
    """Commands that note who had them run."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int]] = []

    def commands(self) -> Commands:
        def of(name: str) -> Callable[[Asked], Awaitable[Content]]:
            async def run(asked: Asked) -> Content:
                self.ran.append((name, asked.actor.user_id))
                return says(f"{name} {asked.text}")

            return run

        return Commands(
            Command(
                name=name,
                needs=needs,
                family=Family.LOOK,
                help="…",
                usage="[word]",
                example="{host}",
                changes=name == "admin",
                run=of(name),
            )
            for name, needs in ROLES.items()
        )


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def chat(witness: Witness) -> FakeChat:
    return FakeChat(witness.commands())


def serving(run: Callable[[Asked], Awaitable[Content]], *, changes: bool = False) -> FakeChat:
    chat = FakeChat(Commands())
    chat.commands.add(
        Command(
            name="do",
            needs=Role.VIEWER,
            family=Family.LOOK,
            help="…",
            usage="[word]",
            example="{host} 5",
            changes=changes,
            run=run,
        )
    )
    return chat


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize("who", [STRANGER, VIEWER, OPERATOR, ADMIN])
@pytest.mark.parametrize("way", ["private", "group", "press"])
async def test_a_role_holds_the_rights_of_those_before_it(
    chat: FakeChat, witness: Witness, name: str, who: int, way: str
) -> None:
    held = {STRANGER: -1, VIEWER: 0, OPERATOR: 1, ADMIN: 2}[who]
    needs = ROLES[name]
    may = needs is None or held >= needs.rank
    if way == "press":
        await chat.press(name, who)
    else:
        await chat.say(f"/{name}", who, GROUP if way == "group" else None)
    assert witness.ran == ([(name, who)] if may else [])
    assert ((who, name, "refused") in chat.books.notes) is not may


@pytest.mark.parametrize("kind", disguised("/admin"))
async def test_what_is_nobodys_word_runs_nothing(
    chat: FakeChat, witness: Witness, kind: str
) -> None:
    for name in ROLES:
        await chat.gate.take(read_arrival(disguised(f"/{name}")[kind] | {"update_id": 1}))
    assert witness.ran == []
    assert chat.speaker.said == []


async def test_the_same_command_of_the_admin_in_person_runs(
    chat: FakeChat, witness: Witness
) -> None:
    await chat.gate.take(read_arrival({"update_id": 1, "message": message("/admin")}))
    await chat.gate.take(read_arrival({"update_id": 2, "callback_query": press("admin")}))
    assert witness.ran == [("admin", ADMIN)] * 2


async def test_a_role_is_looked_up_each_time(chat: FakeChat, witness: Witness) -> None:
    await chat.say("/admin", ADMIN)
    del chat.people.known[ADMIN]
    await chat.say("/admin", ADMIN)
    assert len(witness.ran) == 1


async def test_a_person_is_limited_by_their_own_and_by_the_chats_hosts() -> None:
    async def run(asked: Asked) -> Content:
        return says(str(asked.actor.scope))

    chat = serving(run)
    scope = parse_scope(["group=db"])
    chat.people.known[ADMIN] = Person(user_id=ADMIN, role=Role.ADMIN, scope=scope)
    chat.places.scopes[Destination(GROUP)] = parse_scope(["site=a"])
    [private] = await chat.say("/do", ADMIN)
    [group] = await chat.say("/do", ADMIN, GROUP)
    assert (private.text, group.text) == ("group=db", "group=db site=a")


async def test_a_command_for_another_bot_is_left_to_it(chat: FakeChat, witness: Witness) -> None:
    assert await chat.say("/viewer@somebody_else_bot", ADMIN, GROUP) == []
    await chat.say("/viewer@Opswire_Bot a  b", ADMIN, GROUP)
    assert witness.ran == [("viewer", ADMIN)]


async def test_what_stands_behind_a_command_arrives_byte_for_byte(chat: FakeChat) -> None:
    [said] = await chat.say("/viewer echo  'a   b' /viewer", ADMIN)
    assert said.text == "viewer echo  'a   b' /viewer"


async def test_an_unknown_command_gets_the_nearest(chat: FakeChat) -> None:
    [said] = await chat.say("/viewr", VIEWER)
    assert "/viewer" in said.text
    [said] = await chat.say("/adminn", VIEWER)
    assert "/admin?" not in said.text


async def test_plain_text_gets_a_hint_in_private_and_silence_in_a_group(chat: FakeChat) -> None:
    [said] = await chat.say("hello", VIEWER)
    assert "/help" in said.text
    assert await chat.say("hello", VIEWER, GROUP) == []


async def test_an_old_command_changes_nothing_and_says_so(chat: FakeChat, witness: Witness) -> None:
    old = chat.now - limits.CHANGE_FRESH - timedelta(seconds=1)
    [said] = await chat.say("/admin", ADMIN, at=old)
    assert "too old" in said.text
    await chat.say("/viewer", ADMIN, at=old)
    assert witness.ran == [("viewer", ADMIN)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Mistake("%(word)s is no host", word="x"), ("x is no host", "/do [word]", "/do Server 5")),
        (Missing("there is no %(word)s", word="x"), ("there is no x",)),
        (TooMuch("too much"), ("too much",)),
        (Outage("Prometheus", "no whole answer within 5 s"), ("Prometheus", "within 5 s")),
    ],
)
async def test_what_goes_wrong_is_said_in_a_sentence(
    fault: Exception, words: tuple[str, ...]
) -> None:
    async def run(_: Asked) -> Content:
        raise fault

    [said] = await serving(run).say("/do it", VIEWER)
    assert all(each in said.text for each in words)


async def test_a_fault_of_ours_is_a_reference_and_no_trace() -> None:
    async def run(_: Asked) -> Content:
        raise ZeroDivisionError("secret 4711")

    chat = serving(run, changes=True)
    [said] = await chat.say("/do it", VIEWER)
    assert "4711" not in said.text
    assert "ZeroDivision" not in said.text
    assert [each[2] for each in chat.books.notes] == ["failed"]


async def test_a_slow_command_says_that_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANSWER_PATIENCE", timedelta(0))

    async def run(_: Asked) -> Content:
        for _turn in range(10):  # turns of the loop, in which the gate loses its patience
            await asyncio.sleep(0)
        return says("at last")

    waiting, answer = await serving(run).say("/do", VIEWER)
    assert "takes long" in waiting.text
    assert answer.text == "at last"


async def test_a_change_is_written_down(chat: FakeChat) -> None:
    await chat.say("/admin", ADMIN)
    await chat.say("/viewer", ADMIN)
    assert chat.books.notes == [(ADMIN, "admin", "done")]


async def test_a_press_changes_the_message_it_hangs_on(chat: FakeChat) -> None:
    [said] = await chat.press("viewer again", VIEWER)
    assert said.telegram_id == 400
    [said] = await chat.press("viewer again", VIEWER, has_photo=True)
    assert said.telegram_id is None
    assert [each[0] for each in chat.speaker.acknowledged] == ["77", "77"]


async def test_whoever_may_not_press_is_told_over_the_button(
    chat: FakeChat, witness: Witness
) -> None:
    assert await chat.press("admin", VIEWER) == []
    assert "admin" in chat.speaker.acknowledged[0][1]
    assert witness.ran == []


async def test_in_a_group_an_answer_is_a_reply(chat: FakeChat) -> None:
    [said] = await chat.say("/viewer", VIEWER, GROUP)
    assert said.reply_to == 500
    [said] = await chat.say("/viewer", VIEWER)
    assert said.reply_to is None
