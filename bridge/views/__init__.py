"""Shows. Facts and a language become text and entities."""

from __future__ import annotations
