"""The memory of a host as a pie."""

from __future__ import annotations

from typing import Protocol

from bridge.core.charts import Facts, PieFacts, Slice
from bridge.core.machines import Usage
from bridge.core.promql import Unit
from bridge.errors import Outage
from bridge.logs import create_log
from bridge.views.locale import DEFAULT_LANGUAGE
from bridge.views.pictures import create_look
from bridge.views.voice import Voice, marked

_USED = marked("used")
_FREE = marked("free")
_TITLE = marked("memory")
_WHOLE = marked("in all")
_log = create_log(__name__)


class Artist(Protocol):
    """Draws pictures."""

    async def draw(self, facts: Facts) -> bytes:
        """Draw one as a PNG; raise Outage, or TooMuch where too many wait."""
        ...

    def choose_language(self, wanted: str, otherwise: str) -> str:
        """Choose a language that its fonts can write."""
        ...


async def draw_memory(host: str, memory: Usage, *, artist: Artist, voice: Voice) -> bytes | None:
    """Draw what is used and what is free; None where that fails, which the log tells.

    Raises:
        TooMuch: too many pictures are being drawn.
    """
    say = create_look(voice, artist.choose_language(voice.language, DEFAULT_LANGUAGE)).say
    facts = PieFacts(
        host=host,
        title=say(_TITLE),
        unit=Unit.BYTES,
        slices=(
            Slice(name=say(_USED), value=memory.used),
            Slice(name=say(_FREE), value=max(memory.total - memory.used, 0.0)),
        ),
        total=say(_WHOLE),
        dark=voice.is_dark,
    )
    try:
        return await artist.draw(facts)
    except Outage as outage:
        _log.warning(outage.sentence, action="draw")
        return None
