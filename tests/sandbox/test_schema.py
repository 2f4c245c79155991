from __future__ import annotations

import contextlib
import json

import aiogram.methods
import pytest
from aiogram.client.default import Default
from aiogram.methods import SendMediaGroup, SendMessage
from aiogram.types import InlineKeyboardMarkup, ReplyKeyboardMarkup

from sandbox.checks.schema import AnswerFault, Upload, check_answer, flatten_json, parse_call
from sandbox.refusals import Refusal

PICTURE = Upload("f1", "chart.png", "image/png", b"bytes")


def _refusal(method: str, fields: dict[str, str], *files: Upload) -> str:
    with pytest.raises(Refusal) as caught:
        parse_call(method, fields, {file.name: file for file in files})
    return caught.value.description


def _message(**fields: object) -> dict[str, str]:
    texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in fields.items()}
    return {"chat_id": "1", "text": "hi", **texts}


def test_a_methods_name_is_read_in_any_case() -> None:
    call = parse_call("SENDmessage", _message(), {})
    assert call.method == "sendMessage"
    assert isinstance(call.model, SendMessage)
    assert call.given == {"chat_id", "text"}


def test_numbers_and_booleans_arrive_as_text() -> None:
    fields = _message(disable_notification="true", message_thread_id="5")
    model = parse_call("sendMessage", fields, {}).model
    assert isinstance(model, SendMessage)
    assert model.disable_notification is True
    assert model.message_thread_id == 5
    assert model.chat_id == 1


def test_a_text_of_digits_stays_a_text() -> None:
    model = parse_call("sendMessage", {"chat_id": "@ops_room", "text": "123"}, {}).model
    assert isinstance(model, SendMessage)
    assert (model.chat_id, model.text) == ("@ops_room", "123")


def test_what_nobody_gave_is_none_and_no_sentinel() -> None:
    media = [{"type": "photo", "media": "id1"}, {"type": "photo", "media": "id2"}]
    fields = {"chat_id": "1", "media": json.dumps(media)}
    model = parse_call("sendMediaGroup", fields, {}).model
    assert isinstance(model, SendMediaGroup)
    assert model.protect_content is None
    assert model.media[0].parse_mode is None
    assert not any(isinstance(value, Default) for value in model.__dict__.values())


def test_an_unknown_method_is_not_found() -> None:
    assert _refusal("sendNothing", {}) == "Not Found: method not found"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (_message(txt="x"), "'txt'"),
        (_message(reply_markup={"inline_keybord": []}), "'reply_markup.inline_keybord'"),
        (
            _message(reply_markup={"inline_keyboard": [[{"text": "a", "calback_data": "x"}]]}),
            "'reply_markup.inline_keyboard[0][0].calback_data'",
        ),
        (
            _message(link_preview_options={"disabled": True}),
            "'link_preview_options.disabled'",
        ),
        (
            _message(entities=[{"type": "bold", "offset": 0, "length": 1, "lenght": 1}]),
            "'entities[0].lenght'",
        ),
    ],
)
def test_a_misspelt_key_is_named_at_any_depth(fields: dict[str, str], named: str) -> None:
    assert _refusal("sendMessage", fields).startswith(f"Bad Request: unexpected field {named}")


@pytest.mark.parametrize(
    ("fields", "description"),
    [
        ({"chat_id": "1"}, "message text is empty"),
        ({"chat_id": "1", "text": ""}, "message text is empty"),
        ({"text": "x"}, "chat_id is empty"),
        (_message(disable_notification="maybe"), 'field "disable_notification" must be of type '),
        (_message(message_thread_id="x"), 'field "message_thread_id" must be a valid Number'),
        (_message(reply_markup="{"), "can't parse reply keyboard markup JSON object"),
        (_message(reply_markup=[]), 'field "reply_markup" must be of type Object'),
        (
            _message(reply_markup={"inline_keyboard": [[{"url": "a.b"}]]}),
            'can\'t find field "inline_keyboard[0][0].text"',
        ),
        (
            _message(reply_markup={"inline_keyboard": [{"text": "a"}]}),
            'field "inline_keyboard[0]" must be of type Array',
        ),
        (
            _message(reply_markup={"keyboard": [["a"]], "resize_keyboard": 1}),
            'field "reply_markup.resize_keyboard" must be of type Boolean',
        ),
        (
            _message(entities=[{"type": "bold", "offset": 0, "length": True}]),
            'field "entities[0].length" must be of type Number',
        ),
    ],
)
def test_a_wrong_value_is_refused_in_telegrams_words(
    fields: dict[str, str],
    description: str,
) -> None:
    assert _refusal("sendMessage", fields).startswith(f"Bad Request: {description}")


