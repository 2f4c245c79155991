"""Request bodies read within bounds: form, multipart and JSON alike."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from aiohttp import BodyPartReader, ClientError, web
from aiohttp.http_exceptions import HttpProcessingError

from sandbox import limits, refusals
from sandbox.checks.schema import Upload, flatten_json

if TYPE_CHECKING:
    from collections.abc import Mapping

# The largest upload, and room for the fields and boundaries around it.
LARGEST_BODY_BYTES = limits.UPLOAD_BYTES + 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")

_UNREADABLE = (
    ValueError,
    LookupError,  # a coding that nobody knows
    RecursionError,
    ClientError,
    HttpProcessingError,
    web.HTTPBadRequest,
)

Body = tuple[dict[str, str], dict[str, Upload]]


async def read_body(request: web.Request) -> Body:
    """Read a call's fields and files, wherever the client put them."""
    fields = _as_fields(request.query)
    uploads: dict[str, Upload] = {}
    if request.content_length is not None and request.content_length > LARGEST_BODY_BYTES:
        raise refusals.upload_too_large()
    try:
        if request.content_type == "multipart/form-data":
            sent, uploads = await _read_parts(request)
        elif request.content_type == "application/json":
            body = await request.read()
            sent = flatten_json(body) if body else {}
        elif request.content_type == "application/x-www-form-urlencoded":
            sent = _as_fields(await request.post())
        else:
            sent = {}
        for text in sent.values():
            _require_text(text)
    except UnicodeError as error:
        raise refusals.not_utf8() from error
    except _UNREADABLE as error:
        raise refusals.bad_request("the request body cannot be read") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise refusals.upload_too_large() from error
    return fields | sent, uploads


def _as_fields(values: Mapping[str, object]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}


def _require_text(text: str) -> None:
    """Require text that can be written as UTF-8: half a surrogate pair cannot, nor its escape."""
    text.encode()
    if _SURROGATE_ESCAPE.search(text) and text.startswith(("{", "[")):
        json.dumps(json.loads(text), ensure_ascii=False).encode()


async def _read_parts(request: web.Request) -> Body:
    fields: dict[str, str] = {}
    uploads: dict[str, Upload] = {}
    left = LARGEST_BODY_BYTES
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or not part.name:
            raise refusals.bad_request("the request body cannot be read")
        mime = part.headers.get("Content-Type", "")
        for text in (part.name, part.filename or "", mime):
            text.encode()  # a header may hold bytes that are no text
        content = await _read_part(part, left)
        left -= len(content)
        if part.filename is None:
            fields[part.name] = content.decode("utf-8")
        else:
            uploads[part.name] = Upload(part.name, part.filename, mime, content)
    return fields, uploads


async def _read_part(part: BodyPartReader, left: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        content += chunk
        if len(content) > left:
            raise refusals.upload_too_large()
    return bytes(content)
