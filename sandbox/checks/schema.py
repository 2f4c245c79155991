"""Every call and every answer, held against aiogram's own models of the Bot API.

The models allow unknown keys, and a misspelt key inside a union silently makes it *another*
member of that union. So a validated value is walked, and an unknown key is refused at any depth.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import aiogram.methods
from aiogram.methods.base import TelegramMethod
from pydantic import TypeAdapter, ValidationError

from sandbox import refusals
from sandbox.checks.decoding import choose_markup, decode_field
from sandbox.checks.walks import (
    ATTACH,
    check_files,
    forget_sentinels,
    list_unknown_keys,
    refuse_mistaken_booleans,
)
from sandbox.checks.wording import translate_findings
from sandbox.refusals import bad_request


class AnswerFault(Exception):
    """An answer of this server that the Bot API would never give."""


@dataclass(frozen=True)
class Upload:
    """One file part of a multipart request."""

    name: str
    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Call:
    """One validated call; file fields hold `attach://NAME`, a file identifier or an address."""

    method: str
    model: TelegramMethod[Any]
    given: frozenset[str]
    uploads: Mapping[str, Upload]

    def upload(self, value: object) -> Upload | None:
        """Find the file that an `attach://NAME` value stands for."""
        if isinstance(value, str) and value.startswith(ATTACH):
            return self.uploads.get(value.removeprefix(ATTACH))
        return None


def flatten_json(body: bytes) -> dict[str, str]:
    """Read a JSON body into the form's shape: every value as text."""
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise bad_request("can't parse JSON object") from error
    if not isinstance(decoded, dict):
        raise bad_request("JSON object expected")  # td HttpReader.cpp
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in decoded.items()
        if value is not None
    }


def parse_call(method: str, fields: Mapping[str, str], uploads: Mapping[str, Upload]) -> Call:
    """Parse the text fields and files of one request into a validated call."""
    model_type = _find_method(method)
    name = model_type.__api_method__
    texts = {key: text for key, text in fields.items() if text}
    direct = {
        key: ATTACH + key for key in uploads if key in model_type.model_fields and key not in texts
    }
    for key in texts:
        if key not in model_type.model_fields:
            raise bad_request(f"unexpected field '{key}' in {name}")
    raw = {key: decode_field(model_type, key, text) for key, text in texts.items()} | direct
    chosen = raw | choose_markup(model_type, raw)
    try:
        model = model_type.model_validate(chosen)
    except ValidationError as error:
        raise translate_findings(error, name, raw) from error
    for path in list_unknown_keys(model):
        raise bad_request(f"unexpected field '{path}' in {name}")
    refuse_mistaken_booleans(model, raw)
    forget_sentinels(model)
    check_files(model, uploads)
    return Call(name, model, frozenset(raw), uploads)


def check_answer(method: str, result: object) -> None:
    """Require that `result` is what the Bot API declares as this method's return value."""
    name = _find_method(method).__api_method__
    try:
        value = _answer_type(name).validate_python(result)
    except ValidationError as error:
        raise AnswerFault(f"{name} answers wrongly: {error}") from error
    for path in list_unknown_keys(value):
        raise AnswerFault(f"{name} answers with the unknown field '{path}'")


@cache
def _methods() -> Mapping[str, type[TelegramMethod[Any]]]:
    found = (getattr(aiogram.methods, name) for name in aiogram.methods.__all__)
    return types.MappingProxyType(
        {
            kind.__api_method__.lower(): kind
            for kind in found
            if isinstance(getattr(kind, "__api_method__", None), str)
        },
    )


def _find_method(method: str) -> type[TelegramMethod[Any]]:
    found = _methods().get(method.lower())
    if found is None:
        raise refusals.method_not_found()
    return found


@cache
def _answer_type(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_methods()[name.lower()].__returning__)
