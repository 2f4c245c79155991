"""What the doctor found: one line each, with the way to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    text: str
    mend: str = ""
    """What to do about it; empty when all is well."""

    @property
    def is_good(self) -> bool:
        """Whether nothing needs mending."""
        return not self.mend


def good(subject: str, text: str) -> Finding:
    """Say that a thing is well."""
    return Finding(subject=subject, text=text)


def bad(subject: str, text: str, mend: str) -> Finding:
    """Say that a thing is wrong, and what helps."""
    return Finding(subject=subject, text=text, mend=mend)
