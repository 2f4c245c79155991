from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sandbox.botapi import routes
from sandbox.botapi.methods import METHODS
from sandbox.checks.schema import AnswerFault
from sandbox.server import RunningSandbox, open_sandbox
from sandbox.settings import Settings, SettingsError
from sandbox.state.history import History
from tests.sandbox.conftest import ADA, ON_CALL, PATIENCE, Control, Wire, draw_png
from tests.sandbox.test_updates import until_held
from tests.sandbox.test_webhook import Receiver, receiver

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.world import World

__all__ = ["receiver"]

LONG = "x" * 4000  # needs a page of its own in the file


def fill_the_disk(sandbox: RunningSandbox) -> None:
    connection = sandbox.world._history._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages}")


def free_the_disk(sandbox: RunningSandbox) -> None:
    sandbox.world._history._connection.execute("PRAGMA max_page_count=1000000")


async def test_a_full_disk_refuses_a_message_and_keeps_nothing_of_it(
    sandbox: RunningSandbox, wire: Wire, control: Control
) -> None:
    await wire.call("sendMessage", chat_id=ADA, text="before")
    fill_the_disk(sandbox)

    refused = await wire.call("sendMessage", chat_id=ADA, text=LONG)
    said, body = await control.ask(
        "POST", "/say", json={"chat_id": ADA, "person_id": ADA, "text": LONG}
    )

    assert (refused["error_code"], refused["ok"]) == (500, False)
    assert said == 500
    assert "written" in body["error"]
    assert [each["text"] for each in await control.messages()] == ["before"]
    assert (await wire.call("getUpdates"))["result"] == []
    free_the_disk(sandbox)
    assert (await wire.call("sendMessage", chat_id=ADA, text="after"))["result"]["message_id"] == 2


async def test_a_full_disk_refuses_an_edit_and_the_old_text_stands(
    sandbox: RunningSandbox, wire: Wire, control: Control
) -> None:
    sent = (await wire.call("sendMessage", chat_id=ADA, text="before"))["result"]
    fill_the_disk(sandbox)

    where = {"chat_id": ADA, "message_id": sent["message_id"]}
    refused = await wire.call("editMessageText", **where, text=LONG)

    assert refused["error_code"] == 500
    assert [(each["text"], each["edits"]) for each in await control.messages()] == [("before", 0)]


async def test_a_reset_that_cannot_be_written_loses_nothing(
    sandbox: RunningSandbox,
    session: aiohttp.ClientSession,
    control: Control,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    form = aiohttp.FormData({"chat_id": str(ADA)})
    form.add_field("photo", draw_png(), filename="chart.png")
    async with session.post(f"{wire.url}/sendPhoto", data=form) as answer:
        assert answer.status == 200
    (before,) = await control.messages()
    with monkeypatch.context() as patch:
        patch.setattr(History, "commit", refuse_to_write)
        assert (await control.ask("POST", "/reset", json={}))[0] == 500

    assert await control.messages() == [before]
    headers = {"Authorization": f"Bearer {sandbox.page_token}"}
    async with session.get(sandbox.url + before["photo"]["url"], headers=headers) as picture:
        assert await picture.read() == draw_png()


async def test_a_wrong_answer_of_ours_leaves_no_trace(
    wire: Wire, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_fault(_method: str, _result: object) -> None:
        raise AnswerFault("sendMessage answers wrongly")

    with monkeypatch.context() as patch:
        patch.setattr(routes, "check_answer", find_fault)
        refused = await wire.call("sendMessage", chat_id=ADA, text="x")

    assert refused["error_code"] == 500
    assert await control.messages() == []


async def test_what_nobody_foresaw_answers_in_the_bot_apis_own_form(
    wire: Wire, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(world: World, _call: Call) -> object:
        world.standing.next_file = 77
        chat = world.chats[ADA]
        chat.title = "spoilt"
        world.put_chat(chat)
        raise KeyError("surprise")

    with monkeypatch.context() as patch:
        patch.setattr(routes, "METHODS", {**METHODS, "getMe": break_down})
        answer = await wire.call("getMe")

    assert answer == {"ok": False, "error_code": 500, "description": "Internal Server Error"}
    chats = (await control.get("/state"))["chats"]
    assert "spoilt" not in [chat["title"] for chat in chats]
    (call,) = (await control.get("/calls"))["calls"]
    assert (call["method"], call["error_code"]) == ("getMe", 500)


async def test_a_held_poll_outlives_somebody_elses_failure(
    sandbox: RunningSandbox, wire: Wire, control: Control
) -> None:
    poll = asyncio.create_task(wire.call("getUpdates", timeout=30))
    await until_held(sandbox)
    fill_the_disk(sandbox)
    assert (await wire.call("sendMessage", chat_id=ADA, text=LONG))["error_code"] == 500
    free_the_disk(sandbox)

    await control.say("hello")

    answer = await asyncio.wait_for(poll, PATIENCE)
    assert [update["message"]["text"] for update in answer["result"]] == ["hello"]


async def test_pushing_goes_on_after_a_disk_was_full(
    wire: Wire, control: Control, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wire.call("setWebhook", url=receiver.url)
    confirm = History.commit
    failures = iter([True])

    def fail_once(history: History) -> None:
        dropped = any(kind == "update" and record is None for (kind, *_), record in noted(history))
        if dropped and next(failures, False):
            raise sqlite3.OperationalError("database or disk is full")
        confirm(history)

    monkeypatch.setattr(History, "commit", fail_once)
    await control.say("one")
    await receiver.next()
    await control.say("two")

    pushed = [(await receiver.next())[1]["message"]["text"] for _ in range(2)]

    assert pushed == ["one", "two"]  # "one" again: that it was taken could not be written


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded; charset=no-such"},
        {"Content-Type": "application/json; charset=no-such"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": "no-such"},
    ],
)
async def test_a_body_in_no_known_coding_is_refused_in_the_bot_apis_form(
    wire: Wire, headers: dict[str, str]
) -> None:
    url = f"{wire.url}/sendMessage"
    async with wire.session.post(url, data=b"chat_id=1001&text=x", headers=headers) as answer:
        if answer.content_type != "application/json":  # refused by the HTTP parser, before us
            assert answer.status == 400
            return
        assert (await answer.json())["ok"] is False


async def test_a_number_of_five_thousand_digits_is_no_chat(wire: Wire, control: Control) -> None:
    digits = "9" * 5_000

    refused = await wire.call("sendMessage", chat_id=digits, text="x")

    assert refused == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: chat not found",
    }
    form = aiohttp.FormData({"chat_id": digits, "person_id": "1001"})
    form.add_field("file", b"x", filename="a.txt")
    assert (await control.ask("POST", "/upload", data=form))[0] == 400
    assert (await control.ask("GET", f"/calls?after={digits}"))[0] == 400


async def test_a_file_name_that_is_no_text_is_refused_and_nothing_sticks(
    wire: Wire, control: Control
) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n1001\r\n'
        b'--b\r\nContent-Disposition: form-data; name="document"; filename="a\xff.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with wire.session.post(f"{wire.url}/sendDocument", data=body, headers=headers) as got:
        refused = await got.json()

    assert refused["error_code"] == 400
    assert (await wire.call("sendMessage", chat_id=ADA, text="after"))["ok"]
    assert len(await control.messages()) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/clock", {"at": "9999-12-31T23:59:59Z"}),
        ("/clock", {"at": "0001-01-01T00:00:00+14:00"}),
        ("/clock", {"advance_seconds": 1e18}),
        ("/clock", {"advance_seconds": 1e300}),
        ("/clock", {"advance_seconds": float("nan")}),
        ("/pacing", {"overall_per_second": float("inf")}),
        ("/pacing", {"per_chat_per_second": 1e-320}),
        ("/faults", {"kind": "slow", "seconds": float("inf")}),
    ],
)
async def test_a_figure_beyond_reason_is_refused_and_time_goes_on(
    settings: Settings, path: str, body: dict[str, Any]
) -> None:
    async with open_sandbox(settings) as first, aiohttp.ClientSession() as session:
        control = Control(session, first)
        assert (await control.ask("POST", path, json=body))[0] == 400
        await control.say("goes on")

    async with open_sandbox(settings) as second, aiohttp.ClientSession() as session:
        assert len(await Control(session, second).messages()) == 1


