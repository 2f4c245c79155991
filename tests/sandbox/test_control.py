from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sandbox.control.guard import is_own_host
from tests.sandbox.conftest import (
    ADA,
    ALERTS,
    BORIS,
    MALLORY,
    ON_CALL,
    OPERATIONS,
    PATIENCE,
    draw_png,
)

if TYPE_CHECKING:
    from aiogram import Bot

    from sandbox.server import RunningSandbox
    from tests.sandbox.conftest import Control, Wire


async def test_the_first_world_is_the_promised_one(control: Control) -> None:
    state = await control.get("/state")

    assert state["bot"]["username"] == "opswire_sandbox_bot"
    assert [person["id"] for person in state["people"]] == [1001, 1002, 1003, 1666]
    chats = {chat["id"]: chat for chat in state["chats"]}
    assert set(chats) == {1001, 1002, 1003, 1666, ON_CALL, OPERATIONS}
    assert chats[ON_CALL]["members"] == [1001, 1002, 1003, 7_000_000_001]
    assert [topic["thread_id"] for topic in chats[OPERATIONS]["topics"]] == [None, 2, 3]


async def test_without_the_page_token_nothing_is_told(
    sandbox: RunningSandbox, session: aiohttp.ClientSession
) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": sandbox.page_token}):
        for path in ("/control/state", "/control/events", "/control/no-such"):
            async with session.get(sandbox.url + path, headers=headers) as answer:
                assert answer.status == 401
                assert "page token" in (await answer.json())["error"]


async def test_a_rebound_name_is_refused(
    sandbox: RunningSandbox, session: aiohttp.ClientSession
) -> None:
    headers = {"Authorization": f"Bearer {sandbox.page_token}", "Host": "evil.example:8081"}
    for path in ("/control/state", "/"):
        async with session.get(sandbox.url + path, headers=headers) as answer:
            assert answer.status == 403


@pytest.mark.parametrize(
    ("header", "bound", "own"),
    [
        ("127.0.0.1:8081", "127.0.0.1", True),
        ("localhost:8081", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("[::1]:8081", "::1", True),
        ("192.168.1.5:8081", "0.0.0.0", True),
        ("192.168.1.5:8081", "127.0.0.1", False),
        ("ops.lan:8081", "ops.lan", True),
        ("evil.example:8081", "0.0.0.0", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_only_names_of_this_server_are_its_own(header: str, bound: str, *, own: bool) -> None:
    assert is_own_host(header, bound) is own


async def test_the_page_comes_with_a_policy(
    sandbox: RunningSandbox, session: aiohttp.ClientSession
) -> None:
    async with session.get(f"{sandbox.url}/") as answer:
        assert answer.status == 200
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    async with session.get(f"{sandbox.url}/none.js") as answer:
        assert answer.status == 404


async def test_a_stranger_is_heard_and_may_then_be_answered(wire: Wire, control: Control) -> None:
    assert not (await wire.call("sendMessage", chat_id=MALLORY, text="x"))["ok"]

    await control.say("let me in", chat_id=MALLORY, person_id=MALLORY)

    assert (await wire.call("sendMessage", chat_id=MALLORY, text="no"))["ok"]


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"chat_id": ADA, "person_id": BORIS, "text": "x"}, 400, "somebody else"),
        ({"chat_id": ON_CALL, "person_id": MALLORY, "text": "x"}, 400, "not a member"),
        ({"chat_id": ADA, "person_id": ADA, "text": " "}, 400, "empty"),
        ({"chat_id": ADA, "person_id": ADA, "text": "x" * 4097}, 400, "4096"),
        ({"chat_id": 5, "person_id": ADA, "text": "x"}, 404, "no chat 5"),
        ({"chat_id": ADA, "person_id": 5, "text": "x"}, 404, "no person 5"),
        ({"chat_id": OPERATIONS, "person_id": ADA, "text": "x", "thread_id": 9}, 404, "no topic 9"),
        ({"chat_id": ADA, "person_id": ADA, "txet": "x"}, 400, "txet"),
    ],
)
async def test_what_people_cannot_do_is_said_in_a_sentence(
    control: Control, fields: dict[str, Any], status: int, sentence: str
) -> None:
    answered, body = await control.ask("POST", "/say", json=fields)

    assert answered == status
    assert sentence in body["error"]


