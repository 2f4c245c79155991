"""Decides. Pure: standard library only, no I/O, no clock, no chance."""

from __future__ import annotations
