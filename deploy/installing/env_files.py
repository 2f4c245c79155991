"""Files of settings for systemd: written from `.env.example`, and read before anything starts.

systemd passes over a line that it does not understand, and says so only in its journal. Here such a
line stops the installation, by its number: the line itself may hold a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Final

AGENT_SECTION: Final = "The agent, on each host"
STACK_SECTION: Final = "Programs that start.sh runs"
ELSEWHERE: Final = frozenset(
    {"STATE_DIR", "AGENTS_FILE", "PROMETHEUS_URL", "ALERTMANAGER_URL", "RETENTION"}
)
"""What the units set, or monitoring.env."""
FIXED: Final = frozenset({"AGENT_STATE_DIR", "AGENT_ROOT_SOCKET", "AGENT_JOB_USER"})
"""What the units of the agent set, or what holds for an agent that is root."""
NEEDED: Final = frozenset(
    {
        *("PROMETHEUS_PORT", "ALERTMANAGER_PORT", "BLACKBOX_PORT", "NODE_EXPORTER_PORT"),
        *("RETENTION", "AGENT_HOST", "AGENT_PORT"),
    }
)
"""What units put into command lines, where an empty text is no default."""
OF_SYSTEM: Final = frozenset({"TZ", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "GOMEMLIMIT", "GOGC"})
"""No settings of ours, and of use all the same."""
_LINE: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_SECTION: Final = re.compile(r"# ---- (.+) ----")
_SAMPLE: Final = re.compile(r"#([A-Z][A-Z0-9_]*)=(.*)")

_BRIDGE_HEAD: Final = """\
# Settings of the bridge. Ports and spans of Prometheus and its kin stand in monitoring.env.
# An empty value means: not set. Put values with a # or a blank in quotes.
# After a change: systemctl restart opswire-bridge
"""
_AGENT_HEAD: Final = """\
# Settings of the agent, and where node_exporter listens: at AGENT_HOST as well.
# After a change: systemctl restart opswire-agent opswire-agent-root opswire-node-exporter
"""


def read_names(example: str) -> frozenset[str]:
    """Name every setting there is."""
    return frozenset(found[1] for found in map(_SAMPLE.fullmatch, example.splitlines()) if found)


def render_bridge(example: str) -> str:
    """Write the bridge's file: every setting with its meaning, and none of them set."""
    sections = _read_sections(example)
    for name in (AGENT_SECTION, STACK_SECTION):
        sections.pop(name)
    return _render(_BRIDGE_HEAD, sections, ELSEWHERE)


def render_agent(example: str) -> str:
    """Write the agent's file."""
    return _render(_AGENT_HEAD, {AGENT_SECTION: _read_sections(example)[AGENT_SECTION]}, FIXED)


def _read_sections(example: str) -> dict[str, list[str]]:
    """Split the example into its sections' paragraphs."""
    sections: dict[str, list[str]] = {}
    for paragraph in example.strip().split("\n\n"):
        heading = _SECTION.fullmatch(paragraph)
        if heading:
            sections[heading[1]] = []
        elif sections:
            next(reversed(sections.values())).append(paragraph)
    return sections


def _render(head: str, sections: Mapping[str, list[str]], left_out: frozenset[str]) -> str:
    lines = [head.rstrip("\n")]
    for section, paragraphs in sections.items():
        lines.append(f"\n# ---- {section} ----")
        for paragraph in paragraphs:
            name = next(
                found[1] for found in map(_SAMPLE.fullmatch, paragraph.splitlines()) if found
            )
            if name not in left_out:
                lines.append(f"\n{_point_to_secret(name, paragraph)}")
    return "\n".join(lines) + "\n"


def _point_to_secret(name: str, paragraph: str) -> str:
    """Say of a secret where it lies instead: never in this file, which programs inherit."""
    if f"#{name}_FILE=" not in paragraph:
        return paragraph
    said = [line for line in paragraph.splitlines() if not _SAMPLE.fullmatch(line)]
    return "\n".join([*said, f"# A secret: write it into /etc/opswire/secrets/{name.lower()}"])


def parse(text: str) -> dict[str, str]:
    """Read the values of a file that has no fault."""
    found = (_LINE.fullmatch(line) for line in text.splitlines() if _is_setting(line))
    return {each[1]: _unquote(each[2].strip()) for each in found if each}


def find_faults(name: str, text: str, known: Iterable[str]) -> list[str]:
    """Say what is wrong with a file, each with its line."""
    names = {*known, *(f"{each}_FILE" for each in known), *OF_SYSTEM}
    lines = text.split("\n")
    faults = []
    if lines[-1]:
        faults.append(f"{name}: line {len(lines)} has no end, as if its writing was cut off")
    for number, line in enumerate(lines, start=1):
        if _is_setting(line) and (fault := _find_fault(line, names)):
            faults.append(f"{name}: line {number} {fault}")
    return faults


def _is_setting(line: str) -> bool:
    # systemd takes both for the beginning of a comment.
    return bool(line.strip()) and not line.lstrip().startswith(("#", ";"))


def _find_fault(line: str, names: Iterable[str]) -> str:
    found = _LINE.fullmatch(line)
    if found is None:
        return "is no NAME=value"
    name, value = found[1], found[2].strip()
    if name not in names:
        near = difflib.get_close_matches(name.upper(), list(names), n=1, cutoff=0.8)
        return f"sets {name}, which is no setting" + (f"; did you mean {near[0]}?" if near else "")
    return _find_fault_of_value(name, value)


def _find_fault_of_value(name: str, value: str) -> str:
    if value[:1] in {"'", '"'} and (len(value) == 1 or value[-1] != value[0]):
        return f"begins a quote in {name} that does not end"
    if value.endswith("\\"):
        return f"ends {name} with a backslash, which would join the next line to it"
    if name in NEEDED and not _unquote(value):
        return f"gives {name} no value; write one, or a # before it"
    if name == "AGENT_HOST" and ":" in value and not _unquote(value).startswith("["):
        # A unit puts a port behind it.
        return f"needs brackets around the address of {name}, as in [2001:db8::1]"
    return ""


def _unquote(value: str) -> str:
    return value[1:-1] if value[:1] in {"'", '"'} and value[-1:] == value[:1] else value
