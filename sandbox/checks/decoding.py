"""A form's texts, decoded into the values a method's fields ask for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, get_origin

from aiogram.client.default import Default
from aiogram.methods.base import TelegramMethod
from aiogram.types import (
    ForceReply,
    InlineKeyboardMarkup,
    InputFile,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from pydantic import BaseModel, ValidationError

from sandbox.checks.walks import list_leaves
from sandbox.checks.wording import translate_findings
from sandbox.markup import cleaning
from sandbox.refusals import bad_request

# Client.cpp to_bool: these words, in any case, mean yes; every other word means no. We refuse
# what is neither, because a caller's slip should not pass for "no".
_YES: Final = frozenset({"true", "yes", "1"})
_NO: Final = frozenset({"false", "no", "0"})

# Client.cpp get_reply_markup, get_input_media and their kin name the object they cannot read.
_JSON_NAMES: Final = {
    "reply_markup": "reply keyboard markup",
    "reply_parameters": "reply parameters",
    "link_preview_options": "link preview options",
    "media": "media",
    "commands": "commands",
    "scope": "BotCommandScope",
    "reaction": "reaction types",
}


def decode_field(model_type: type[TelegramMethod[Any]], key: str, text: str) -> object:
    """Decode one field's text into the value its type asks for."""
    cleaning.require_text(text)
    leaves = set(list_leaves(model_type.model_fields[key].annotation)) - {type(None), Default}
    if any(isinstance(leaf, type) and issubclass(leaf, BaseModel) for leaf in leaves):
        return _decode_json(key, text)
    if any(get_origin(leaf) in {list, dict} for leaf in leaves):
        return _decode_json(key, text)
    if int in leaves and _is_integer(text):
        return int(text)
    if str in leaves or InputFile in leaves:
        return text
    return _decode_scalar(key, text, leaves)


def _decode_scalar(key: str, text: str, leaves: set[object]) -> object:
    if bool in leaves:
        if text.lower() not in _YES | _NO:
            raise bad_request(f'Field "{key}" must be of type Boolean')
        return text.lower() in _YES
    if int in leaves:
        raise bad_request(f'Field "{key}" must be a valid Number')
    return text


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= len(str(2**63))


def _decode_json(key: str, text: str) -> object:
    try:
        decoded = json.loads(text)
        # An escape can hide half a surrogate pair in any string of the object.
        cleaning.require_text(json.dumps(decoded, ensure_ascii=False))
    except (ValueError, RecursionError) as error:
        named = _JSON_NAMES.get(key, key)
        raise bad_request(f"Can't parse {named} JSON object") from error
    return decoded


def choose_markup(
    model_type: type[TelegramMethod[Any]],
    raw: Mapping[str, object],
) -> dict[str, object]:
    """Choose the keyboard's kind by its own key, as Client.cpp get_reply_markup does."""
    markup = raw.get("reply_markup")
    if not isinstance(markup, dict):
        return {}
    if not markup:
        return {"reply_markup": None}  # an empty object is no markup at all
    kind = next((kind for key, kind in _markup_kinds() if markup.get(key)), None)
    kind = kind or next((kind for key, kind in _markup_kinds() if key in markup), None)
    if kind is None:
        raise bad_request(f"unexpected field 'reply_markup.{next(iter(markup))}'")
    if kind not in set(list_leaves(model_type.model_fields["reply_markup"].annotation)):
        raise bad_request("Inline keyboard expected")  # ReplyMarkup.cpp get_reply_markup
    try:
        return {"reply_markup": kind.model_validate(_spell_out_buttons(markup))}
    except ValidationError as error:
        raise translate_findings(error, "reply_markup", markup) from error


def _markup_kinds() -> tuple[tuple[str, type[BaseModel]], ...]:
    return (
        ("keyboard", ReplyKeyboardMarkup),
        ("inline_keyboard", InlineKeyboardMarkup),
        ("remove_keyboard", ReplyKeyboardRemove),
        ("force_reply", ForceReply),
    )


def _spell_out_buttons(markup: dict[str, object]) -> dict[str, object]:
    """Write a reply keyboard's plain strings as buttons: Client.cpp get_keyboard_button."""
    rows = markup.get("keyboard")
    if not isinstance(rows, list):
        return markup
    spelt = [
        [{"text": button} if isinstance(button, str) else button for button in row]
        if isinstance(row, list)
        else row
        for row in rows
    ]
    return {**markup, "keyboard": spelt}
