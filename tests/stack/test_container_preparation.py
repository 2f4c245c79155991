"""What is looked at and laid before the first container starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.settings import SETTINGS
from deploy.stack import container_preparation as preparation
from deploy.stack.folder import StackFault
from deploy.stack.plan import Wishes
from deploy.stack.voice import Voice
from tests.stack.listening import Listener

TOKEN = "123456789:" + "A" * 35


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)
        monkeypatch.delenv(f"{setting.name}_FILE", raising=False)


def test_a_token_that_telegram_does_not_know_ends_the_start_here_too(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(wishes: Wishes, _voice: Voice) -> None:
        assert not wishes.is_sandbox
        raise StackFault("Telegram does not know it", code=2)

    monkeypatch.setattr(preparation, "require_known_bot", refuse)
    (tmp_path / ".env").write_text(f"BOT_TOKEN={TOKEN}\n")
    (tmp_path / ".env").chmod(0o600)
    with pytest.raises(StackFault, match="does not know it"):
        preparation.take_wishes(tmp_path, listener.voice, is_sandbox=False)
    assert preparation.take_wishes(tmp_path, listener.voice, is_sandbox=True).is_sandbox
