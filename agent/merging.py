"""Many lines become few events: one login, one logout, and failures by the minute.

A session is known by the process that let it in, and by the address and port it comes from: what
PAM, systemd-logind and sshd say of it besides is the same again. Pure: whoever calls says what
time it is.
"""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from agent.limits import ATTEMPT_SECONDS, FAILURES_NAMED, FAILURES_SECONDS, SESSIONS_KEPT
from agent.logins import SU, SUDO, Deed, Told, read_stamp

PREAUTH: Final = "preauth"
"""The method of who went before trying any: counted, and not worth a message."""
_KEYS: Final = frozenset({"publickey", "hostbased"})
"""Methods of which a client tries several by itself."""
_ACTING: Final = frozenset({SUDO, SU})
_Kept = TypeVar("_Kept")


@dataclass(frozen=True, kw_only=True)
class LoginEvent:
    """One thing to tell the bridge."""

    id: str
    """The same for the same line read twice."""
    kind: str
    """`login`, `logout`, `failure` or `sudo`."""
    user: str
    address: str
    method: str
    count: int = 1
    first: float
    """Seconds since the epoch; of a logout, when the login was."""
    last: float
    users: int = 1
    """How many names were tried; `user` is the one tried most."""
    addresses: int = 1
    """The same for addresses."""

    def facts(self) -> dict[str, Any]:
        """Write it as a letter has it."""
        return dict(vars(self))


class Merging:
    """Remembers what belongs together."""

    def __init__(self, name: Callable[[], str], *, tells_sudo: bool = False) -> None:
        self._tells_sudo = tells_sudo
        self._sessions = _Recent[_Session]()
        self._places = _Recent[tuple[str, int]]()
        self._attempts = _Recent[_Attempt]()
        self._acting = _Recent[bool]()
        self._failures = _Fold(name, is_told_at_once=True)
        self._preauth = _Fold(name, is_told_at_once=False)

    def note(self, told: Told, now: float) -> list[LoginEvent]:
        """Take in what a line tells; answer what is to be told at once."""
        told = replace(told, stamp=told.stamp or str(now))
        if told.program in _ACTING:
            return self._note_acting(told, now)
        if told.deed is Deed.ACCEPTED:
            return self._note_accepted(told, now)
        if told.deed in {Deed.CLOSED, Deed.LEFT}:
            return self._note_over(told, now)
        return self._note_attempt(told, now)

    def flush(self, now: float, *, is_last: bool = False) -> list[LoginEvent]:
        """Give what was folded until now, if its minute is over or nothing comes any more."""
        return [
            *self._failures.flush(now, is_last=is_last),
            *self._preauth.flush(now, is_last=is_last),
        ]

    def _note_accepted(self, told: Told, now: float) -> list[LoginEvent]:
        key, place = (told.program, told.pid), (told.address, told.port)
        self._attempts.take(_of_connection(told))
        known = self._sessions.get(key) if told.pid else None
        if known and known.told == replace(told, stamp=known.told.stamp) and not known.is_over:
            return []
        session = _Session(told=told, at=read_stamp(told.stamp, now))
        self._sessions.put(key if told.pid else place, session)
        if told.port:
            self._places.put(place, key if told.pid else place)
        return [_event("login", told, session.at, session.at)]

    def _note_over(self, told: Told, now: float) -> list[LoginEvent]:
        """End a session, whichever of its two last lines comes first."""
        at = read_stamp(told.stamp, now)
        place = (told.address, told.port)
        is_left = told.deed is Deed.LEFT
        key = self._places.get(place) if is_left else (told.program, told.pid)
        session = self._sessions.get(key)
        if session is None:
            # It began before we looked. Its own words are enough; of the other line there are two.
            if not is_left:
                return []
            self._sessions.put(place, _Session(told=told, at=at, is_over=True))
            self._places.put(place, place)
            return [_event("logout", told, at, at)]
        if session.is_over:
            return []
        session.is_over = True
        return [_event("logout", replace(session.told, stamp=told.stamp), session.at, at)]

    def _note_attempt(self, told: Told, now: float) -> list[LoginEvent]:
        key = _of_connection(told)
        attempt = self._attempts.get(key)
        if attempt is None or abs(now - attempt.begun_at) > ATTEMPT_SECONDS:
            attempt = _Attempt(begun_at=now)  # or another connection of the same number
        self._attempts.put(key, attempt)
        count = attempt.add(told)
        if not count:
            return []
        counted = replace(told, count=count)
        if told.deed is Deed.GONE:
            return self._preauth.note(replace(counted, method=PREAUTH), now)
        return self._failures.note(counted, now)

    def _note_acting(self, told: Told, now: float) -> list[LoginEvent]:
        if not self._tells_sudo:
            return []
        if told.deed is Deed.REFUSED:
            return self._failures.note(told, now)
        key = (told.program, told.pid)
        if told.pid and self._acting.get(key):
            return []
        self._acting.put(key, kept=True)
        at = read_stamp(told.stamp, now)
        return [_event("sudo", told, at, at)]


