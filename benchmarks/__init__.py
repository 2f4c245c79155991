"""Figures of ours beside something outside, measured in the same run."""

from __future__ import annotations
