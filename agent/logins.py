"""What a line of the auth log tells: who came in, who left, who was refused.

Only what a daemon itself writes counts, and only at its place: the program's name in the head of
the line, its own words at the start of the message, and what they say about a connection at the
end. A name that somebody types at a login stands between the two, so whatever it says tells
nothing; where a message can be read in two ways, the address is left out.

Whoever may write to the log on the host itself can write anything there. The journal knows who
wrote, and there `following` asks for it.
"""

from __future__ import annotations

import contextlib
import enum
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from agent.limits import LOGIN_NAME_CHARACTERS


class Deed(enum.Enum):
    """What a line tells of."""

    ACCEPTED = "accepted"
    """Somebody was let in."""
    LEFT = "left"
    """A connection of somebody who had been let in is over."""
    CLOSED = "closed"
    """The session that a process had opened is over."""
    REFUSED = "refused"
    """An attempt failed."""
    UNKNOWN = "unknown"
    """Somebody gave a name that nobody has; the attempt that fails for it comes with it."""
    GONE = "gone"
    """A connection ended before anybody was let in."""
    BECAME = "became"
    """Somebody acts as somebody else."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one line tells."""

    deed: Deed
    program: str
    """The daemon, by the name that all its processes share."""
    pid: int = 0
    """0 where the line names none."""
    user: str = ""
    address: str = ""
    """Empty where there is none, or where the line leaves it open."""
    port: int = 0
    method: str = ""
    is_known: bool = True
    """Whether there is somebody of that name."""
    count: int = 1
    """How often, where the log has folded it."""
    stamp: str = ""
    """When, as the log has it."""


SSHD: Final = "sshd"
SUDO: Final = "sudo"
SU: Final = "su"
LOCAL: Final = frozenset({"login", "gdm-password", "lightdm", "sddm"})
"""Who lets people in at the machine itself."""
PROGRAMS: Final[Mapping[str, str]] = {
    "sshd": SSHD,
    "sshd-session": SSHD,
    "sshd-auth": SSHD,
    SUDO: SUDO,
    SU: SU,
    **{name: name for name in LOCAL},
}
"""Whose lines are read, by the name in their head. CRON and systemd-logind say nothing of their
own: each session of theirs is one of these, or nobody's login."""
CONSOLE: Final = "console"
"""The method of whoever sits at the machine."""

_DAY: Final = 86400.0  # seconds: a stamp that is further off is a clock that is wrong
_STAMP: Final = (
    r"[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:[.,][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})"
)
_TAGGED: Final = re.compile(
    rf"(?:<[0-9]{{1,3}}>)?(?P<stamp>{_STAMP}) \S{{1,255}} "
    r"(?P<program>[A-Za-z0-9_./-]{1,48})(?:\[(?P<pid>[0-9]{1,10})\])?: (?P<text>.*)",
    re.DOTALL,
)
_STRUCTURED: Final = re.compile(
    rf"<[0-9]{{1,3}}>1 (?P<stamp>{_STAMP}) \S{{1,255}} "
    r"(?P<program>[A-Za-z0-9_./-]{1,48}) (?P<pid>-|[0-9]{1,10}) \S{1,32} "
    r'(?:-|(?:\[[^\]"\s]+(?: [^\s="]+="(?:[^"\\]|\\.)*")*\])+) '
    r"(?:\ufeff)?(?P<text>.*)",
    re.DOTALL,
)
_REPEATED: Final = re.compile(
    r"message repeated (?P<count>[0-9]{1,6}) times: \[ ?(?P<text>.*)\]", re.DOTALL
)