@dataclass
class _Session:
    """One that was let in."""

    told: Told
    at: float
    is_over: bool = False


@dataclass
class _Attempt:
    """What one connection has tried."""

    begun_at: float
    counted: int = 0
    is_announced: bool = False
    """Whether a name that nobody has was counted already, before what fails for it."""

    def add(self, told: Told) -> int:
        """Take in a line; say how many attempts it adds."""
        count = told.count
        if told.deed is Deed.GONE:
            count = 0 if self.counted else 1
        elif told.deed is Deed.UNKNOWN:
            count, self.is_announced = 1, True
        elif told.method in _KEYS:
            # A client offers every key it has, and may yet be let in.
            count = 0 if self.counted or told.is_known else 1
        elif self.is_announced:
            count -= 1
            self.is_announced = False
        self.counted += count
        return count


class _Recent(Generic[_Kept]):
    """What is remembered of the latest; more than there is room for is forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, _Kept] = OrderedDict()

    def get(self, key: object) -> _Kept | None:
        return self._kept.get(key)

    def put(self, key: object, kept: _Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > SESSIONS_KEPT:
            self._kept.popitem(last=False)

    def take(self, key: object) -> None:
        self._kept.pop(key, None)


@dataclass
class _Tally:
    """What failed in a minute."""

    first: float
    last: float
    count: int = 0
    methods: Counter[str] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)
    addresses: Counter[str] = field(default_factory=Counter)

    def add(self, told: Told, at: float) -> None:
        self.count += told.count
        self.first, self.last = min(self.first, at), max(self.last, at)
        for counter, value in (
            (self.methods, told.method),
            (self.users, told.user),
            (self.addresses, told.address),
        ):
            if value in counter or len(counter) < FAILURES_NAMED:
                counter[value] += told.count


class _Fold:
    """Tells the first of many at once and the rest of a minute together."""

    def __init__(self, name: Callable[[], str], *, is_told_at_once: bool) -> None:
        self._name = name
        self._is_told_at_once = is_told_at_once
        self._until: float | None = None
        self._tally: _Tally | None = None

    def note(self, told: Told, now: float) -> list[LoginEvent]:
        due = self.flush(now)
        at = read_stamp(told.stamp, now)
        is_open = self._until is not None
        if not is_open:
            self._until = now + FAILURES_SECONDS
        if self._tally is None:
            self._tally = _Tally(first=at, last=at)
        self._tally.add(told, at)
        if is_open or not self._is_told_at_once:
            return due
        return [*due, *self._write()]

    def flush(self, now: float, *, is_last: bool = False) -> list[LoginEvent]:
        if self._until is None:
            return []
        # A clock that was put back must not keep anything waiting.
        if not is_last and self._until - FAILURES_SECONDS <= now < self._until:
            return []
        written = self._write()
        self._until = now + FAILURES_SECONDS if written and not is_last else None
        return written

    def _write(self) -> list[LoginEvent]:
        tally, self._tally = self._tally, None
        if tally is None:
            return []
        return [
            LoginEvent(
                id=self._name(),
                kind="failure",
                user=_most(tally.users),
                address=_most(tally.addresses),
                method=_most(tally.methods),
                count=tally.count,
                first=tally.first,
                last=tally.last,
                users=len(tally.users),
                addresses=len(tally.addresses),
            )
        ]


def _most(counter: Counter[str]) -> str:
    """Name what was seen most; of equals, what says anything."""
    return max(counter, key=lambda each: (counter[each], bool(each)))


def _of_connection(told: Told) -> object:
    """Name the connection: by its process, or where none is told, by where it comes from."""
    return (told.program, told.pid) if told.pid else (told.address, told.port)


def _event(kind: str, told: Told, first: float, last: float) -> LoginEvent:
    parts = (kind, told.program, told.pid, told.user, told.address, told.port, told.stamp)
    return LoginEvent(
        id=hashlib.sha256(ascii(parts).encode()).hexdigest()[:32],
        kind=kind,
        user=told.user,
        address=told.address,
        method=told.method,
        first=first,
        last=last,
    )
