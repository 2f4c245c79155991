"""What must hold when the dust has settled, read from what the chats show.

- Nothing is lost: each alert is named in a card, a board or an attached file of every chat that
  should hear it, and marked as it is.
- Nothing shown says that an alert fires which is over.
- A message that is there twice is allowed only where Telegram showed it and the bridge was ended,
  or the answer lost, before it could know: no more of them than such moments.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

NAME: Final = re.compile(r"Trial\d{4}")
FIRES: Final = ("🔴", "🟡", "🔵")
OVER: Final = ("✅", "⚪", "⚫", "❔", "❓")
_RING: Final = re.compile(r"^\W*(NEW|WORSE|REPEAT|STILL|STORM)\b|^[^\w\s]*[🔔🔁⬆]")
"""How a ring begins; one whose card Telegram refuses at first is no reply to anything."""
_CLOSED: Final = re.compile(r"^\W*STORM OVER")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One message of the bridge, as far as it tells of alerts."""

    id: int
    kind: str
    """`card`, `list`, `board`, `past board`, or `ring`, which tells of a moment that has passed."""
    marks: tuple[tuple[str, bool], ...]
    """Alert → whether it is marked as firing."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is wrong in one chat."""

    lost: tuple[str, ...] = ()
    """Alerts whose state cannot be seen."""
    surplus: tuple[int, ...] = ()
    """Messages that nobody keeps true any more: what was shown twice."""
    notes: tuple[str, ...] = field(default=())


def read_message(message: Mapping[str, Any], file: str = "") -> Shown:
    """Read a message as the sandbox's control API gives it, with its document's text."""
    text = "\n".join(each for each in (message["text"], message["caption"], file) if each)
    return Shown(
        id=message["message_id"],
        kind=_kind(message),
        marks=tuple(read_marks(text)),
        text=text,
    )


def read_marks(text: str) -> list[tuple[str, bool]]:
    """Find every alert named in a text, and whether its line, or its section, says it fires."""
    found: list[tuple[str, bool]] = []
    fires = True
    for line in text.splitlines():
        before = NAME.split(line)[0]
        mark = _first_mark(before)
        names = NAME.findall(line)
        if mark is not None and names:
            found += [(name, mark in FIRES) for name in names]
        elif names:
            found += [(name, fires) for name in names]
        elif mark is not None or "RESOLVED" in line or "FIRING" in line:
            fires = mark in FIRES if mark else "FIRING" in line
    return found


def _first_mark(text: str) -> str | None:
    """Find the mark that stands first: behind that of an end may stand how bad it was."""
    places = [(text.find(each), each) for each in (*FIRES, *OVER) if each in text]
    return min(places)[1] if places else None


def judge_chat(
    truth: Mapping[str, bool], shown: Sequence[Shown], *, still_kept: bool = True
) -> Finding:
    """Hold what a chat shows against the truth: alert → whether it fires.

    A chat that is not `still_kept`, such as a group that became another, shows what it showed last.
    """
    telling = [each for each in shown if each.kind != "ring"]
    seen = {mark for each in telling for mark in each.marks}
    lost = [name for name, fires in truth.items() if (name, fires) not in seen]
    surplus: set[int] = set()
    if still_kept:
        surplus = _stale(truth, telling) | _doubled(telling)
    return Finding(
        lost=tuple(sorted(lost)),
        surplus=tuple(sorted(surplus)),
        notes=tuple(each.text for each in telling if each.id in surplus),
    )


def _stale(truth: Mapping[str, bool], telling: Collection[Shown]) -> set[int]:
    """Find what says that something fires which is over."""
    over = {name for name, fires in truth.items() if not fires}
    return {
        each.id
        for each in telling
        if each.kind != "past board" and any(name in over and is_on for name, is_on in each.marks)
    }


def _doubled(telling: Sequence[Shown]) -> set[int]:
    """Find cards that another card says already; the newest is the one that is kept."""
    doubled: set[int] = set()
    said: set[tuple[str, bool] | str] = set()
    for each in sorted(telling, key=lambda shown: -shown.id):
        if each.kind != "card" or not each.marks:
            continue
        says: set[tuple[str, bool] | str] = {mark for mark in each.marks if mark[1]}
        says = says or {each.text}
        if says & said:
            doubled.add(each.id)
        said |= says
    return doubled


def _kind(message: Mapping[str, Any]) -> str:
    if message["document"]:
        if message["reply_to"]:
            return "list"
        return "past board" if _CLOSED.search(message["caption"] or "") else "board"
    is_ring = message["reply_to"] or _RING.match(message["text"] or "")
    return "ring" if is_ring else "card"
