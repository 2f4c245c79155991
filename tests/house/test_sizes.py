"""No module and no function grows past what a reader holds in mind."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bridge", "agent", "sandbox", "deploy/stack", "deploy/installing", "deploy/image")
FILES = sorted(
    path
    for path in chain(*((ROOT / package).rglob("*.py") for package in PACKAGES))
    if "migrations" not in path.parts
)
MODULE_LINES, MODULE_MEDIAN = 400, 150
FUNCTION_LINES, FUNCTION_MEDIAN = 50, 10


def functions(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_and_its_functions_fit_a_readers_mind(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES
    assert [each for each in functions(path) if each[1] > FUNCTION_LINES] == []


def test_most_modules_and_functions_are_small() -> None:
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in FILES]
    assert median([each for each in lengths if each > 3]) <= MODULE_MEDIAN
    assert median([lines for path in FILES for _, lines in functions(path)]) <= FUNCTION_MEDIAN
