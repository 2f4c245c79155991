"""The project installed as a package, away from its checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.live.test_first_light import copy_project

pytestmark = pytest.mark.live

RENDER = """
from datetime import datetime, UTC
from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import CardFacts
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Form
from bridge.store.schema import MIGRATIONS
from bridge.views.renderer import create_message_renderer
faults = []
renderer = create_message_renderer(lambda name, fault: faults.append(fault))
now = datetime(2026, 11, 20, tzinfo=UTC)
board = BoardFacts(state=BoardState.STORM, opened_at=now, over_at=None, arrived=0, members=())
for facts in (
    CardFacts(members=(), group_labels={}),
    board,
    NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=now),
):
    shown = set()
    for language in ("en", "zh_TW", "ru"):
        content = renderer.render(facts, Form.FORMATTED, language=language, zone=UTC, now=now)
        assert content.text.text
        shown.add(content.text.text)
    assert len(shown) == 3, shown
from bridge.views.voice import Voices
voice = Voices(lambda name, fault: faults.append(fault)).create("ru", UTC, now)
assert "4.7.11" in voice.write("about", name="Opswire", version="4.7.11", licence="Apache-2.0").text
assert not faults, faults
assert list((MIGRATIONS / "versions").glob("*.py"))
"""


def test_an_installation_carries_templates_languages_migrations_and_the_chat_page(
    tmp_path: Path,
) -> None:
    project = copy_project(tmp_path)
    venv = tmp_path / "venv"
    # The dependencies are those of the tests; only the project itself is installed here.
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", venv], check=True)
    python = venv / "bin" / "python"
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    (next((venv / "lib").glob("python*")) / "site-packages" / "tests.pth").write_text(packages)
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", str(project)]
    subprocess.run(install, check=True, cwd=tmp_path)
    for command in (
        ["-c", RENDER],
        ["-m", "bridge", "--version"],
        ["-m", "sandbox", "--version"],
    ):
        done = subprocess.run(
            [python, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    installed = next((venv / "lib").glob("python*/site-packages/sandbox"))
    assert (installed / "page" / "index.html").exists()
