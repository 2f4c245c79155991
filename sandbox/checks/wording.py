"""A model's findings about a call, told in the words of the Bot API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from sandbox import refusals
from sandbox.refusals import Refusal, bad_request

# td JsonBuilder.cpp names these types in "Field … must be of type …".
_TYPE_NAMES: Final = {
    "string_type": "String",
    "int_type": "Number",
    "int_parsing": "Number",
    "int_from_float": "Number",
    "float_type": "Number",
    "float_parsing": "Number",
    "bool_type": "Boolean",
    "bool_parsing": "Boolean",
    "list_type": "Array",
    "dict_type": "Object",
    "model_type": "Object",
    "model_attributes_type": "Object",
}

_FILE_FIELDS: Final = frozenset(
    {"animation", "audio", "document", "photo", "sticker", "video", "voice"},
)


def translate_findings(error: ValidationError, method: str, raw: Mapping[str, object]) -> Refusal:
    """Translate what pydantic found into the one refusal Telegram would give."""
    # Of a union's many findings, the one that reached deepest speaks of what was meant.
    found = max(error.errors(), key=lambda each: len(_trace(each["loc"], raw)))
    path = _trace(found["loc"], raw)
    if found["type"] == "missing":
        return _missing(path, method)
    if type_name := _TYPE_NAMES.get(found["type"]):
        return bad_request(f'Field "{_join(path)}" must be of type {type_name}')
    return bad_request(f'Field "{_join(path)}" has an unsupported value')


def _trace(loc: tuple[int | str, ...], raw: object) -> tuple[int | str, ...]:
    """Keep of pydantic's location what the caller wrote; names of union members drop out."""
    path: list[int | str] = []
    value = raw
    for index, step in enumerate(loc):
        if _has(value, step):
            value = value[step]  # type: ignore[index]  # _has looked
        elif index < len(loc) - 1 or not isinstance(value, dict):
            continue
        path.append(step)
    return tuple(path)


def _has(value: object, step: int | str) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _join(path: tuple[int | str, ...]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _missing(path: tuple[int | str, ...], method: str) -> Refusal:
    name = str(path[-1]) if path else method
    if len(path) > 1 or method == "reply_markup":
        return bad_request(f'Can\'t find field "{_join(path)}"')  # td JsonBuilder.cpp
    if name in _FILE_FIELDS:
        return refusals.file_missing(name)
    known = {
        "chat_id": refusals.chat_id_empty,
        "text": refusals.text_missing,
        "message_id": refusals.message_id_missing,
        # Client.cpp: an empty query id is an id that no query has
        "callback_query_id": refusals.query_too_old,
    }
    if name in known:
        return known[name]()
    return bad_request(f'Parameter "{name}" is required')  # Client.cpp get_required_string_arg
