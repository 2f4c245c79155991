"""Who comes in: programs, people, the clock."""

from __future__ import annotations