# What sshd says. A name is anything, an address follows it.
_ATTEMPT: Final = re.compile(
    r"(?P<verdict>Accepted|Failed) (?P<method>[a-z0-9@./_-]{1,64}) for (?P<rest>.*)", re.DOTALL
)
_PLACE: Final = re.compile(r" from (?P<address>\S{1,64}) port (?P<port>[0-9]{1,5}) ssh2(?=: |\Z)")
_MOST_PLACES: Final = 64
"""sshd writes no line of more than 1,024 bytes (log.c), and a place has 19 at least."""
_DIGEST: Final = r"(?:SHA256:[A-Za-z0-9+/=]{43,44}|MD5:[0-9a-f:]{47}|[0-9a-f:]{47})"
_KEY: Final = re.compile(
    rf": [A-Za-z0-9-]{{1,32}} (?:{_DIGEST}|(?:{_DIGEST} )?ID .*"
    rf" \(serial [0-9]{{1,20}}\) CA [A-Za-z0-9-]{{1,32}} {_DIGEST})",
    re.DOTALL,
)
_INVALID: Final = "invalid user "
_STRANGER: Final = re.compile(
    r"Invalid user (?P<user>.*) from (?P<address>\S{1,64})(?: port (?P<port>[0-9]{1,5}))?",
    re.DOTALL,
)
_LEFT: Final = re.compile(
    r"Disconnected from user (?P<user>.*) (?P<address>\S{1,64}) port (?P<port>[0-9]{1,5})",
    re.DOTALL,
)
_GONE: Final = re.compile(
    r"(?:Connection (?:closed|reset) by|Disconnected from)"
    r" (?P<whose>authenticating|invalid) user (?P<user>.*)"
    r" (?P<address>\S{1,64}) port (?P<port>[0-9]{1,5}) \[preauth\]",
    re.DOTALL,
)
_CUT_OFF: Final = re.compile(
    r"(?:error: maximum authentication attempts exceeded for"
    r"|Disconnecting (?:authenticating|invalid) user) .* \[preauth\]",
    re.DOTALL,
)
_SESSION: Final = re.compile(
    r"pam_unix\((?P<what>[a-z0-9-]{1,32}):session\): session (?P<change>opened|closed)"
    r" for user (?P<user>[^\s()]{1,100})(?:\(uid=[0-9]{1,10}\))?"
    r"(?: by (?P<by>[^\s()]{0,100})(?:\(uid=[0-9]{1,10}\))?)?"
)

# What sudo, su and login say.
_COMMAND: Final = re.compile(
    r" *(?P<user>\S{1,100}) : (?P<why>[^;=]{1,100} ; )?"
    r"(?:[A-Z]+=[^;]* ; )*?USER=(?P<whom>[^\s;]{1,100}) ; .*",
    re.DOTALL,
)
_SWITCH: Final = re.compile(
    r"(?P<failed>FAILED SU )?\(to (?P<whom>\S{1,100})\) (?P<user>\S{1,100}) on \S{1,100}"
)
_FAILED_LOGIN: Final = re.compile(
    r"FAILED LOGIN \([0-9]{1,6}\) on '[^']{1,100}' (?:from '[^']{0,255}' )?FOR '(?P<user>.*)', .*",
    re.DOTALL,
)


def read_line(line: str) -> Told | None:
    """Read a line of a log file; None where it tells nothing."""
    head = _TAGGED.fullmatch(line) or _STRUCTURED.fullmatch(line)
    if head is None:
        return None
    program = head["program"].rpartition("/")[2]
    pid = int(head["pid"]) if (head["pid"] or "-") != "-" else 0
    told = read_message(program, pid, head["text"])
    return replace(told, stamp=head["stamp"]) if told else None


def read_message(name: str, pid: int, text: str) -> Told | None:
    """Read what the program of that name said; None where it tells nothing."""
    program = PROGRAMS.get(name)
    if program is None:
        return None
    repeated = _REPEATED.fullmatch(text)
    told = _READERS[program](program, pid, repeated["text"] if repeated else text)
    return replace(told, count=max(1, int(repeated["count"]))) if told and repeated else told


def read_stamp(stamp: str, now: float) -> float:
    """Say when a line was written; where it does not tell, or tells what cannot be, that is now."""
    at = now
    if stamp.isascii() and stamp.isdigit():  # the journal's: microseconds
        at = int(stamp) / 1e6
    else:
        with contextlib.suppress(ValueError):
            read = datetime.fromisoformat(stamp.replace(",", "."))
            at = read.timestamp() if read.tzinfo else now
    return at if abs(at - now) < _DAY else now


def _read_sshd(program: str, pid: int, text: str) -> Told | None:
    attempt = _ATTEMPT.fullmatch(text)
    if attempt:
        return _read_attempt(program, pid, attempt)
    stranger = _STRANGER.fullmatch(text)
    if stranger:
        place = _read_place(stranger)
        return _told(Deed.UNKNOWN, program, pid, user=stranger["user"], is_known=False, **place)
    left = _LEFT.fullmatch(text)
    if left:
        place = _read_place(left)
        return _told(Deed.LEFT, program, pid, user=left["user"], **place) if place else None
    return _read_gone(program, pid, text) or _read_session(program, pid, text)


