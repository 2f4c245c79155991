"""The Bot API's methods: one file per family, one table from name to function."""

from __future__ import annotations

from sandbox.botapi.methods.table import METHODS, Method

__all__ = ["METHODS", "Method"]
