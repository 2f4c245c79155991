"""Small stand-ins for the parties outside, one file each."""

from __future__ import annotations
