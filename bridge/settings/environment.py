"""The environment and `.env`: one mapping of texts, with what reading them had to say."""

from __future__ import annotations

import difflib
import os
import stat
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Final

from dotenv.parser import parse_stream

from bridge.settings.accepted import LANGUAGES, choose_language
from bridge.settings.table import ALIKE, OLD_NAMES, OUTRANKED, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LIKENESS: Final = 0.85  # chosen: BOT_TOKN and ALLOWED_USER are caught


@dataclass(frozen=True)
class Fault:
    """What is wrong with one variable, and what would be right."""

    variable: str
    fault: str
    accepted: str
    is_passing: bool = False
    """Whether it may be right a little later as it stands: somebody else has what it names."""

    def __str__(self) -> str:
        return f"{self.variable}: {self.fault} (accepted: {self.accepted})"


class SettingsError(Exception):
    """Settings are wrong; every fault names its variable and the accepted form."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults

    @property
    def is_passing(self) -> bool:
        """Whether another start may find nothing wrong although nobody mends anything."""
        return all(fault.is_passing for fault in self.faults)


class Environment(dict[str, str]):
    """Variables under today's names, and the notices and faults met while reading them."""

    def __init__(self) -> None:
        super().__init__()
        self.notices: list[str] = []
        self.faults: list[Fault] = []

    def __repr__(self) -> str:
        return f"Environment({', '.join(sorted(self))})"  # names alone: values hold secrets

    def take(self, other: Environment) -> None:
        """Let another environment win over this one."""
        self.update(other)
        self.notices += other.notices
        self.faults += other.faults


def read_environment(root: Path, environ: Mapping[str, str] | None = None) -> Environment:
    """Return the variables of `.env` in `root`, with those of the process winning."""
    process = dict(os.environ if environ is None else environ)
    together = _read_dotenv(root / ".env")
    wishes = process.pop("LANGUAGE", "")
    language = wishes if wishes in LANGUAGES else None
    if language is None and "LANGUAGE" not in together:
        # The system's own variable of this name is a list such as `de_DE:en`, never our fault.
        language = choose_language(wishes)
    if language is not None:
        process["LANGUAGE"] = language
    for name, text in process.items():
        if not text.strip():
            # Who starts us with an empty variable means: not set, whatever the file says.
            together.pop(_OLD.get(name, name), None)
    together.take(rename(process))
    return together


def rename(texts: Mapping[str, str]) -> Environment:
    """Drop empty values and give each variable its present name."""
    renamed = Environment()
    present = {name: text.strip() for name, text in texts.items() if text.strip()}
    renamed.update((name, text) for name, text in present.items() if name not in _OLD)
    for old, new in _OLD.items():
        if old in present:
            _adopt(renamed, old, new, present[old])
    return renamed


def _adopt(renamed: Environment, old: str, new: str, text: str) -> None:
    if renamed.setdefault(new, text) == text:
        renamed.notices.append(f"{old} is called {new} here; please rename it")
    elif old in OUTRANKED:
        renamed.notices.append(f"{old} is not used, because {new} is set")
    else:
        fault = f"{old}, its old name, is set as well and says something else"
        renamed.faults.append(Fault(new, fault, "one of the two"))


def _read_dotenv(path: Path) -> Environment:
    try:
        text = path.read_text("utf-8-sig")
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Environment()
    except (OSError, UnicodeDecodeError) as error:
        unread = Environment()
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        unread.faults.append(Fault(".env", f"cannot be read ({reason})", "a readable text file"))
        return unread
    file = _parse_dotenv(text)
    if mode & stat.S_IROTH and any(name in file for name in _SECRETS):
        file.notices.append(".env holds secrets and everybody here can read it: chmod 600 .env")
    return file


def _parse_dotenv(text: str) -> Environment:
    """Read `KEY = value` lines; dollar signs stay as they are, because passwords have them."""
    texts: dict[str, str] = {}
    notices, faults = [], []
    for binding in parse_stream(StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            # The line is not shown: it may hold a secret.
            where = f"line {binding.original.line} cannot be read"
            faults.append(Fault(".env", where, "KEY=value, in quotes if it has a # or a blank"))
        elif binding.key is not None and binding.value is not None:
            if binding.key in texts:
                notices.append(f"{binding.key} stands twice in .env; the last one counts")
            texts[binding.key] = binding.value
            notices += _suspect(binding.key)
    file = rename(texts)
    file.notices += notices
    file.faults += faults
    return file


def _suspect(name: str) -> list[str]:
    if name in _KNOWN or name in ALIKE:
        return []
    near = difflib.get_close_matches(name.upper(), _KNOWN, n=1, cutoff=_LIKENESS)
    return [f"{name} in .env is unknown; did you mean {near[0]}?" for _ in near]


_SECRETS: Final = tuple(setting.name for setting in SETTINGS if setting.secret)
_OLD: Final = OLD_NAMES | {
    f"{old}_FILE": f"{new}_FILE" for old, new in OLD_NAMES.items() if new in _SECRETS
}
_KNOWN: Final = (
    *(setting.name for setting in SETTINGS),
    *(f"{name}_FILE" for name in _SECRETS),
    *_OLD,
)
