"""The table of settings, `Settings`, `.env.example` and the README say the same."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from itertools import groupby
from pathlib import Path

import pytest

from bridge.settings import SETTINGS, Setting, Settings, read_environment
from bridge.settings.table import OLD_NAMES

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
PROGRAMS = ("bridge", "agent", "sandbox", "deploy/stack", "deploy/installing", "deploy/image")
SHAPE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|TZ")

NOT_OURS = {
    "BLACKBOX_URL": "given by start.sh to gen_config.py, never by a person",
    "COMPOSE_PROFILES": "Docker Compose's own",
    "NODE_EXPORTER_ADDRESS": "given to a container by the compose file, never by a person",
    "NO_COLOR": "an agreement among terminal programs",
    "NO_PROXY": "an agreement among programs that take proxies",
    "PIP_NO_INDEX": "pip's own",
    "PYTHONPATH": "Python's own",
    "PYTHONUNBUFFERED": "Python's own",
    "SECRETS_DIR": "the same in every container, never given by a person",
    "STATE_DIRECTORY": "systemd's own",
    "XDG_RUNTIME_DIR": "the desktop's own",
}


def render_row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else setting.otherwise
    return f"| `{setting.name}` | {default} | {setting.meaning} | {setting.kind.form} |"


def render_example() -> str:
    lines = [
        "# Settings of Opswire. Copy this file to .env and change what you need;",
        "# a variable of the process wins over one of .env, and an empty value means: not set.",
        "# Every secret X may come from a file instead: X_FILE=/path/of/the/file.",
        "# Put values with a # or a blank in quotes; dollar signs stay as they are.",
    ]
    for section, settings in groupby(SETTINGS, key=lambda setting: setting.section):
        lines += ["", f"# ---- {section} ----"]
        for setting in settings:
            said = setting.default or setting.otherwise.replace("`", "")
            lines += [
                "",
                f"# {setting.meaning.replace('`', '')}",
                f"# Accepted: {setting.kind.form}",
                f"# Default: {said}",
                f"#{setting.name}={setting.default}",
                *([f"#{setting.name}_FILE="] if setting.secret else []),
            ]
    return "\n".join(lines) + "\n"


def documents(setting: Setting | None = None) -> list[Path]:
    if setting is not None and setting.readers == ("agent",):
        return [ROOT / "docs" / "agent-settings.md"]
    return [ROOT / "docs" / "configuration.md"]


def read_names(path: Path) -> set[str]:
    """Return the literals by which a module reads or tests the environment."""
    tree = ast.parse(path.read_text("utf-8"))
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and "environ" in ast.unparse(node.value):
            found.append(node.slice)
        elif isinstance(node, ast.Call) and re.search(
            r"environ\.(get|pop|setdefault)$|getenv$", ast.unparse(node.func)
        ):
            found += node.args[:1]
    return {
        literal.value
        for literal in found
        if isinstance(literal, ast.Constant)
        and isinstance(literal.value, str)
        and SHAPE.fullmatch(literal.value)
    }


def test_each_setting_is_a_field_and_each_field_a_setting() -> None:
    assert [setting.field for setting in SETTINGS] == [
        field.name for field in fields(Settings) if field.name != "notices"
    ]


def test_the_example_file_is_the_table() -> None:
    assert EXAMPLE.read_text("utf-8") == render_example()


def test_the_example_file_changes_nothing_as_it_is_and_when_its_values_are_turned_on(
    tmp_path: Path,
) -> None:
    plain = Settings.load({})
    for text in (EXAMPLE.read_text("utf-8"), re.sub(r"(?m)^#(?=[A-Z_]+=)", "", render_example())):
        (tmp_path / ".env").write_text(text, "utf-8")
        assert Settings.load(read_environment(tmp_path, {})) == plain


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_has_its_row_in_every_table(setting: Setting) -> None:
    for document in documents(setting):
        assert render_row(setting) in document.read_text("utf-8").splitlines()


def test_a_table_of_settings_has_no_row_beyond_ours() -> None:
    names = {setting.name for setting in SETTINGS} | set(OLD_NAMES)
    for document in [ROOT / "README.md", *documents(), ROOT / "docs" / "agent-settings.md"]:
        rows = re.findall(r"(?m)^\| `([A-Z][A-Z_]+)` \|", document.read_text("utf-8"))
        assert set(rows) <= names


def test_no_program_reads_a_variable_that_is_no_setting() -> None:
    known = {setting.name for setting in SETTINGS} | set(NOT_OURS) | {"TZ"}
    known |= {f"{setting.name}_FILE" for setting in SETTINGS if setting.secret}
    modules = [path for program in PROGRAMS for path in (ROOT / program).rglob("*.py")]
    modules += [ROOT / "gen_config.py"] if (ROOT / "gen_config.py").exists() else []
    unknown = {str(path.relative_to(ROOT)): read_names(path) - known for path in modules}
    assert {path: names for path, names in unknown.items() if names} == {}


def test_every_meaning_is_one_sentence_and_every_name_is_said_once() -> None:
    assert all(re.fullmatch(r"[A-Z`].*\.", setting.meaning) for setting in SETTINGS)
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
