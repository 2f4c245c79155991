"""What Prometheus answers, read as far as our bounds go, whatever the library would make of it.

The library reads an answer whole, however long, and keeps nothing of it but `data.result`. Here an
ear on its connection reads first: no more bytes than allowed, one series after the other so that
no other thread waits long, and the warnings as well. What it understood goes on under that name.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bridge import limits
from bridge.core.answers import Answer, Kind, Value
from bridge.core.series import Series
from bridge.errors import BridgeError, Late, Mistake, Outage, TooMuch

PARTY: Final = "Prometheus"
UNLIKE: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError)
"""What comes of reading an answer that is not Prometheus's."""
_PIECE: Final = 64 * 1024  # bytes
_OK: Final = 200
_WRONG: Final = frozenset({400, 422})
_TOO_LONG: Final = frozenset({413, 414, 431})
# Where the list of series begins; all known servers write its kind just before it.
_HEAD: Final = re.compile(r'"resultType":\s*"(vector|matrix)",\s*"result":\s*\[')
_HEAD_CHARACTERS: Final = 300
_BLANKS_AND_COMMA: Final = re.compile(r"[\s,]*")
_ADDRESS: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]*://[^\s\"']+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|\[[0-9a-f:]+\]:\d+"
)
_DECODER: Final = json.JSONDecoder()


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much of an answer is read."""

    size: int
    """In bytes."""
    series: int


def bounds_of_persons() -> Bounds:
    """Bound the answer to what a person asks."""
    return Bounds(size=limits.QUERY_BYTES, series=limits.QUERY_SERIES)


def bounds_of_fleets() -> Bounds:
    """Bound the answer to a question of our own about every host."""
    return Bounds(size=limits.FLEET_BYTES, series=limits.FLEET_SERIES)


def hear(
    response: Any, *_: object, bounds: Callable[[], Bounds] = bounds_of_persons, **__: object
) -> Any:
    """Read a response of `requests`, and have the library take what was understood for its result.

    Raises:
        Mistake: the query makes no sense; with Prometheus's own words.
        TooMuch: it is longer than what is before Prometheus lets through.
        Late: it comes so slowly that nobody waits for it any more.
        Outage: it is no answer.
    """
    if response.is_redirect:
        return response
    within = bounds()
    body, is_whole = _read_body(response, within.size)
    text = body.decode("utf-8", "replace")
    if response.status_code != _OK:
        raise _refusal(response.status_code, text)
    try:
        answer = read_answer(text, is_whole=is_whole, most=within.series)
    except UNLIKE as fault:
        raise Outage(PARTY, f"its answer is not Prometheus's ({type(fault).__name__})") from None
    response.json = lambda: {"data": {"result": answer}}
    return response


def read_answer(text: str, *, is_whole: bool, most: int) -> Answer:
    """Read the body of an answer, or the beginning of one."""
    head = _HEAD.search(text, 0, _HEAD_CHARACTERS)
    if head is None:
        if not is_whole:
            raise ValueError("it is too long, and no list of series")
        return _read_loose(json.loads(text), most)
    gathered = _Gathered(Kind(head[1]), most)
    end = _read_series(text, head.end(), gathered.add)
    answer = gathered.finish()
    if not is_whole:
        more = max(answer.left_out, 1) if end is None else answer.left_out
        return replace(answer, left_out=more, is_cut=end is None)
    if end is None:
        raise ValueError("it ends in the middle")
    rest = json.loads(text[: head.end()] + text[end:])
    return replace(answer, warnings=_read_warnings(rest))


def hide_addresses(text: str) -> str:
    """Leave out where things are: a chat is told what is wrong, not how our network is laid out."""
    return _ADDRESS.sub("…", text)


def _read_body(response: Any, most: int) -> tuple[bytes, bool]:
    """Read as much as is allowed, for as long as somebody waits; say whether that is all.

    Raises:
        Late: it goes on and on: whoever asked has left, and others wait for this thread.
    """
    body = bytearray()
    until = time.monotonic() + limits.QUERY_SECONDS
    for piece in response.iter_content(_PIECE):
        body += piece
        if time.monotonic() > until:
            response.close()
            raise Late(PARTY, f"no whole answer within {limits.QUERY_SECONDS} s")
        if len(body) > most:
            response.close()
            break
    response._content = b""  # noqa: SLF001 - nobody reads it again; it has no other place
    return bytes(body[:most]), len(body) <= most


def _read_series(text: str, start: int, add: Callable[[Any], None]) -> int | None:
    """Read the list of series that starts here; give the end of it, or None if that is cut off."""
    position = start
    while True:
        match = _BLANKS_AND_COMMA.match(text, position)
        position = match.end() if match else position
        if text[position : position + 1] == "]":
            return position
        try:
            found, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError:
            return None
        add(found)


@dataclass
class _Gathered:
    """The series read so far."""

    kind: Kind
    most: int
    values: list[Value] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    left_out: int = 0

    def add(self, found: Any) -> None:
        """Keep one more, or count it: beyond the bound, and where it has only histograms."""
        labels = {str(name): str(value) for name, value in found["metric"].items()}
        samples = found.get("values" if self.kind is Kind.MATRIX else "value")
        if samples is None or len(self.values) + len(self.series) >= self.most:
            self.left_out += 1
        elif self.kind is Kind.MATRIX:
            points = tuple((float(at), float(value)) for at, value in samples)
            self.series.append(Series(labels=labels, points=points))
        else:
            at, value = samples
            self.values.append(Value(labels=labels, at=float(at), value=float(value)))

    def finish(self) -> Answer:
        """Give all that was read."""
        return Answer(
            kind=self.kind,
            values=tuple(self.values),
            series=tuple(self.series),
            left_out=self.left_out,
        )


def _read_loose(body: Any, most: int) -> Answer:
    """Read an answer whose parts stand in another order, or that is no list."""
    kind = Kind(body["data"]["resultType"])
    result = body["data"]["result"]
    warnings = _read_warnings(body)
    if kind in {Kind.SCALAR, Kind.STRING}:
        at, said = result
        if kind is Kind.STRING:
            return Answer(kind=kind, text=str(said), warnings=warnings)
        value = Value(labels={}, at=float(at), value=float(said))
        return Answer(kind=kind, values=(value,), warnings=warnings)
    gathered = _Gathered(kind, most)
    for found in result:
        gathered.add(found)
    return replace(gathered.finish(), warnings=warnings)


def _read_warnings(body: Any) -> tuple[str, ...]:
    said = [*(body.get("warnings") or ()), *(body.get("infos") or ())]
    return tuple(_shorten(hide_addresses(str(each))) for each in said[: limits.WARNINGS])


def _refusal(status: int, text: str) -> BridgeError:
    """Make what was answered instead of values ours; only Prometheus's own words are repeated."""
    kind, said = _read_fault(text)
    if kind in {"timeout", "canceled"}:
        return Late(PARTY, "did not work it out in time")
    if status in _TOO_LONG:
        return TooMuch("the query is too long")
    if status in _WRONG and kind in {"bad_data", "execution"}:
        # What cannot be parsed is repeated from the query; what cannot be done may name a server.
        words = said if kind == "bad_data" else hide_addresses(said)
        return Mistake("Prometheus says: %(said)s", said=_shorten(words))
    return Outage(PARTY, f"refuses the question ({status})")


def _read_fault(text: str) -> tuple[str, str]:
    try:
        body = json.loads(text)
        return str(body["errorType"]), str(body["error"])
    except UNLIKE:
        return "", ""


def _shorten(text: str) -> str:
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    most = limits.WARNING_CHARACTERS
    return line if len(line) <= most else f"{line[: most - 1]}…"
