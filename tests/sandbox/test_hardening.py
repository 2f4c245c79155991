from __future__ import annotations

import asyncio
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sandbox import pages
from sandbox.server import RunningSandbox, open_sandbox
from sandbox.settings import Settings
from sandbox.state.records import KEPT_VERSIONS
from sandbox.state.world import World
from tests.sandbox.conftest import (
    ADA,
    ALERTS,
    ON_CALL,
    OPERATIONS,
    PATIENCE,
    Control,
    Wire,
    draw_png,
)
from tests.sandbox.test_updates import until_held
from tests.sandbox.test_webhook import Receiver, receiver

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.state.records import StoredFile

__all__ = ["receiver"]


async def ask_by(host: str, path: str, sandbox: RunningSandbox) -> str:
    """Ask for a path as it stands, which no client library would send."""
    port = int(sandbox.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    return answer.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/index.html",
        "/bot/../index.html",
        "/%62ot/../index.html",
        "/file/bot",
        "/file/bot/../../index.html",
        "/file/bot/../../control/state",
        "/file/../index.html",
        "//index.html",
        "/control/state",
        "/%63ontrol/state",
        "/control%2fstate",
    ],
)
async def test_a_rebound_name_gets_neither_the_page_nor_the_control_api_by_any_path(
    sandbox: RunningSandbox, path: str
) -> None:
    answer = await ask_by("evil.example", path, sandbox)

    assert answer.split()[1] in {"403", "404"}
    assert "<html" not in answer
    assert '"people"' not in answer


async def test_bots_come_by_any_name(sandbox: RunningSandbox) -> None:
    answer = await ask_by("telegram-api.lan", f"/bot{sandbox.bot_token}/getMe", sandbox)

    assert '"ok": true' in answer


async def test_no_path_leads_out_of_the_pages_folder(
    sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "inside.js").write_text("inside")
    (tmp_path / "outside.js").write_text("outside")
    monkeypatch.setattr(pages, "PAGE_DIR", tmp_path / "page")

    assert (await ask_by("localhost", "/inside.js", sandbox)).endswith("inside")
    whole = f"/{tmp_path}/outside.js"
    for path in ("/../outside.js", "/%2e%2e/outside.js", "/..%2foutside.js", "/x/../../outside.js"):
        assert (await ask_by("localhost", path, sandbox)).split()[1] == "404"
    assert (await ask_by("localhost", whole, sandbox)).split()[1] == "404"


@pytest.mark.parametrize("path", ["/%00.js", "/" + "a" * 5000 + ".js"])
async def test_a_name_that_no_file_can_have_is_not_there(
    sandbox: RunningSandbox, path: str
) -> None:
    assert (await ask_by("localhost", path, sandbox)).split()[1] == "404"


async def test_a_text_full_of_brackets_is_only_a_text(wire: Wire, control: Control) -> None:
    text = "[" * 4000

    assert (await wire.call("sendMessage", chat_id=ADA, text=text))["ok"]

    assert [each["text"] for each in await control.messages()] == [text]
    (call,) = (await control.get("/calls"))["calls"]
    assert call["parameters"]["text"] == text


async def test_a_boundary_that_never_comes_is_refused(wire: Wire) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    body = bytes(1024 * 1024)
    async with wire.session.post(f"{wire.url}/sendPhoto", data=body, headers=headers) as answer:
        assert (await answer.json())["error_code"] == 400


async def test_another_webhook_does_not_wait_for_the_faults_of_the_first(
    wire: Wire, control: Control, receiver: Receiver
) -> None:
    receiver.statuses = [503]
    receiver.retry_after = "3600"
    await wire.call("setWebhook", url=receiver.url)
    await control.say("once")
    await receiver.next()
    while not (await wire.call("getWebhookInfo"))["result"].get("last_error_message"):
        pass

    await wire.call("setWebhook", url=receiver.url + "?again")

    assert (await receiver.next())[1]["message"]["text"] == "once"


async def test_a_limit_outside_its_bounds_is_put_inside(wire: Wire, control: Control) -> None:
    for text in ("one", "two"):
        await control.say(text)

    counts = [
        len((await wire.call("getUpdates", limit=limit))["result"]) for limit in (0, -5, 2, 500)
    ]

    assert counts == [1, 1, 2, 2]


async def test_a_poll_that_would_not_wait_ends_nobodys_wait(
    sandbox: RunningSandbox, wire: Wire, control: Control
) -> None:
    held = asyncio.create_task(wire.call("getUpdates", timeout=30))
    await until_held(sandbox)

    assert (await wire.call("getUpdates"))["result"] == []
    await control.say("hello")

    assert (await asyncio.wait_for(held, PATIENCE))["ok"]


async def test_a_message_in_a_topic_replies_to_what_opened_it(wire: Wire, control: Control) -> None:
    fields = {"chat_id": OPERATIONS, "person_id": ADA, "text": "/status", "thread_id": ALERTS}
    said = (await control.post("/say", **fields))["message"]

    (update,) = (await wire.call("getUpdates"))["result"]

    opened = update["message"]["reply_to_message"]
    assert opened["message_id"] == ALERTS
    assert opened["forum_topic_created"]["name"] == "Alerts"
    assert said["reply_to"] is None


async def test_a_reply_goes_to_the_topic_of_what_it_answers(wire: Wire, control: Control) -> None:
    fields = {"chat_id": OPERATIONS, "person_id": ADA, "text": "/status", "thread_id": ALERTS}
    asked = (await control.post("/say", **fields))["message"]["message_id"]

    reply = {"message_id": asked}
    sent = await wire.call("sendMessage", chat_id=OPERATIONS, text="up", reply_parameters=reply)

    assert sent["result"]["message_thread_id"] == ALERTS
    assert sent["result"]["reply_to_message"]["message_id"] == asked