def test_the_keyboards_own_key_says_what_it_is() -> None:
    inline = {"inline_keyboard": [[{"text": "a", "callback_data": "b"}]]}
    model = parse_call("sendMessage", _message(reply_markup=inline), {}).model
    assert isinstance(model, SendMessage)
    assert isinstance(model.reply_markup, InlineKeyboardMarkup)


def test_a_reply_keyboard_may_be_written_in_plain_strings() -> None:
    fields = _message(reply_markup={"keyboard": [["Status", "Help"]]})
    model = parse_call("sendMessage", fields, {}).model
    assert isinstance(model, SendMessage)
    assert isinstance(model.reply_markup, ReplyKeyboardMarkup)
    assert model.reply_markup.keyboard[0][1].text == "Help"


def test_an_empty_markup_is_no_markup() -> None:
    model = parse_call("sendMessage", _message(reply_markup={}), {}).model
    assert isinstance(model, SendMessage)
    assert model.reply_markup is None


def test_an_edit_takes_no_reply_keyboard() -> None:
    fields = {"chat_id": "1", "message_id": "2", "reply_markup": '{"keyboard":[["a"]]}'}
    assert _refusal("editMessageReplyMarkup", fields) == "Bad Request: inline keyboard expected"


def test_an_attached_file_is_found_by_its_name() -> None:
    call = parse_call("sendPhoto", {"chat_id": "1", "photo": "attach://f1"}, {"f1": PICTURE})
    assert call.upload("attach://f1") == PICTURE
    assert call.upload("AgACAgIAAxk") is None


def test_a_part_named_like_the_field_is_that_file() -> None:
    part = Upload("photo", "chart.png", "image/png", b"bytes")
    call = parse_call("sendPhoto", {"chat_id": "1"}, {"photo": part})
    assert call.upload(call.model.__dict__["photo"]) == part
    assert "photo" in call.given


def test_a_reference_to_no_part_is_refused() -> None:
    fields = {"chat_id": "1", "photo": "attach://f2"}
    assert _refusal("sendPhoto", fields) == "Bad Request: there is no photo in the request"


def test_a_part_that_nothing_refers_to_is_refused() -> None:
    fields = {"chat_id": "1", "photo": "AgACAgIAAxk"}
    assert _refusal("sendPhoto", fields, PICTURE) == "Bad Request: unexpected file 'f1'"


def test_an_albums_files_are_looked_for_too() -> None:
    media = [{"type": "photo", "media": "attach://f1"}, {"type": "photo", "media": "attach://f2"}]
    fields = {"chat_id": "1", "media": json.dumps(media)}
    said = _refusal("sendMediaGroup", fields, PICTURE)
    assert said == "Bad Request: there is no photo in the request"


def test_a_json_body_becomes_a_form() -> None:
    body = b'{"chat_id": 1, "text": "5", "reply_markup": {"a": []}, "entities": null}'
    assert flatten_json(body) == {"chat_id": "1", "text": "5", "reply_markup": '{"a": []}'}


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal):
        flatten_json(body)


def test_a_deeply_nested_value_is_refused() -> None:
    assert _refusal("sendMessage", _message(entities="[" * 20_000)).startswith("Bad Request")


def test_half_a_surrogate_pair_is_refused_wherever_it_hides() -> None:
    hidden = r'{"inline_keyboard":[[{"text":"\ud800","callback_data":"x"}]]}'
    said = "Bad Request: strings must be encoded in UTF-8"
    assert _refusal("sendMessage", _message(reply_markup=hidden)) == said
    assert _refusal("sendMessage", {"chat_id": "1", "text": "\ud800"}) == said


def test_every_method_that_aiogram_knows_has_a_readable_answer_type() -> None:
    for kind in aiogram.methods.__all__:
        if kind in {"TelegramMethod", "Request", "Response"}:
            continue
        with contextlib.suppress(AnswerFault):
            check_answer(kind, {"of": "no method"})


def test_an_answer_of_the_declared_type_passes() -> None:
    check_answer("getMe", {"id": 1, "is_bot": True, "first_name": "Opswire"})
    check_answer("deleteMessage", result=True)


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 1, "is_bot": True},
        {"id": 1, "is_bot": True, "first_name": "Opswire", "nick": "x"},
        [],
    ],
)
def test_an_answer_of_another_shape_is_our_fault(answer: object) -> None:
    with pytest.raises(AnswerFault):
        check_answer("getMe", answer)
