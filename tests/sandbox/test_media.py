from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.checks.media import check_photo, find_dimensions
from sandbox.refusals import Refusal


def _png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", width, height)


def _jpeg(width: int, height: int) -> bytes:
    comment = b"\xff\xfe" + struct.pack(">H", 4) + b"hi"
    frame = b"\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width)
    return b"\xff\xd8" + comment + b"\xff" + frame


def _gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height)


def _webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + b"\0\0\0\0" + body


def _description(content: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        check_photo(content)
    return caught.value.description


@pytest.mark.parametrize(
    "content",
    [
        _png(800, 400),
        _jpeg(800, 400),
        _gif(800, 400),
        _webp(b"VP8 ", bytes(6) + struct.pack("<HH", 800, 400)),
        _webp(b"VP8L", b"\x2f" + struct.pack("<I", 799 | 399 << 14)),
        _webp(b"VP8X", bytes(4) + (799).to_bytes(3, "little") + (399).to_bytes(3, "little")),
    ],
    ids=["png", "jpeg", "gif", "webp lossy", "webp lossless", "webp extended"],
)
def test_a_picture_tells_its_sides(content: bytes) -> None:
    assert check_photo(content) == (800, 400)


@pytest.mark.parametrize("content", [b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a"])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    assert _description(content) == "Bad Request: IMAGE_PROCESS_FAILED"


@pytest.mark.parametrize(("width", "height"), [(9999, 2), (6000, 4001), (2100, 100), (0, 5)])
def test_a_picture_of_impossible_sides_is_refused(width: int, height: int) -> None:
    assert _description(_png(width, height)) == "Bad Request: PHOTO_INVALID_DIMENSIONS"


@pytest.mark.parametrize(("width", "height"), [(2000, 100), (6000, 4000), (1, 1)])
def test_a_picture_at_the_limit_is_taken(width: int, height: int) -> None:
    assert check_photo(_png(width, height)) == (width, height)


def test_a_picture_over_ten_megabytes_is_refused() -> None:
    assert "too big for a photo" in _description(_png(10, 10).ljust(10 * 1024 * 1024 + 1, b"\0"))


def test_an_empty_file_is_refused() -> None:
    assert _description(b"") == "Bad Request: file must be non-empty"


@settings(deadline=None)
@given(st.sampled_from([_png(1, 1), _jpeg(1, 1), _gif(1, 1), _webp(b"VP8X", b"")]), st.binary())
def test_no_header_breaks_the_reader(start: bytes, rest: bytes) -> None:
    for cut in range(len(start)):
        find_dimensions(start[:cut] + rest)