async def test_an_often_edited_message_keeps_its_newest_versions_and_the_count(
    wire: Wire, control: Control
) -> None:
    sent = (await wire.call("sendMessage", chat_id=ADA, text="0"))["result"]["message_id"]
    for number in range(1, KEPT_VERSIONS + 11):
        await wire.call("editMessageText", chat_id=ADA, message_id=sent, text=str(number))

    (message,) = await control.messages()

    assert message["edits"] == KEPT_VERSIONS + 10
    assert [each["text"] for each in message["history"]] == [
        str(number) for number in range(10, KEPT_VERSIONS + 10)
    ]


async def test_a_deleted_supergroup_tells_the_bot_that_it_is_out(
    wire: Wire, control: Control
) -> None:
    await control.post(f"/chats/{OPERATIONS}/delete")

    (update,) = (await wire.call("getUpdates"))["result"]
    assert update["my_chat_member"]["new_chat_member"]["status"] == "kicked"


async def test_a_pace_that_was_set_holds_over_a_restart(settings: Settings) -> None:
    async with open_sandbox(settings) as first, aiohttp.ClientSession() as session:
        await Control(session, first).post("/pacing", enabled=True, per_chat_per_second=0.01)

    async with open_sandbox(settings) as second, aiohttp.ClientSession() as session:
        wire = Wire(session, second)
        answers: list[Any] = [
            await wire.call("sendMessage", chat_id=ADA, text=str(number)) for number in range(6)
        ]
    # A hundred seconds each, less what six messages take on a machine that is busy.
    assert 40 <= answers[-1]["parameters"]["retry_after"] <= 100


def album(*kinds: str) -> list[dict[str, str]]:
    return [{"type": kind, "media": f"attach://f{number}"} for number, kind in enumerate(kinds)]


@pytest.mark.parametrize(
    ("kinds", "wording"),
    [
        (["photo"] * 11, "too many messages to send as an album"),
        (["photo", "document"], "document can't be mixed with other media types"),
    ],
)
async def test_a_wrong_album_is_refused_in_telegrams_words_and_sends_nothing(
    wire: Wire, control: Control, kinds: list[str], wording: str
) -> None:
    form = aiohttp.FormData({"chat_id": str(ADA), "media": json.dumps(album(*kinds))})
    for number in range(len(kinds)):
        form.add_field(f"f{number}", draw_png(), filename="a.png")

    async with wire.session.post(f"{wire.url}/sendMediaGroup", data=form) as answer:
        refused = await answer.json()

    assert refused["description"] == f"Bad Request: {wording}"
    assert await control.messages() == []


async def test_an_album_whose_last_file_cannot_be_kept_sends_nothing(
    sandbox: RunningSandbox, wire: Wire, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = type(sandbox.world).put_file
    kept: list[StoredFile] = []

    def refuse_the_second(world: World, file: StoredFile, content: bytes) -> None:
        if kept:
            raise OSError(28, "No space left on device")
        kept.append(file)
        keep(world, file, content)

    form = aiohttp.FormData({"chat_id": str(ADA), "media": json.dumps(album("photo", "photo"))})
    for number in range(2):
        form.add_field(f"f{number}", draw_png(), filename="a.png")
    with monkeypatch.context() as patch:
        patch.setattr(type(sandbox.world), "put_file", refuse_the_second)
        async with wire.session.post(f"{wire.url}/sendMediaGroup", data=form) as answer:
            assert (await answer.json())["error_code"] == 500

    assert await control.messages() == []
    assert sandbox.world.files == {}
    assert (await wire.call("sendMessage", chat_id=ADA, text="x"))["result"]["message_id"] == 1


async def test_edits_count_in_a_group_and_the_pace_follows_the_sandboxs_clock(
    wire: Wire, control: Control
) -> None:
    await control.post("/pacing", enabled=True, group_per_minute=3)
    sent = (await wire.call("sendMessage", chat_id=ON_CALL, text="0"))["result"]["message_id"]
    where = {"chat_id": ON_CALL, "message_id": sent}
    answers = [await wire.call("editMessageText", **where, text=str(n)) for n in (1, 2, 3)]

    assert [answer["ok"] for answer in answers] == [True, True, False]
    seconds = answers[-1]["parameters"]["retry_after"]
    assert seconds > 40, "of a minute; what is left of it is more than the next calls take"
    await control.post("/clock", advance_seconds=seconds - 40)
    assert not (await wire.call("editMessageText", **where, text="3"))["ok"]
    await control.post("/clock", advance_seconds=40)
    assert (await wire.call("editMessageText", **where, text="3"))["ok"]
    unchanged = await wire.call("editMessageText", **where, text="3")
    assert "not modified" in unchanged["description"]


async def test_a_topic_without_a_name_is_refused_in_telegrams_words(wire: Wire) -> None:
    refused = await wire.call("createForumTopic", chat_id=OPERATIONS, name="  ")

    assert refused["description"] == "Bad Request: name must be non-empty"


def test_a_history_that_cannot_be_read_any_more_is_told_to_whoever_runs_the_world(
    tmp_path: Path,
) -> None:
    world = World(tmp_path, 7)
    world._history._connection.execute("UPDATE records SET body='{' WHERE kind='person'")

    world.go_back()

    assert world.lost.is_set()
    with pytest.raises(sqlite3.DatabaseError):
        world.commit()
    world.close()
