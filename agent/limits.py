"""Every number of the agent, with its unit and where it comes from."""

from __future__ import annotations

from typing import Final

# Orders
CLOCKS_APART_SECONDS: Final = 5.0  # chosen: how far ahead the bridge's clock may be
