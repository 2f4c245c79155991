"""The parts of the manual that the code dictates.

A comment `<!-- made: NAME -->` stands before each; `python -m tests.docs.write` puts them in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from bridge.inbound.chat.command import Command
from bridge.settings import Setting
from bridge.settings.table import OLD_NAMES
from tests.docs import project
from tests.docs.project import Figure

# The comment, and the table or list behind it.
MADE = re.compile(r"(<!-- made: ([\w ]+) -->\n)(?:\n(?:(?:\||- `).*\n)+)?")


def make_commands() -> list[str]:
    """Write the table of the chat's commands."""
    return [
        "| command | who | what |",
        "| --- | --- | --- |",
        *map(_command, project.list_commands()),
    ]


def make_settings() -> list[str]:
    """Write the short table of the settings."""
    rows = [
        f"| `{each.name}` | {_default(each)} | {each.meaning} |"
        for each in project.list_settings(of_agent=False)
    ]
    return ["| variable | default | meaning |", "| --- | --- | --- |", *rows]


def make_settings_reference() -> list[str]:
    """Write the whole table of the settings."""
    return _reference(project.list_settings(of_agent=False))


def make_agent_settings() -> list[str]:
    """Write the whole table of what only the agent reads."""
    return _reference(project.list_settings(of_agent=True))


def make_secrets() -> list[str]:
    """List the settings that are secrets."""
    secrets = [each for each in project.list_settings(of_agent=False) if each.secret]
    return [f"- `{each.name}`, or `{each.name}_FILE`" for each in secrets]


def make_old_names() -> list[str]:
    """Write what names of earlier programs are called."""
    rows = [f"| `{old}` | `{new}` |" for old, new in OLD_NAMES.items()]
    return ["| theirs | here |", "| --- | --- |", *rows]


def make_bridge_figures() -> list[str]:
    """Write the table of the bridge's metrics."""
    return _figures(project.list_figures(of_agent=False))


def make_agent_figures() -> list[str]:
    """Write the table of the agent's metrics."""
    return _figures(project.list_figures(of_agent=True))


PARTS: Mapping[str, Callable[[], list[str]]] = {
    "commands": make_commands,
    "short settings": make_settings,
    "settings": make_settings_reference,
    "agent settings": make_agent_settings,
    "secrets": make_secrets,
    "old names": make_old_names,
    "bridge metrics": make_bridge_figures,
    "agent metrics": make_agent_figures,
}


def put_parts(text: str, parts: Mapping[str, Callable[[], list[str]]] = PARTS) -> str:
    """Put each part behind its comment, in the place of what stands there."""

    def put(found: re.Match[str]) -> str:
        return found[1] + "\n" + "\n".join(parts[found[2]]()) + "\n"

    return MADE.sub(put, text)


def find_parts(text: str) -> list[str]:
    """Name the parts that a page has."""
    return [found[2] for found in MADE.finditer(text)]


def _command(command: Command) -> str:
    call = f"`/{command.name} {command.usage}`".replace(" `", "`").replace("|", "\\|")
    others = "".join(f", `/{each}`" for each in command.aliases)
    who = command.needs.value if command.needs else "anybody"
    return f"| {call}{others} | {who} | {command.help} |"


def _default(setting: Setting) -> str:
    return f"`{setting.default}`" if setting.default else setting.otherwise


def _reference(settings: list[Setting]) -> list[str]:
    rows = [
        f"| `{each.name}` | {_default(each)} | {each.meaning} | {each.kind.form} |"
        for each in settings
    ]
    head = ["| variable | default | meaning | accepted |", "| --- | --- | --- | --- |"]
    return [*head, *rows]


def _figures(figures: tuple[Figure, ...]) -> list[str]:
    rows = [
        f"| `{each.name}` | {each.kind} | {', '.join(map(_code, each.labels))} | {each.says} |"
        for each in figures
    ]
    return ["| metric | kind | labels | says |", "| --- | --- | --- | --- |", *rows]


def _code(label: str) -> str:
    return f"`{label}`"
