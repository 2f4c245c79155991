"""Runs gen_config.py as a person does, into a folder of the test."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Generator:
    """The program, its inventory and its folder."""

    out: Path
    agents: Path

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run with exactly these settings, by a Python that sees no installed package."""
        files: list[str | Path] = ["--out", self.out, "--agents", self.agents]
        return subprocess.run(
            [sys.executable, "-S", "-E", ROOT / "gen_config.py", *files, *arguments],
            env={"PATH": "", **settings},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def write(self, inventory: str, *arguments: str, **settings: str) -> str:
        """Write the inventory, run, expect success; return what was said."""
        self.agents.write_text(inventory)
        done = self.run(*arguments, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuse(self, *arguments: str, **settings: str) -> str:
        """Run, expect a refusal that changes nothing; return what was said."""
        before = self.tree()
        done = self.run(*arguments, **settings)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        assert self.tree() == before
        return done.stderr

    def targets(self, name: str) -> list[dict[str, Any]]:
        """Read a list of targets."""
        text = (self.out / "prometheus" / "targets" / f"{name}.json").read_text()
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def tree(self) -> dict[Path, tuple[bytes, int]]:
        """Photograph every file: its content and when it was written."""
        files = (path for path in self.out.rglob("*") if path.is_file())
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def generator(tmp_path: Path) -> Generator:
    out = tmp_path / "out"
    out.mkdir()
    return Generator(out=out, agents=tmp_path / "agents.txt")
