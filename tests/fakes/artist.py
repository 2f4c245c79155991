"""Somebody who draws nothing, but remembers what was wanted."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.core.charts import ChartFacts, Facts, PieFacts
from bridge.errors import BridgeError

PICTURE = b"\x89PNG of a test"


@dataclass
class FakeArtist:
    """Gives the same picture to everybody."""

    wanted: list[Facts] = field(default_factory=list)
    fault: BridgeError | None = None
    languages: tuple[str, ...] = ("en", "ru", "zh_TW")

    async def draw(self, facts: Facts) -> bytes:
        """Draw one."""
        self.wanted.append(facts)
        if self.fault is not None:
            raise self.fault
        return PICTURE

    def choose_language(self, wanted: str, otherwise: str) -> str:
        """Choose a language that its fonts can write."""
        return wanted if wanted in self.languages else otherwise

    @property
    def chart(self) -> ChartFacts:
        """The last chart that was wanted."""
        facts = self.wanted[-1]
        assert isinstance(facts, ChartFacts)
        return facts

    @property
    def pie(self) -> PieFacts:
        """The last pie that was wanted."""
        facts = self.wanted[-1]
        assert isinstance(facts, PieFacts)
        return facts
