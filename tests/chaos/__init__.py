"""Everything goes wrong at once, by a seed, and nothing may be lost."""

from __future__ import annotations
