from __future__ import annotations

import pytest

from tests.flows.halls import Hall


@pytest.fixture
def hall() -> Hall:
    return Hall()
