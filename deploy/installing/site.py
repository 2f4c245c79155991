"""What the steps of an installation know, and what a step is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.installing.layout import RELEASES, Layout, Role
from deploy.installing.machine import Machine
from deploy.installing.record import Record


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something to be done."""

    sentence: str
    """In the imperative: "lay …"."""
    perform: Callable[[], None]
    path: str = ""
    """Of the installed machine, where something is written that services read."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """All that the steps need to know."""

    project: Path
    layout: Layout
    machine: Machine
    record: Record
    given: Mapping[str, str]
    """The environment of the installation."""
    release: str
    bot_token: str = ""

    @property
    def folder(self) -> Path:
        """Where the release lies."""
        return self.layout.at(RELEASES) / self.release

    @property
    def is_watching(self) -> bool:
        """Whether the bridge runs here."""
        return self.layout.role is not Role.AGENT
