"""The face of `sandbox.markup`: one text, formatted as a sending method would."""

from __future__ import annotations

from sandbox.markup.entities import format_text

__all__ = ["format_text"]
