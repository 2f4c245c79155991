"""What an installation remembers of itself: what it laid, and whom it made."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from deploy.installing.machine import Refused


@dataclass(kw_only=True)
class Record:
    """Kept in a file; written anew whenever something is added."""

    path: Path
    role: str = ""
    without: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    """The digest of what was last laid at each path, or last offered beside it."""
    laying: dict[str, list[str]] = field(default_factory=dict)
    """The digests of what installations that did not come to their end were laying at a path."""
    users: list[str] = field(default_factory=list)
    """Made by an installation, and so taken away with it."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read it, or begin one.

        Raises:
            Refused: it is damaged.
        """
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            # What a later version remembers beside it means nothing here, and is no damage.
            known = {each.name for each in fields(cls)} - {"path"}
            return cls(path=path, **{name: kept[name] for name in kept.keys() & known})
        except FileNotFoundError:
            return cls(path=path)
        except (ValueError, TypeError, AttributeError):
            raise Refused(
                f"{path} is damaged, so that nobody knows what was edited here: remove it, and"
                " every file that differs from the shipped one is kept, with the shipped one beside"
            ) from None

    @property
    def has_begun(self) -> bool:
        """Whether there was an installation before."""
        return self.path.exists()

    def save(self) -> None:
        """Write it in one step."""
        kept = {name: value for name, value in asdict(self).items() if name != "path"}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".fresh")
        with fresh.open("w", encoding="utf-8") as file:
            file.write(json.dumps(kept, indent=1, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
