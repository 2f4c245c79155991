from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sandbox import limits
from tests.sandbox.conftest import ADA, draw_png

if TYPE_CHECKING:
    from sandbox.server import RunningSandbox
    from tests.sandbox.conftest import Control, Wire


async def send(wire: Wire, method: str = "sendMessage", **more: Any) -> Any:
    async with wire.session.post(f"{wire.url}/{method}", **more) as answer:
        return await answer.json()


async def test_forms_parts_json_and_query_strings_say_the_same(wire: Wire) -> None:
    fields = {"chat_id": str(ADA), "text": "same"}
    parts = aiohttp.MultipartWriter("form-data")
    for name, value in fields.items():
        parts.append(value).set_content_disposition("form-data", name=name)

    answers = [
        await send(wire, data=fields),
        await send(wire, data=parts),
        await send(wire, json={"chat_id": ADA, "text": "same"}),
        await send(wire, params=fields),
        await send(wire, method="SENDMESSAGE", data=fields),
    ]

    assert [answer["result"]["text"] for answer in answers] == ["same"] * 5


async def test_a_file_may_be_named_by_its_field_or_attached(wire: Wire) -> None:
    named = aiohttp.FormData({"chat_id": str(ADA)})
    named.add_field("photo", draw_png(), filename="a.png")
    attached = aiohttp.FormData({"chat_id": str(ADA), "photo": "attach://f1"})
    attached.add_field("f1", draw_png(), filename="a.png")
    missing = aiohttp.FormData({"chat_id": str(ADA), "photo": "attach://f2"})
    missing.add_field("f1", draw_png(), filename="a.png")

    assert (await send(wire, "sendPhoto", data=named))["ok"]
    assert (await send(wire, "sendPhoto", data=attached))["ok"]
    assert (await send(wire, "sendPhoto", data=missing))["error_code"] == 400


@pytest.mark.parametrize(
    "more",
    [
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
        {"data": b"[1]", "headers": {"Content-Type": "application/json"}},
        {"data": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
        {"data": b"\xff\xfe", "headers": {"Content-Type": "application/json"}},
        {"data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"data": b"text=%ff&chat_id=1001", "headers": {"Content-Type": "text/plain"}},
        {"json": {"chat_id": ADA, "text": "\ud800"}},
        {"json": {"chat_id": ADA, "text": "x", "reply_markup": {"force_reply": "\ud800"}}},
        {
            "json": {
                "chat_id": ADA,
                "text": "x",
                "reply_markup": {"inline_keyboard": [[{"text": "\ud800", "callback_data": "a"}]]},
            }
        },
        {"json": {"chat_id": ADA, "text": "x", "reply_makrup": {}}},
        {"json": {"chat_id": ADA, "text": "x", "link_preview_options": {"is_disbaled": True}}},
    ],
)
async def test_what_cannot_be_read_is_refused_and_nothing_breaks(
    wire: Wire, control: Control, more: dict[str, Any]
) -> None:
    refused = await send(wire, **more)

    assert refused["error_code"] == 400
    assert (await send(wire, data={"chat_id": str(ADA), "text": "after"}))["ok"]
    assert len(await control.messages()) == 1


async def test_half_a_character_is_refused_from_people_too(control: Control) -> None:
    body = json.dumps({"chat_id": ADA, "person_id": ADA, "text": "\ud800"})

    status, _ = await control.ask("POST", "/say", data=body)

    assert status == 400
    await control.say("after")


async def test_a_body_over_the_limit_is_refused(wire: Wire, control: Control) -> None:
    form = aiohttp.FormData({"chat_id": str(ADA)})
    too_much = io.BytesIO(bytes(limits.UPLOAD_BYTES + 2 * 1024 * 1024))
    form.add_field("document", too_much, filename="big.bin")

    refused = await send(wire, "sendDocument", data=form)

    assert refused["error_code"] == 413
    assert await control.messages() == []


@pytest.mark.parametrize("path", ["/bot", "/bot123", "/botX/getMe/x"])
async def test_an_address_without_a_method_is_not_found(
    sandbox: RunningSandbox, session: aiohttp.ClientSession, path: str
) -> None:
    async with session.post(sandbox.url + path) as answer:
        assert (await answer.json())["error_code"] == 404


async def test_a_method_that_nobody_knows_is_not_found(wire: Wire) -> None:
    assert (await send(wire, "sendNothing"))["error_code"] == 404