def _read_attempt(program: str, pid: int, attempt: re.Match[str]) -> Told | None:
    """Read whether somebody was let in."""
    method, rest = attempt["method"], attempt["rest"]
    is_accepted = attempt["verdict"] == "Accepted"
    if method == "none" and not is_accepted:
        return None  # a client asks in this way what it may try
    is_known = not rest.startswith(_INVALID)
    rest = rest if is_known else rest.removeprefix(_INVALID)
    readings = _find_places(method, rest)
    if not readings:
        return None
    user = rest[: readings[0].start()]
    place = _read_place(readings[0]) if len(readings) == 1 else {}
    if is_accepted and (not user or not is_known):
        return None
    return _told(
        Deed.ACCEPTED if is_accepted else Deed.REFUSED,
        program,
        pid,
        user=user,
        method=method,
        is_known=is_known,
        **place,
    )


def _find_places(method: str, rest: str) -> list[re.Match[str]]:
    """Find where the connection may be told of: a name, or what a certificate says, may look so.

    Behind it stands nothing but what was shown: a key or a ticket, where the method knows such.
    """
    found = [place for place in _PLACE.finditer(rest) if place["address"]]
    if len(found) > _MOST_PLACES:  # nothing that sshd writes; to read each to its end takes long
        return found
    if method.startswith(("password", "keyboard-interactive")):
        return [place for place in found if place.end() == len(rest)]
    ends = [
        place for place in found if place.end() == len(rest) or _KEY.fullmatch(rest[place.end() :])
    ]
    return ends if ends and method == "publickey" else found


def _read_gone(program: str, pid: int, text: str) -> Told | None:
    gone = _GONE.fullmatch(text)
    if gone:
        is_known = gone["whose"] == "authenticating"
        place = _read_place(gone)
        return _told(Deed.GONE, program, pid, user=gone["user"], is_known=is_known, **place)
    return _told(Deed.GONE, program, pid) if _CUT_OFF.fullmatch(text) else None


def _read_session(program: str, pid: int, text: str) -> Told | None:
    """Read the end of a session; its beginning has been told by sshd itself."""
    session = _SESSION.fullmatch(text)
    if session is None or session["what"] != SSHD or session["change"] == "opened":
        return None
    return _told(Deed.CLOSED, program, pid, user=session["user"])


def _read_local(program: str, pid: int, text: str) -> Told | None:
    failed = _FAILED_LOGIN.fullmatch(text)
    if failed:
        return _told(Deed.REFUSED, program, pid, user=failed["user"], method=CONSOLE)
    session = _SESSION.fullmatch(text)
    if session is None or session["what"] != program:
        return None
    deed = Deed.ACCEPTED if session["change"] == "opened" else Deed.CLOSED
    return _told(deed, program, pid, user=session["user"], method=CONSOLE)


def _read_sudo(program: str, pid: int, text: str) -> Told | None:
    command = _COMMAND.fullmatch(text)
    if command is None:
        return _read_became(program, pid, text)
    if command["user"] == "root":
        return None
    method = f"{program} {command['whom']}"
    deed = Deed.REFUSED if command["why"] else Deed.BECAME
    return _told(deed, program, pid, user=command["user"], method=method)


def _read_su(program: str, pid: int, text: str) -> Told | None:
    switch = _SWITCH.fullmatch(text)
    if switch is None:
        return _read_became(program, pid, text)
    if switch["user"] == "root":
        return None
    method = f"{program} {switch['whom']}"
    deed = Deed.REFUSED if switch["failed"] else Deed.BECAME
    return _told(deed, program, pid, user=switch["user"], method=method)


def _read_became(program: str, pid: int, text: str) -> Told | None:
    """Read that somebody has become somebody else; what root becomes is less than it was."""
    session = _SESSION.fullmatch(text)
    if session is None or session["change"] == "closed" or (session["by"] or "root") == "root":
        return None
    if session["what"] not in {program, f"{program}-l", f"{program}-i"}:
        return None
    method = f"{program} {session['user']}"
    return _told(Deed.BECAME, program, pid, user=session["by"], method=method)


def _told(deed: Deed, program: str, pid: int, *, user: str = "", **more: object) -> Told:
    told = Told(deed=deed, program=program, pid=pid, user=user[:LOGIN_NAME_CHARACTERS])
    return replace(told, **more)  # type: ignore[arg-type]  # each is a field of it


def _read_place(match: re.Match[str]) -> dict[str, object]:
    """Read address and port; what is no address is none."""
    try:
        address = str(ipaddress.ip_address(match["address"]))
    except ValueError:
        return {}
    return {"address": address, "port": int(match["port"] or 0)}


_READERS: Final[Mapping[str, Callable[[str, int, str], Told | None]]] = {
    SSHD: _read_sshd,
    SUDO: _read_sudo,
    SU: _read_su,
    **dict.fromkeys(LOCAL, _read_local),
}
