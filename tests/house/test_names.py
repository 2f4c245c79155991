"""Names say what a thing is; some words say nothing."""

from __future__ import annotations

import ast
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EMPTY_WORDS = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "manager",
    "service",
    "processor",
    "base",
    "data",
    "info",
    "new",
    "v2",
}
# Names that somebody else gave: the Bot API, and html.parser.
FOREIGN = {
    "handle_data",
    "get_webhook_info",
    "parse_markdown_v2",
    "parse_markdown_v2_spans",
    "button_data_invalid",
}
FILES = sorted(
    chain(*((ROOT / package).rglob("*.py") for package in ("bridge", "agent", "sandbox", "deploy")))
)
FLOWS = sorted((ROOT / "bridge" / "flows").glob("[a-z]*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_class_or_function_is_named_by_an_empty_word(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = [node.name for node in ast.walk(tree) if isinstance(node, kinds)]
    for name in [path.stem, *names]:
        if name in FOREIGN:
            continue
        words = {word.lower() for word in name.strip("_").split("_")}
        assert not words & EMPTY_WORDS, f"{path.name}: {name}"


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_flow_has_one_public_function_and_it_has_the_files_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [name for name in functions if not name.startswith("_")] == [path.stem]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