async def test_new_bot_messages_ring_and_edits_and_silent_ones_do_not(
    bot: Bot, control: Control
) -> None:
    ringing = await bot.send_message(ADA, "loud")
    await bot.send_message(ADA, "quiet", disable_notification=True)
    await bot.edit_message_text("louder", chat_id=ADA, message_id=ringing.message_id)
    await control.say("mine")

    shown = await control.messages()

    assert [(each["text"], each["rings"], each["edits"]) for each in shown] == [
        ("louder", True, 1),
        ("quiet", False, 0),
        ("mine", False, 0),
    ]


async def test_a_chat_is_read_page_by_page(control: Control) -> None:
    for number in range(5):
        await control.say(str(number))

    newest = await control.get(f"/chats/{ADA}/messages?limit=2")
    older = await control.get(f"/chats/{ADA}/messages?limit=3&before=4")

    assert [each["text"] for each in newest["messages"]] == ["3", "4"]
    assert newest["more"] is True
    assert [each["text"] for each in older["messages"]] == ["0", "1", "2"]
    assert older["more"] is False


async def test_people_send_pictures_and_files(
    wire: Wire, control: Control, sandbox: RunningSandbox, session: aiohttp.ClientSession
) -> None:
    shown = {}
    for name, kind, content in (
        ("shot.png", "image/png", draw_png()),
        ("page.html", "text/html", b"<script>alert(1)</script>"),
    ):
        form = aiohttp.FormData({"chat_id": str(ADA), "person_id": str(ADA), "caption": "see"})
        form.add_field("file", content, filename=name, content_type=kind)
        status, body = await control.ask("POST", "/upload", data=form)
        assert status == 200, body
        shown[name] = body["message"]

    assert shown["shot.png"]["photo"]["width"] == 40
    document = shown["page.html"]["document"]
    assert document["name"] == "page.html"
    headers = {"Authorization": f"Bearer {sandbox.page_token}"}
    async with session.get(sandbox.url + document["url"], headers=headers) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.content_type == "application/octet-stream"
    updates = (await wire.call("getUpdates"))["result"]
    assert updates[0]["message"]["photo"][0]["height"] == 30
    assert updates[1]["message"]["document"]["mime_type"] == "text/html"


async def test_people_and_chats_are_made_join_and_leave(bot: Bot, control: Control) -> None:
    person = (await control.post("/people", first_name="Dana", username="dana"))["person"]
    chat = (
        await control.post("/chats", kind="supergroup", title="Lab", is_forum=True, members=[ADA])
    )["chat"]
    await control.post(f"/chats/{chat['id']}/members", person_id=person["id"], present=True)
    await control.say("hi", chat_id=chat["id"], person_id=person["id"])
    topic = await control.post(f"/chats/{chat['id']}/topics", name="Bench")
    await bot.send_message(chat["id"], "x", message_thread_id=topic["thread_id"])
    await control.post(f"/chats/{chat['id']}/topics/{topic['thread_id']}/close")
    await control.post(f"/chats/{chat['id']}/topics/{topic['thread_id']}/reopen")
    await control.post(f"/chats/{chat['id']}/topics/{topic['thread_id']}/delete")
    await control.post(f"/chats/{chat['id']}/members", person_id=person["id"], present=False)

    assert (await bot.get_chat_member(chat["id"], person["id"])).status == "left"
    shown = [each["service"] or each["text"] for each in await control.messages(chat["id"])]
    assert shown == ["Ada created the group", "Dana joined the group", "hi", "Dana left the group"]


async def test_buttons_that_do_not_ask_the_bot_are_not_pressed(
    wire: Wire, control: Control
) -> None:
    markup = {"inline_keyboard": [[{"text": "Book", "url": "https://example.org/"}]]}
    await wire.call("sendMessage", chat_id=ADA, text="x", reply_markup=markup)
    where = {"chat_id": ADA, "message_id": 1, "person_id": ADA}

    assert (await control.ask("POST", "/press", json={**where, "row": 0, "column": 0}))[0] == 400
    assert (await control.ask("POST", "/press", json={**where, "row": 1, "column": 0}))[0] == 404


async def test_every_call_is_in_the_log_but_no_secret(
    wire: Wire, control: Control, sandbox: RunningSandbox
) -> None:
    await wire.call("sendMessage", chat_id=ADA, text="hi", entities=[])
    await wire.call("sendMessage", chat_id=7, text="hi")

    listed = await control.get("/calls")
    newer = await control.get("/calls?after=1")

    good, bad = listed["calls"]
    assert (good["method"], good["chat_id"], good["ok"]) == ("sendMessage", ADA, True)
    assert good["parameters"]["text"] == "hi"
    assert (bad["error_code"], bad["description"]) == (400, "Bad Request: chat not found")
    assert newer["calls"] == [bad]
    assert sandbox.bot_token not in json.dumps(listed)


