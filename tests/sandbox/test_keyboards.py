from __future__ import annotations

from typing import Any

import pytest

from sandbox.checks.keyboards import check_reply_markup
from sandbox.refusals import Refusal


def _inline(**button: object) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Go", **button}]]}


def _kept(**button: object) -> dict[str, Any]:
    kept: dict[str, Any] = check_reply_markup(_inline(**button))["inline_keyboard"][0][0]
    return kept


def _description(markup: dict[str, Any]) -> str:
    with pytest.raises(Refusal) as caught:
        check_reply_markup(markup)
    return caught.value.description.removeprefix("Bad Request: ")


def test_callback_data_is_measured_in_bytes() -> None:
    assert _kept(callback_data="я" * 32)["callback_data"] == "я" * 32
    assert _description(_inline(callback_data="я" * 33)) == "BUTTON_DATA_INVALID"


def test_an_address_is_kept_as_telegram_writes_it() -> None:
    assert _kept(url="example.com")["url"] == "http://example.com/"
    assert _kept(url="HTTPS://Example.com:443/A b")["url"] == "https://example.com:443/A%20b"
    assert _kept(url="http://10.0.0.1:9090/graph")["url"] == "http://10.0.0.1:9090/graph"
    assert _kept(url="tg://user?id=1001")["url"] == "tg://user?id=1001"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://localhost:9090", "Wrong HTTP URL"),
        ("http://prometheus:9090/", "Wrong HTTP URL"),
        ("ftp://a.b", "Unsupported URL protocol"),
        ("http://", "URL host is empty"),
        ("http://a.b:99999", "Wrong port number specified in the URL"),
        ("http://a b.c", "Disallowed character in URL host"),
        ("http://a%2.c", "Wrong percent-encoded symbol in URL host"),
    ],
)
def test_a_bad_address_is_refused_with_its_reason(url: str, reason: str) -> None:
    said = f"inline keyboard button URL '{url}' is invalid: {reason}"
    assert _description(_inline(url=url)) == said


def test_an_ipv6_address_needs_no_dot() -> None:
    assert _kept(url="http://[::1]:9090")["url"] == "http://[::1]:9090/"


def test_a_button_without_an_action_is_refused() -> None:
    said = "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
    assert _description(_inline()) == said
    assert _description(_inline(callback_data="")) == said


def test_a_button_with_two_actions_is_refused() -> None:
    assert "only one action" in _description(_inline(url="http://a.b", callback_data="x"))


def test_a_button_without_text_is_refused() -> None:
    said = "inline keyboard button text must be non-empty"
    assert _description(_inline(text="", callback_data="x")) == said
    assert (
        _description({"keyboard": [[{"text": "\r"}]]}) == "keyboard button text must be non-empty"
    )


def test_a_style_is_one_of_three() -> None:
    assert _kept(callback_data="x", style="danger")["style"] == "danger"
    assert "invalid button style" in _description(_inline(callback_data="x", style="red"))


def test_a_copied_text_has_its_limit() -> None:
    assert _kept(copy_text={"text": "я" * 256})["copy_text"] == {"text": "я" * 256}
    assert _description(_inline(copy_text={"text": "x" * 257})) == "BUTTON_COPY_TEXT_INVALID"


def test_a_web_app_must_be_https() -> None:
    assert "Only HTTPS" in _description(_inline(web_app={"url": "http://a.b"}))
    assert _kept(web_app={"url": "https://a.b"})["web_app"] == {"url": "https://a.b/"}


def test_a_hundred_buttons_are_the_most() -> None:
    row = [{"text": "x", "callback_data": "x"}] * 10
    assert check_reply_markup({"inline_keyboard": [row] * 10})
    too_many = {"inline_keyboard": [*([row] * 10), row[:1]]}
    assert _description(too_many) == "reply markup is too long"


def test_a_keyboard_without_buttons_is_none() -> None:
    assert check_reply_markup({"inline_keyboard": [[], []]}) == {}
    assert check_reply_markup({"keyboard": []}) == {}


def test_the_other_markups_pass_through() -> None:
    assert check_reply_markup({"remove_keyboard": True}) == {"remove_keyboard": True}
    forced = {"force_reply": True, "input_field_placeholder": "x" * 64}
    assert check_reply_markup(forced) == forced
    assert "placeholder" in _description({**forced, "input_field_placeholder": "x" * 65})
