"""docs/delivery.md answers for every known failure, and what it names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from bridge import limits
from bridge.core.outbox import Reason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| (F\d+) \| .+ \| (.+) \|$", PAGE, re.MULTILINE))
EXCUSES = ("cannot happen", "drills come later")


def written_tests() -> set[str]:
    """Name every test function of the project."""
    return {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_every_known_failure_has_its_line_and_no_other_has() -> None:
    assert list(ROWS) == [f"F{number}" for number in range(1, 42)]


def test_every_test_that_the_page_names_is_written() -> None:
    assert set(re.findall(r"`(test_\w+)`", PAGE)) - written_tests() == set()


def test_every_failure_is_held_off_by_a_test_of_its_number_or_says_why_it_cannot_happen() -> None:
    for name, held in ROWS.items():
        own = f"test_f{int(name[1:]):02}_"
        assert own in held or held.startswith(EXCUSES), name


def test_every_test_of_this_folder_stands_in_the_table() -> None:
    mine = {name for name in written_tests() if re.match(r"test_f\d\d_", name)}
    assert mine - set(re.findall(r"`(test_\w+)`", PAGE)) == set()


def test_every_limit_and_reason_that_the_page_names_is_one() -> None:
    limits_told = re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| [\d`]", PAGE, re.MULTILINE)
    named = {name for cell in limits_told for name in re.findall(r"`(\w+)`", cell)}
    settings = {name for name in named if name.startswith("RING_")}
    assert {name for name in named - settings if not hasattr(limits, name)} == set()
    assert len(named - settings) > 10
    for reason in Reason:
        assert f"`{reason.value}`" in PAGE
