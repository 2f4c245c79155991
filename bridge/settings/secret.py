"""Secrets: a value that never shows itself, and the file it may come from."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import unquote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import SupportsIndex

_MAX_BYTES: Final = 4096  # chosen: no secret of ours is longer; a wrong path may name a log
_MAX_LIST_BYTES: Final = 64 * 1024  # chosen: hundreds of addresses
_TELLING: Final = 8  # chosen: shorter pieces of an address are words that logs need
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


@dataclass(frozen=True)
class SecretLines:
    """A file of secrets, one a line; empty lines and `#` comments are left out."""

    path: Path
    lines: tuple[tuple[int, Secret], ...]
    """The number of the line in the file, from 1, and what stands there."""


def read_secret_lines(path: Path) -> SecretLines:
    """Return the lines of a file of secrets, or raise ValueError with a sentence."""
    text = read_secret_file(path, most=_MAX_LIST_BYTES, strip=False)
    numbered = ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1))
    lines = tuple(
        (number, Secret(line)) for number, line in numbered if line and not line.startswith("#")
    )
    if not lines:
        raise ValueError(f"the file {str(path)!r} has nothing but comments")
    return SecretLines(path, lines)


def split_address(address: Secret) -> Iterator[Secret]:
    """Name what gives an address away, for the logs to hide: all of it but a plain host name.

    Such addresses carry their keys anywhere, and a library may log any piece of the address that
    it makes of them.
    """
    rest = address.reveal().partition("://")[2]
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, _, host = place.rpartition("@")
    is_plain = "." in host or host.partition(":")[0] == "localhost"
    secret = rest[len(place) :] if is_plain else host + rest[len(place) :]
    pieces = [secret, user, *user.split(":"), *re.split(r"[/?&=:,#]", secret)]
    pieces += [unquote_plus(piece) for piece in pieces]
    yield from (Secret(piece) for piece in dict.fromkeys(pieces) if len(piece) >= _TELLING)


def read_secret_file(path: Path, *, most: int = _MAX_BYTES, strip: bool = True) -> str:
    """Return the stripped text of a secret's file, or raise ValueError with a sentence."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ValueError(f"the file {str(path)!r} cannot be read ({reason})") from error
    if len(content) > most:
        raise ValueError(f"the file {str(path)!r} is longer than {most} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The decoder's own words and context would quote the bytes.
        raise ValueError(f"the file {str(path)!r} is not UTF-8 text") from None
    if not text.strip():
        raise ValueError(f"the file {str(path)!r} is empty")
    return text.strip() if strip else text


def is_open_to_all(path: Path) -> bool:
    """Say whether every user of this machine can read the file."""
    if any(mount in path.parents for mount in _PRIVATE_MOUNTS):
        return False
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
