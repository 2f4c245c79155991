"""Remembers. The only room that knows SQLAlchemy."""

from __future__ import annotations
