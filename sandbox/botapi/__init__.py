"""The Bot API: its addresses, its methods, and updates pushed to a webhook."""

from __future__ import annotations
