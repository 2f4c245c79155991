"""Pictures and files on their way into the world: checked first, kept after."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sandbox import limits, refusals
from sandbox.checks.media import check_photo
from sandbox.state.records import Content, Document, Photo, StoredFile

if TYPE_CHECKING:
    from sandbox.state.records import Json
    from sandbox.state.world import World

_PICTURE_SUFFIXES = {b"\x89PNG": "png", b"GIF8": "gif", b"RIFF": "webp"}


@dataclass(frozen=True)
class Source:
    """A file that passed its checks: a fresh upload, or one that was stored before."""

    kind: Literal["photo", "document"]
    stored: StoredFile | None = None
    content: bytes = b""
    name: str = ""
    mime: str = ""
    width: int = 0
    height: int = 0


@dataclass(frozen=True)
class Medium:
    """One item of an album or of editMessageMedia, checked and not yet kept."""

    source: Source
    caption: str | None
    caption_entities: list[Json]


def source_of_photo(content: bytes) -> Source:
    """Check a picture's bytes."""
    width, height = check_photo(content)
    suffix = next((s for magic, s in _PICTURE_SUFFIXES.items() if content[:4] == magic), "jpg")
    mime = f"image/{'jpeg' if suffix == 'jpg' else suffix}"
    return Source("photo", None, content, f"photo.{suffix}", mime, width, height)


def source_of_document(name: str, content: bytes, mime: str) -> Source:
    """Check a file's bytes."""
    if not content:
        raise refusals.bad_request("file must be non-empty")
    if len(content) > limits.UPLOAD_BYTES:
        raise refusals.upload_too_large()
    if mime in {"", "application/octet-stream"}:
        # As Telegram, which looks at the name; aiogram sends every part as octet-stream.
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Source("document", None, content, name or "document", mime)


def keep_photo(world: World, source: Source) -> Photo:
    """Store a picture and answer what a message holds of it."""
    file = source.stored or _store(world, source)
    return Photo(file_id=file.file_id, width=file.width, height=file.height)


def keep_document(world: World, source: Source) -> Document:
    """Store a file and answer what a message holds of it."""
    file = source.stored or _store(world, source)
    return Document(file_id=file.file_id, name=file.name, size=file.size, mime=file.mime)


def keep_media(world: World, medium: Medium) -> Content:
    """Store a medium and answer it as a message's content."""
    is_photo = medium.source.kind == "photo"
    return Content(
        caption=medium.caption,
        caption_entities=medium.caption_entities,
        photo=keep_photo(world, medium.source) if is_photo else None,
        document=None if is_photo else keep_document(world, medium.source),
    )


def _store(world: World, source: Source) -> StoredFile:
    number = world.standing.next_file
    world.standing.next_file += 1
    prefix = "AgACAg" if source.kind == "photo" else "BQACAg"
    file = StoredFile(
        file_id=f"{prefix}{number:08d}",
        number=number,
        kind=source.kind,
        name=source.name,
        mime=source.mime,
        size=len(source.content),
        width=source.width,
        height=source.height,
    )
    world.put_file(file, source.content)
    return file