async def test_a_reset_brings_back_the_first_world(bot: Bot, control: Control) -> None:
    await bot.send_message(ADA, "x")
    await control.post("/people", first_name="Dana")
    await control.post("/clock", advance_seconds=3600)

    await control.post("/reset")

    state = await control.get("/state")
    assert len(state["people"]) == 4
    assert abs(state["clock"]["offset_seconds"]) < 1
    assert await control.messages() == []
    assert (await bot.send_message(ADA, "x")).message_id == 1


async def test_pages_hear_what_happens_and_resume_where_they_left_off(
    bot: Bot, control: Control, sandbox: RunningSandbox, session: aiohttp.ClientSession
) -> None:
    after = (await control.get("/state"))["last_event"]
    sent = await bot.send_message(ADA, "card")
    await bot.send_chat_action(ADA, "typing")
    await bot.edit_message_text("over", chat_id=ADA, message_id=sent.message_id)
    await bot.delete_message(ADA, sent.message_id)

    told = await listen(sandbox, session, after, count=4)

    assert [kind for _, kind, _ in told] == ["message", "action", "edit", "delete"]
    assert told[2][2]["message"]["text"] == "over"
    assert await listen(sandbox, session, told[1][0], count=2) == told[2:]
    assert (await listen(sandbox, session, 5, count=1))[0][1] == "reset"


async def test_people_see_the_answer_to_their_press(
    bot: Bot, control: Control, sandbox: RunningSandbox, session: aiohttp.ClientSession
) -> None:
    markup: Any = {"inline_keyboard": [[{"text": "Ack", "callback_data": "ack"}]]}
    card = await bot.send_message(ADA, "card", reply_markup=markup)
    where = {"chat_id": ADA, "person_id": ADA, "message_id": card.message_id}
    query_id = (await control.post("/press", **where, row=0, column=0))["query_id"]
    after = sandbox.world.events.last

    await bot.answer_callback_query(query_id, text="acknowledged", show_alert=True)

    ((_, kind, answer),) = await listen(sandbox, session, after, count=1)
    assert kind == "answer"
    assert (answer["person_id"], answer["text"], answer["show_alert"]) == (
        ADA,
        "acknowledged",
        True,
    )


async def listen(
    sandbox: RunningSandbox, session: aiohttp.ClientSession, after: int, *, count: int
) -> list[tuple[int, str, Any]]:
    headers = {
        "Authorization": f"Bearer {sandbox.page_token}",
        "Last-Event-ID": str(after),
    }
    told: list[tuple[int, str, Any]] = []
    async with (
        asyncio.timeout(PATIENCE),
        session.get(f"{sandbox.url}/control/events", headers=headers) as answer,
    ):
        assert answer.content_type == "text/event-stream"
        fields: dict[str, str] = {}
        while len(told) < count:
            line = (await answer.content.readline()).decode().rstrip("\n")
            name, _, value = line.partition(": ")
            if name:
                fields[name] = value
            elif line == "" and "event" in fields:
                told.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
                fields = {}
    return told


async def test_a_closed_topic_is_for_its_owner_alone(control: Control) -> None:
    await control.post(f"/chats/{OPERATIONS}/topics/{ALERTS}/close")
    fields = {"chat_id": OPERATIONS, "text": "x", "thread_id": ALERTS}

    assert (await control.ask("POST", "/say", json={**fields, "person_id": BORIS}))[0] == 400
    assert (await control.ask("POST", "/say", json={**fields, "person_id": ADA}))[0] == 200


async def test_a_reset_forgets_updates_but_never_their_numbers(
    wire: Wire, control: Control
) -> None:
    await control.say("before")
    before = (await wire.call("getUpdates"))["result"][0]["update_id"]

    await control.post("/reset")
    await control.say("after")

    (update,) = (await wire.call("getUpdates", offset=before + 1))["result"]
    assert update["message"]["text"] == "after"
    assert update["update_id"] == before + 1


async def test_a_pace_that_is_not_named_stays(control: Control) -> None:
    await control.post("/pacing", enabled=True, group_per_minute=7)

    pacing = (await control.post("/pacing", enabled=False))["pacing"]

    assert (pacing["enabled"], pacing["group_per_minute"]) == (False, 7)
