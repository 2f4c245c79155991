"""What settings are given in tests, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.settings import (
    Settings,
    SettingsError,
)

TOKEN = "52341678:AAFakeFakeFakeFakeFakeFakeFakeFake-_9"
ROOT = Path(__file__).parents[2]


def faults(**environ: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ)
    return {fault.variable: str(fault) for fault in caught.value.faults}


def secret_file(folder: Path, text: str = TOKEN + "\n", mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


# Defaults and values
