"""The world and everything it remembers, and how records are shown."""

from __future__ import annotations
