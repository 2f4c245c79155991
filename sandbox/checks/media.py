"""What Telegram asks of a picture: its format, its weight and its sides, read from its header."""

from __future__ import annotations

import struct
from typing import Final

from sandbox import limits, refusals
from sandbox.refusals import bad_request

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_GIFS: Final = (b"GIF87a", b"GIF89a")
# JPEG's frame headers: every SOFn but those three of the range that mean something else.
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_MARKER: Final = 0xFF
_VP8_SIDE_MASK: Final = 0x3FFF


def check_photo(upload: bytes) -> tuple[int, int]:
    """Return a picture's width and height, or refuse it as Telegram does."""
    if not upload:
        raise bad_request("file must be non-empty")  # td FileManager.cpp
    if len(upload) > limits.PHOTO_BYTES:
        # td FileLoaderUtils.cpp get_file_size_error; the name of its temporary file is left out
        raise bad_request(
            f"File of size {len(upload)} bytes is too big for a photo; "
            f"the maximum size is {limits.PHOTO_BYTES} bytes"
        )
    sides = find_dimensions(upload)
    if sides is None:
        raise refusals.image_failed()
    if min(sides) < 1 or sum(sides) > limits.PHOTO_SIDES_PIXELS:
        raise refusals.photo_dimensions()
    if max(sides) > limits.PHOTO_RATIO * min(sides):
        raise refusals.photo_dimensions()
    return sides


def find_dimensions(content: bytes) -> tuple[int, int] | None:
    """Find width and height in the header of a PNG, JPEG, GIF or WebP."""
    try:
        if content.startswith(_PNG):
            return _measure_png(content)
        if content.startswith(_JPEG):
            return _measure_jpeg(content)
        if content.startswith(_GIFS):
            width, height = struct.unpack_from("<HH", content, 6)
            return width, height
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _measure_webp(content)
    except (struct.error, IndexError):
        pass  # the header is cut short: no picture
    return None


def _measure_png(content: bytes) -> tuple[int, int] | None:
    if content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", content, 16)
    return width, height


def _measure_jpeg(content: bytes) -> tuple[int, int] | None:
    at = 2
    while content[at] == _MARKER:
        marker = content[at + 1]
        if marker == _MARKER:
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        elif marker in _FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        else:
            (size,) = struct.unpack_from(">H", content, at + 2)
            at += 2 + size
    return None


def _measure_webp(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & _VP8_SIDE_MASK, height & _VP8_SIDE_MASK
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        return (bits & _VP8_SIDE_MASK) + 1, (bits >> 14 & _VP8_SIDE_MASK) + 1
    if kind == b"VP8X":
        sides = content[24:30]
        if len(sides) == 6:  # noqa: PLR2004 - two sides of three bytes each
            return (
                int.from_bytes(sides[:3], "little") + 1,
                int.from_bytes(sides[3:], "little") + 1,
            )
    return None
