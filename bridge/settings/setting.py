"""What is to be known of a setting."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.settings import kinds


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One variable of the environment or of `.env`."""

    name: str
    kind: kinds.Kind
    default: str = ""
    """The text that stands for an absent value; empty where there is none or it is computed."""
    otherwise: str = "none"
    """What an absent value means where `default` is empty, in words."""
    meaning: str
    section: str
    secret: bool = False
    readers: tuple[str, ...] = ("bridge",)

    @property
    def field(self) -> str:
        """The name of this setting's field in `Settings`."""
        return self.name.lower()
