"""One host's hands: the program that runs what this host allows."""

from __future__ import annotations

__version__ = "0.1.0"
