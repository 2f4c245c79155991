"""Whether the bridge can do its work, and what keeps it from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Readiness:
    """One look at everything the bridge depends on."""

    problems: Mapping[str, str | None] = field(default_factory=dict)
    """What was checked → what is wrong with it in a sentence; None where nothing is."""

    @property
    def is_ready(self) -> bool:
        """Say whether everything was looked at and nothing is wrong."""
        return bool(self.problems) and not any(self.problems.values())
