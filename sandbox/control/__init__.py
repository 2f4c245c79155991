"""The control API: its addresses, its guard and its event stream."""

from __future__ import annotations
