"""Photos and documents as a call carries or names them, and getFile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sandbox import limits, refusals
from sandbox.botapi.methods import posting
from sandbox.deeds.keeping import Medium, Source, source_of_document, source_of_photo
from sandbox.state import wire

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Json, StoredFile
    from sandbox.state.world import World


def read_photo(world: World, call: Call, value: Any) -> Source:
    """Read and check the picture that a call carries or names."""
    upload = call.upload(value)
    if upload is None:
        return Source("photo", stored=_find_stored(world, value, "photo"))
    return source_of_photo(upload.content)


def read_document(world: World, call: Call, value: Any) -> Source:
    """Read and check the file that a call carries or names."""
    upload = call.upload(value)
    if upload is None:
        return Source("document", stored=_find_stored(world, value, "document"))
    return source_of_document(upload.filename, upload.content, upload.content_type)


def read_media(world: World, call: Call, item: Any) -> Medium:
    """Read and check one InputMedia."""
    caption, entities = posting.read_caption(item)
    if item.type == "photo":
        return Medium(read_photo(world, call, item.media), caption, entities)
    if item.type == "document":
        return Medium(read_document(world, call, item.media), caption, entities)
    raise refusals.bad_request(f"the sandbox knows no media of type {item.type}")


def get_file(world: World, call: Call) -> Json:
    """Tell where a file can be downloaded."""
    model: Any = call.model
    file = world.files.get(model.file_id)
    if file is None:
        raise refusals.bad_request("invalid file_id")
    if file.size > limits.DOWNLOAD_BYTES:
        raise refusals.file_too_big()
    return wire.render_file(file) | {"file_path": file.path}


def _find_stored(world: World, value: Any, kind: Literal["photo", "document"]) -> StoredFile:
    text = str(value)
    if text.startswith(("http://", "https://")):
        # Nothing is fetched from here: the sandbox is an offline Telegram.
        raise refusals.bad_request("Failed to get HTTP URL content")
    file = world.files.get(text)
    if file is None:
        # Client.cpp get_input_file, the server's words for an id that it cannot decode
        raise refusals.bad_request(
            "Wrong file identifier/HTTP URL specified"
            if not text
            else "Wrong remote file identifier specified: Wrong string length"
        )
    if file.kind != kind:
        said = f"can't use file of type {file.kind.title()} as {kind.title()}"
        raise refusals.bad_request(said)
    return file
