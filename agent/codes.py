"""The one-time code that a bridge gives for one host, and from where it may be read.

A code is a secret. It never stands among the words of a command line, which everybody on a host
can list; it comes by standard input, or from a file that nobody else can open.
"""

from __future__ import annotations

import base64
import binascii
import getpass
import json
import os
import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent import limits
from agent.errors import AgentError
from agent.settings import parse_address, parse_name

MARK: Final = "opswire1."
"""Begins every code."""
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


class WrongCode(AgentError):
    """What was given is no code, or not to be read from there."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """What a bridge says to a host that it does not know yet."""

    host: str
    door: tuple[str, int]
    """Where agents speak to the bridge."""
    fingerprint: str
    """SHA-256 of the door's certificate, as hexadecimal digits."""
    secret: str = field(repr=False)
    address: str = ""
    """Where the bridge will look for the agent, if it knows."""


def parse_code(text: str) -> Code:
    """Read a code.

    Raises:
        WrongCode: it is none. The sentence never holds any of it.
    """
    words = text.split()
    if len(words) != 1 or not words[0].startswith(MARK):
        raise WrongCode(f"a code is one word that begins with {MARK}")
    try:
        fields = _decode(words[0].removeprefix(MARK))
        code = Code(
            host=parse_name(fields["h"]),
            door=parse_address(fields["d"]),
            fingerprint=fields["f"].lower(),
            secret=fields["s"],
            address=fields["a"],
        )
        if code.address:
            parse_address(code.address)
    except (ValueError, KeyError):
        raise WrongCode("the code is incomplete; copy all of it") from None
    if not _FINGERPRINT.fullmatch(code.fingerprint) or not code.secret:
        raise WrongCode("the code is incomplete; copy all of it")
    return code


def read_code(file: Path | None) -> str:
    """Read a code's text from a private file, from a person, or from standard input.

    Raises:
        WrongCode: it cannot be read, or others could read it as well.
    """
    if file is not None:
        return _read_file(file)
    if sys.stdin.isatty():
        return getpass.getpass("the code (it is not shown): ")
    return sys.stdin.read(limits.CODE_BYTES)


def _read_file(path: Path) -> str:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise WrongCode(f"{path} is no file")
            if found.st_mode & 0o077:
                raise WrongCode(f"others can read {path}: chmod 600 {path}, and ask for a new code")
            return file.read(limits.CODE_BYTES).decode("ascii")
    except OSError as fault:
        reason = (fault.strerror or type(fault).__name__).lower()
        raise WrongCode(f"{path} cannot be read ({reason})") from None
    except UnicodeDecodeError:
        raise WrongCode(f"{path} holds no code") from None


def _decode(text: str) -> dict[str, str]:
    """Decode the fields; ValueError where they are not all texts."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as fault:
        raise ValueError("no base64") from fault
    fields: Any = json.loads(raw)
    if not isinstance(fields, dict) or not all(isinstance(each, str) for each in fields.values()):
        raise ValueError("no fields")
    return fields
