from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.views.renderer import MessageRenderer, create_message_renderer

Faults = list[tuple[str, Exception]]


@pytest.fixture
def faults() -> Faults:
    """Collect what the renderer reports."""
    return []


@pytest.fixture
def create_renderer(faults: Faults) -> Callable[[Path | None], MessageRenderer]:
    """Make a renderer that reports into `faults`."""
    return lambda own: create_message_renderer(
        lambda name, error: faults.append((name, error)), own
    )


@pytest.fixture
def renderer(create_renderer: Callable[[Path | None], MessageRenderer]) -> MessageRenderer:
    """Render through the shipped templates."""
    return create_renderer(None)
