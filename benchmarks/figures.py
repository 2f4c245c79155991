"""What the benchmarks of the hosts are asked for, and the figures that they answer with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    scenes: tuple[str, ...] = ()
    hosts: int | None = None
    """Instead of as many as the scene has by itself."""
    rounds: int = 5
    seconds: float = 60.0
    """How long an idle agent is watched."""
    is_json: bool = False


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of a table."""

    what: str
    value: float
    unit: str = ""
    goal: float | None = None
    """The value may be as large as this."""

    @property
    def is_missed(self) -> bool:
        """Say whether there was a goal, and it was not reached."""
        return self.goal is not None and self.value > self.goal

    def shown(self) -> str:
        """Write the value."""
        return _write(self.value, self.unit)

    def bar(self) -> str:
        """Write the goal, and whether it was missed."""
        if self.goal is None:
            return ""
        return _write(self.goal, self.unit) + (", missed" if self.is_missed else "")

    def facts(self) -> dict[str, Any]:
        """Give it as fields."""
        return {**asdict(self), "missed": self.is_missed}


def _write(value: float, unit: str) -> str:
    digits = 0 if unit == "ms" and value >= 10 else 2
    return f"{value:.{digits}f} {unit}".rstrip()