async def test_a_refused_webhook_and_a_refused_poll_change_no_filter(
    wire: Wire, control: Control
) -> None:
    only = ["callback_query"]
    await wire.call("setWebhook", url="ftp://x", allowed_updates=only)
    await control.say("heard")
    assert len((await wire.call("getUpdates"))["result"]) == 1

    await wire.call("setWebhook", url="http://127.0.0.1:9/hook")
    assert (await wire.call("getUpdates", allowed_updates=only))["error_code"] == 409
    await wire.call("deleteWebhook")

    assert "allowed_updates" not in (await wire.call("getWebhookInfo"))["result"]


@pytest.mark.parametrize("name", ["lock", "files", "telegram.db"])
async def test_a_state_folder_that_cannot_be_used_is_named(settings: Settings, name: str) -> None:
    settings.state_dir.mkdir()
    wrong = settings.state_dir / name
    if name == "files":
        wrong.write_text("no folder")
    else:
        wrong.mkdir()

    with pytest.raises(SettingsError, match="SANDBOX_STATE_DIR"):
        async with open_sandbox(settings):
            pass


@pytest.mark.parametrize("name", ["bot_token", "page_token"])
async def test_a_token_file_left_empty_by_a_crash_is_filled(settings: Settings, name: str) -> None:
    settings.state_dir.mkdir()
    (settings.state_dir / name).write_text("")

    async with open_sandbox(settings) as sandbox:
        kept = (settings.state_dir / name).read_text().strip()
        assert kept in {sandbox.bot_token, sandbox.page_token}
        assert kept


async def test_the_bot_is_told_that_it_left_and_the_page_says_so(
    wire: Wire, control: Control
) -> None:
    await wire.call("leaveChat", chat_id=ON_CALL)

    (update,) = (await wire.call("getUpdates"))["result"]
    assert update["my_chat_member"]["new_chat_member"]["status"] == "left"
    assert (await control.messages(ON_CALL))[-1]["service"] == "Opswire left the group"


async def test_an_address_that_is_too_long_does_not_write_the_token_into_the_log(
    sandbox: RunningSandbox, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    async with wire.session.get(f"{wire.url}/sendMessage?text={'x' * 9000}") as answer:
        assert answer.status == 400

    assert sandbox.bot_token.partition(":")[2] not in caplog.text


def refuse_to_write(_history: History) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def noted(history: History) -> list[tuple[tuple[str, int, str], object]]:
    return list(history._noted.items())
