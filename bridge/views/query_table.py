"""The answer to a query of somebody's own, as a table that a phone can show, or a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bridge import limits
from bridge.core.answers import Answer, Kind
from bridge.core.formatted import Attachment, Content, Formatted
from bridge.core.tables import Row, Tabulated, tabulate, write_whole
from bridge.views.lists import encode
from bridge.views.markup import legible, shorten
from bridge.views.units import render_number
from bridge.views.voice import Voice

FILE: Final = "query.txt"
_WIDEST: Final = 40  # characters: a row that most phones show without wrapping it
_NARROWEST: Final = 12  # characters of a name, however wide the numbers are
_QUERY: Final = 300  # characters of the query that are repeated
_CAPTION_ROWS: Final = 12
_CAPTION_QUERY: Final = 120


@dataclass(frozen=True, kw_only=True)
class _Bounds:
    """What one message holds."""

    characters: int
    rows: int
    query: int


_MESSAGE: Final = _Bounds(
    characters=limits.MESSAGE_CHARACTERS, rows=limits.QUERY_ROWS, query=_QUERY
)
_CAPTION: Final = _Bounds(
    characters=limits.CAPTION_CHARACTERS, rows=_CAPTION_ROWS, query=_CAPTION_QUERY
)


def write_answer(voice: Voice, promql: str, answer: Answer) -> Content:
    """Write it: whole where it fits, else its beginning and the whole as a file."""
    table = tabulate(answer)
    is_long = len(table.rows) > limits.QUERY_ROWS or len(answer.text) > limits.QUERY_CHARACTERS
    if not is_long:
        return Content(text=_write(voice, promql, answer, table, _MESSAGE))
    lines = [promql, f"# {voice.time(voice.now)}", "", *write_whole(answer)]
    content = encode(legible("\n".join(lines)) + "\n")
    return Content(
        text=_write(voice, promql, answer, table, _CAPTION),
        attachment=Attachment(name=FILE, content=content),
    )


def _write(
    voice: Voice, promql: str, answer: Answer, table: Tabulated, bounds: _Bounds
) -> Formatted:
    shown = table.rows[: bounds.rows]
    text, _ = shorten(answer.text, bounds.query)
    query, left_out = shorten(" ".join(promql.split()), bounds.query)
    shared, more_shared = shorten(table.shared, bounds.query)
    return voice.write(
        "query",
        bounds.characters,
        query=f"{query}…" if left_out else query,
        shared=f"{shared}…" if more_shared else shared,
        value=render_number(shown[0].value, voice.translator) if _is_single(answer, table) else "",
        rows="" if _is_single(answer, table) else "\n".join(_lay_out(voice, shown)),
        text=text,
        is_string=answer.kind is Kind.STRING,
        in_file=len(table.rows) - len(shown),
        left_out=answer.left_out,
        is_cut=answer.is_cut,
        warnings=list(answer.warnings),
        now=voice.time(voice.now),
    )


def _is_single(answer: Answer, table: Tabulated) -> bool:
    return answer.kind in {Kind.SCALAR, Kind.VECTOR} and len(table.rows) == 1


def _lay_out(voice: Voice, rows: tuple[Row, ...]) -> list[str]:
    """Put the numbers, right-aligned, before the names."""
    numbers = [render_number(row.value, voice.translator) for row in rows]
    width = max(map(len, numbers), default=0)
    room = max(_WIDEST - width - 2, _NARROWEST)
    lines = []
    for row, number in zip(rows, numbers, strict=True):
        name, left_out = shorten(row.name, room - 1)
        if left_out:
            name += "…"
        if row.samples > 1:
            samples = voice.say_count("%(count)s sample", "%(count)s samples", row.samples)
            name = f"{name} ({samples})" if name else samples
        lines.append(f"{number:>{width}}  {name}".rstrip())
    return lines
