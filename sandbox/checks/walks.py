"""Walks over a validated call: what its models let pass and Telegram would not."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator
from typing import Annotated, Final, Union, get_args, get_origin

from aiogram.client.default import Default
from aiogram.types import InputFile
from pydantic import BaseModel

from sandbox import refusals
from sandbox.refusals import bad_request

ATTACH: Final = "attach://"


def list_leaves(annotation: object) -> Iterator[object]:
    """List the types a field accepts, unions and annotations taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from list_leaves(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for part in get_args(annotation):
            yield from list_leaves(part)
    else:
        yield annotation


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, BaseModel):
        for name, declared in type(value).model_fields.items():
            yield f".{declared.alias or name}", value.__dict__.get(name)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield f"[{index}]", item


def list_unknown_keys(value: object, path: str = "") -> Iterator[str]:
    """List the keys that no model knows, each by its path."""
    if isinstance(value, BaseModel):
        for key in value.model_extra or {}:
            yield f"{path}.{key}".lstrip(".")
    for step, child in _children(value):
        yield from list_unknown_keys(child, path + step)


def refuse_mistaken_booleans(value: object, raw: object, path: str = "") -> None:
    """Refuse what pydantic lets pass: `1` for true, and true for a number."""
    if raw is not None and isinstance(value, bool) != isinstance(raw, bool):
        wanted = "Boolean" if isinstance(value, bool) else "Number"
        raise bad_request(f'Field "{path.lstrip(".")}" must be of type {wanted}')
    for step, child in _children(value):
        if isinstance(raw, dict) and step[1:] in raw:
            refuse_mistaken_booleans(child, raw[step[1:]], path + step)
        elif isinstance(raw, list):
            refuse_mistaken_booleans(child, raw[int(step[1:-1])], path + step)


def forget_sentinels(value: object) -> None:
    """Set to None what only a bot's own defaults could fill: a server has none."""
    if isinstance(value, BaseModel):
        for name, child in value.__dict__.items():
            if isinstance(child, Default):
                value.__dict__[name] = None  # the types are frozen; their fields are not ours
    for _, child in _children(value):
        forget_sentinels(child)


def check_files(model: BaseModel, uploads: Collection[str]) -> None:
    """Require that every file referred to came along, and that every file is referred to."""
    named = dict(_attached(model))
    for name, kind in named.items():
        if name not in uploads:
            raise refusals.file_missing(kind)
    for name in uploads:
        if name not in named:
            raise bad_request(f"unexpected file '{name}'")


def _attached(value: object) -> Iterator[tuple[str, str]]:
    """List the files a call refers to, each with the word for what is missing without it."""
    if isinstance(value, BaseModel):
        kind = getattr(value, "type", None)
        for name, declared in type(value).model_fields.items():
            text = value.__dict__.get(name)
            if not isinstance(text, str) or not text.startswith(ATTACH):
                continue
            if InputFile in set(list_leaves(declared.annotation)):
                yield text.removeprefix(ATTACH), kind if isinstance(kind, str) else name
    for _, child in _children(value):
        yield from _attached(child)
