"""Calls others. Foreign errors become ours here and nowhere else."""

from __future__ import annotations
