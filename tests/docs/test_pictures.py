"""The pictures of the manual show what chats show today."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from benchmarks.pictures import IMAGES, WORDS, open_browser, take_pictures
from tests.docs import project

KEPT = json.loads((IMAGES / WORDS).read_text("utf-8"))


def test_every_picture_is_made_by_the_script_and_shown_on_a_page() -> None:
    made = {name for name in project.list_files() if re.fullmatch(r"docs/images/.*\.png", name)}
    assert made == {f"docs/images/{name}" for name in KEPT}
    shown = "".join(page.text for page in project.read_pages().values())
    assert [name for name in KEPT if f"images/{name})" not in shown] == []


@pytest.mark.live
@pytest.mark.browser
async def test_every_picture_shows_the_words_that_chats_show_today(tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        pytest.skip("no chromium on PATH: the pictures are made in a real browser")
    async with open_browser() as browser:
        words = await take_pictures(tmp_path, "stable", browser)
    assert words == KEPT, "python -m benchmarks.pictures makes them anew"
    assert all((tmp_path / name).stat().st_size > 0 for name in KEPT)
