"""The ports that an installation's programs listen on, as its settings have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.installing import env_files
from deploy.installing.layout import SETTINGS, Layout, Role

LOOPBACK: Final = "127.0.0.1"
_WATCHING: Final = (Role.ALL, Role.BRIDGE)
_WATCHED: Final = (Role.ALL, Role.AGENT)


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port that a unit needs."""

    unit: str
    setting: str
    default: int
    roles: tuple[Role, ...] = _WATCHING
    program: str = ""
    """The foreign program, if it is one: it can be left out."""
    host: str = ""
    """The setting that says at which address."""
    file: str = "monitoring.env"

    @property
    def way_out(self) -> str:
        """Say what helps where another program has it."""
        if not self.program:
            return f"end that program, or write another {self.setting} into {SETTINGS}/{self.file}"
        return (
            f"end that program, run this with another port ({self.setting}={self.default + 100}),"
            f" or leave ours out (--without {self.program})"
        )


PORTS: Final = (
    Port(
        unit="opswire-bridge",
        setting="SERVER_PORT",
        default=8002,
        host="SERVER_HOST",
        file="bridge.env",
    ),
    Port(
        unit="opswire-bridge",
        setting="AGENTS_PORT",
        default=8003,
        host="AGENTS_HOST",
        file="bridge.env",
    ),
    Port(
        unit="opswire-prometheus",
        setting="PROMETHEUS_PORT",
        default=9090,
        program="prometheus",
    ),
    Port(
        unit="opswire-alertmanager",
        setting="ALERTMANAGER_PORT",
        default=9093,
        program="alertmanager",
    ),
    Port(
        unit="opswire-blackbox-exporter",
        setting="BLACKBOX_PORT",
        default=9115,
        program="blackbox_exporter",
    ),
    Port(
        unit="opswire-node-exporter",
        setting="NODE_EXPORTER_PORT",
        default=9100,
        roles=tuple(Role),
        program="node_exporter",
        host="AGENT_HOST",
    ),
    Port(
        unit="opswire-agent",
        setting="AGENT_PORT",
        default=8001,
        roles=_WATCHED,
        host="AGENT_HOST",
        file="agent.env",
    ),
)
MOVABLE: Final = tuple(each.setting for each in PORTS if each.program)
"""What may be given in the environment of a first installation."""


def list_ports(layout: Layout, settings: Mapping[str, str]) -> Iterator[tuple[Port, str, int]]:
    """List the ports of what runs here, each with its address and number."""
    for port in PORTS:
        is_left_out = layout.role not in port.roles or port.program in layout.without
        text = settings.get(port.setting) or str(port.default)
        if not is_left_out and is_port(text):
            yield port, (settings.get(port.host) or LOOPBACK).strip("[]"), int(text)


def is_port(text: str) -> bool:
    """Say whether a text is a port."""
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535  # noqa: PLR2004


def list_env_files(layout: Layout) -> list[Path]:
    """List the files of settings that this role reads."""
    names = ["monitoring.env"]
    names += ["bridge.env"] if layout.role in _WATCHING else []
    names += ["agent.env"] if layout.role in _WATCHED else []
    return [layout.at(SETTINGS) / name for name in names]


def read_settings(layout: Layout) -> dict[str, str]:
    """Read what is set; a file that cannot be read sets nothing."""
    found: dict[str, str] = {}
    for path in list_env_files(layout):
        try:
            found |= env_files.parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
    return found
