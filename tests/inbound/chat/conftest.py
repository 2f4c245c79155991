from __future__ import annotations

import pytest

from tests.inbound.chat.world import World, create_world


@pytest.fixture
def world() -> World:
    return create_world()
