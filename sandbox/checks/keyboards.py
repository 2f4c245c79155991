"""Which keyboards Telegram takes.

Restates get_inline_keyboard_button_type in Client.cpp and get_reply_markup in td ReplyMarkup.cpp.
Two things are stricter than Telegram, which passes over them in silence so that a button is
missing without a word: a button without text, and a button with two actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox import limits, refusals
from sandbox.markup import cleaning, links
from sandbox.refusals import Refusal, bad_request

Fields = Mapping[str, Any]

_INLINE_ACTIONS: Final = (
    "url",
    "callback_data",
    "callback_game",
    "pay",
    "switch_inline_query",
    "switch_inline_query_chosen_chat",
    "switch_inline_query_current_chat",
    "login_url",
    "web_app",
    "copy_text",
    "disabled",
)
_REPLY_ACTIONS: Final = (
    "request_users",
    "request_chat",
    "request_managed_bot",
    "request_contact",
    "request_location",
    "request_poll",
    "web_app",
)
_STYLES: Final = frozenset({"", "default", "primary", "danger", "success"})


def check_reply_markup(markup: Fields) -> dict[str, Any]:
    """Check a keyboard and return it as Telegram keeps it; without a button it is no keyboard."""
    if "inline_keyboard" in markup:
        return _check_inline(markup)
    if "keyboard" in markup:
        return _check_reply_keyboard(markup)
    _check_placeholder(markup)
    return dict(markup)


def _check_inline(markup: Fields) -> dict[str, Any]:
    rows = [[_check_inline_button(button) for button in row] for row in markup["inline_keyboard"]]
    rows = [row for row in rows if row]
    if sum(map(len, rows)) > limits.KEYBOARD_BUTTONS:
        raise refusals.reply_markup_too_long()
    return {**markup, "inline_keyboard": rows} if rows else {}


def _check_reply_keyboard(markup: Fields) -> dict[str, Any]:
    _check_placeholder(markup)
    rows = [[_check_reply_button(button) for button in row] for row in markup["keyboard"]]
    rows = [row for row in rows if row]
    if sum(map(len, rows)) > limits.REPLY_KEYBOARD_BUTTONS:
        raise refusals.reply_markup_too_long()
    return {**markup, "keyboard": rows} if rows else {}


def _check_placeholder(markup: Fields) -> None:
    placeholder = markup.get("input_field_placeholder") or ""
    if len(placeholder) > limits.PLACEHOLDER_CODE_POINTS:
        raise bad_request("input field placeholder is too long")


def _check_inline_button(button: Fields) -> dict[str, Any]:
    text = _check_text(button, "Inline keyboard button")
    style = _check_style(button, "inline keyboard button")
    actions = _actions(button, _INLINE_ACTIONS)
    if not actions:
        raise _parse_fault(
            "inline keyboard button", "Text buttons are unallowed in the inline keyboard"
        )
    if len(actions) > 1:
        said = f"only one action is allowed, found {' and '.join(actions)}"
        raise _parse_fault("inline keyboard button", said)
    return {**button, "text": text, **style, **_check_action(actions[0], button[actions[0]])}


def _check_action(name: str, value: Any) -> dict[str, Any]:
    if name == "url":
        return {"url": _check_url(value, "Inline keyboard button")}
    if name in {"web_app", "login_url"}:
        title = "Web App" if name == "web_app" else "login"
        shown = _check_https(value["url"], title)
        return {name: {**value, "url": shown}}
    if name == "callback_data" and len(value.encode()) > limits.CALLBACK_DATA_BYTES:
        raise refusals.button_data_invalid()
    if name == "copy_text" and not 0 < len(value["text"]) <= limits.COPY_TEXT_CODE_POINTS:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")  # the server's constant, by its pattern
    return {name: value}


def _check_reply_button(button: Fields) -> dict[str, Any]:
    text = _check_text(button, "Keyboard button")
    style = _check_style(button, "keyboard button")
    if len(_actions(button, _REPLY_ACTIONS)) > 1:
        raise _parse_fault("keyboard button", "only one action is allowed")
    return {**button, "text": text, **style}


def _actions(button: Fields, names: Sequence[str]) -> list[str]:
    # An empty url or callback_data is none (Client.cpp); an empty switch_inline_query is one.
    absent: tuple[object, ...] = (None, False)
    return [
        name
        for name in names
        if button.get(name) not in absent
        and not (name in {"url", "callback_data"} and button[name] == "")
    ]


def _check_text(button: Fields, title: str) -> str:
    text = cleaning.clean_text(button["text"])
    if not text:
        raise bad_request(f"{title} text must be non-empty")
    return text


def _check_style(button: Fields, title: str) -> dict[str, str]:
    style = (button.get("style") or "").lower()
    if style not in _STYLES:
        raise _parse_fault(title, "invalid button style specified")
    return {"style": style} if style not in {"", "default"} else {}


def _check_url(url: str, title: str) -> str:
    if user_id := links.parse_user_link(url):
        return f"tg://user?id={user_id}"
    try:
        return cleaning.clean_text(links.check_link(url))
    except links.LinkFault as fault:
        raise bad_request(f"{title} {links.describe_fault(url, fault)}") from fault


def _check_https(url: str, title: str) -> str:
    if links.parse_user_link(url):
        raise bad_request(f"Link to a user can't be used in {title} URL buttons")
    shown = _check_url(url, f"Inline keyboard button {title}")
    if not shown.startswith("https://"):
        fault = links.LinkFault("Only HTTPS links are allowed")
        raise bad_request(f"Inline keyboard button {title} {links.describe_fault(url, fault)}")
    return shown


def _parse_fault(title: str, said: str) -> Refusal:
    return bad_request(f"Can't parse {title}: {said}")  # Client.cpp get_reply_markup
