"""A local Telegram: Bot API server and chat page, for trying and for tests."""

from __future__ import annotations

__version__ = "0.1.0"
