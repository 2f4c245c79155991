"""README's table of commands is what is declared; every command is declared whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.inbound.chat.command import Command, Commands
from tests.fakes.declared import declare

README = Path(__file__).resolve().parents[2] / "README.md"
HEAD = "| command | who | what |"


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return declare(tmp_path_factory.mktemp("house"))


def write_row(command: Command) -> str:
    call = f"`/{command.name} {command.usage}`".replace(" `", "`").replace("|", "\\|")
    others = "".join(f", `/{each}`" for each in command.aliases)
    who = command.needs.value if command.needs else "anybody"
    return f"| {call}{others} | {who} | {command.help} |"


def rows() -> Iterator[str]:
    lines = README.read_text("utf-8").splitlines()
    at = lines.index(HEAD) + 2
    while lines[at].startswith("|"):
        yield lines[at]
        at += 1


def test_the_readme_lists_exactly_the_commands(commands: Commands) -> None:
    assert list(rows()) == [write_row(each) for each in commands if each.is_listed]


def test_every_command_says_what_it_is_for(commands: Commands) -> None:
    for each in commands:
        assert each.help
        assert len(each.help) <= 60, each.name
        assert not each.help.endswith("."), each.name
        assert bool(each.example) <= bool(each.usage), each.name


def test_telegram_takes_every_name_of_the_menu(commands: Commands) -> None:
    for each in commands:
        assert each.name.isascii()
        assert each.name.replace("_", "").isalnum()
        assert each.name == each.name.lower()
        assert len(each.name) <= 32


def test_a_command_that_changes_anything_needs_a_role(commands: Commands) -> None:
    open_to_all = {each.name for each in commands if each.needs is None}
    assert open_to_all == {"start", "help", "whoami", "about"}
    assert not any(each.changes for each in commands if each.needs is None)
