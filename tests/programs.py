"""Where tests find the real programs."""

from __future__ import annotations

from pathlib import Path

from deploy.stack.binaries import locate

ROOT = Path(__file__).resolve().parent.parent


def program(name: str, generation: str) -> Path:
    """Give the path of a real program: `stable` is this machine's distribution, `current` newer."""
    return locate(name, generation=generation, root=ROOT)
