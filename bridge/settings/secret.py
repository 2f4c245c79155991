"""Secrets: a value that never shows itself, and the file it may come from."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from typing import SupportsIndex

_MAX_BYTES: Final = 4096  # chosen: no secret of ours is longer; a wrong path may name a log
_PRIVATE_MOUNTS: Final = (
    Path("/run/secrets"),
)  # Docker mounts secrets 0444, but for one container


class Secret:
    """Hold a text that only `reveal` gives away: not `repr`, `str`, formatting or pickling."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, _spec: str) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce_ex__(self, _protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret is not written down")


def read_secret_file(path: Path) -> str:
    """Return the stripped text of a secret's file, or raise ValueError with a sentence."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ValueError(f"the file {str(path)!r} cannot be read ({reason})") from error
    if len(content) > _MAX_BYTES:
        raise ValueError(f"the file {str(path)!r} is longer than {_MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        # The decoder's own words and context would quote the bytes.
        raise ValueError(f"the file {str(path)!r} is not UTF-8 text") from None
    if not text:
        raise ValueError(f"the file {str(path)!r} is empty")
    return text


def is_open_to_all(path: Path) -> bool:
    """Say whether every user of this machine can read the file."""
    if any(mount in path.parents for mount in _PRIVATE_MOUNTS):
        return False
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
