"""Where an installation lies, and what belongs to which role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

PROGRAM: Final = "/opt/opswire"
RELEASES: Final = f"{PROGRAM}/releases"
CURRENT: Final = f"{PROGRAM}/current"
UPGRADE_LINKS: Final = (f"{PROGRAM}/upgrading", f"{PROGRAM}/previous")
"""Lead to the release that deploy/rollback.sh goes back to."""
PROGRAMS: Final = f"{PROGRAM}/programs"
RECORD: Final = f"{PROGRAM}/installed.json"
MARK: Final = f"{PROGRAM}/unfinished"
SETTINGS: Final = "/etc/opswire"
SECRETS: Final = f"{SETTINGS}/secrets"
UNITS: Final = "/etc/systemd/system"
ACCOUNTS: Final = "/etc/sysusers.d/opswire.conf"
COMMAND: Final = "/usr/local/bin/opswire"
INVENTORY: Final = "/var/lib/opswire/inventory/agents.txt"
TARGET: Final = "opswire.target"


class Role(StrEnum):
    """What a machine is for."""

    ALL = "all"
    BRIDGE = "bridge"
    AGENT = "agent"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A foreign program that runs as a service."""

    unit: str
    roles: tuple[Role, ...]
    checker: str = ""
    """What checks its configuration, and comes with it."""


_WATCHING: Final = (Role.ALL, Role.BRIDGE)
_EVERYWHERE: Final = tuple(Role)
_WATCHED: Final = (Role.ALL, Role.AGENT)

FOREIGN: Final = {
    "prometheus": Program(unit="opswire-prometheus", roles=_WATCHING, checker="promtool"),
    "alertmanager": Program(unit="opswire-alertmanager", roles=_WATCHING, checker="amtool"),
    "blackbox_exporter": Program(unit="opswire-blackbox-exporter", roles=_WATCHING),
    "node_exporter": Program(unit="opswire-node-exporter", roles=_EVERYWHERE),
}
_OWN: Final = {
    "opswire-bridge.service": _WATCHING,
    "opswire-config.service": _WATCHING,
    "opswire-config.path": _WATCHING,
    "opswire-config.timer": _WATCHING,
    "opswire-agent.service": _WATCHED,
    "opswire-agent-root.service": _WATCHED,
    TARGET: _EVERYWHERE,
}
RELOADED: Final = "/run/opswire-reload"
"""Says when Prometheus and Alertmanager were last told to reload."""
UNPACKED: Final = "/run/opswire-upgrade"
"""Where deploy/upgrade.sh unpacks a version of a clone; is there after one that was killed."""
STATES: Final = tuple(
    f"/var/lib/{name}"
    for name in (
        *("opswire", "opswire-config", "opswire-prometheus", "opswire-alertmanager"),
        *("opswire-agent", "opswire-exporter"),
    )
)
"""What outlives an upgrade."""
CARRIED: Final = "/var/lib/opswire-carried.*"
"""What deploy/opswire.sh left, ended in the middle by force: a backup on its way."""
USERS: Final = (
    *("opswire", "opswire-agent", "opswire-prometheus", "opswire-alertmanager"),
    *("opswire-exporter", "opswire-prober"),
)
GROUPS: Final = ("opswire-metrics",)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One installation: where its root is, what it is for, and what is left out of it."""

    root: Path
    role: Role
    without: frozenset[str] = frozenset()

    def at(self, path: str) -> Path:
        """Give the place of a path of the installed machine."""
        return self.root / path.lstrip("/")

    @property
    def programs(self) -> tuple[str, ...]:
        """The foreign programs that run here."""
        return tuple(
            name
            for name, program in FOREIGN.items()
            if self.role in program.roles and name not in self.without
        )

    @property
    def binaries(self) -> tuple[str, ...]:
        """The foreign programs that must be there: also what checks configurations."""
        checkers = ("promtool", "amtool") if self.role in _WATCHING else ()
        return (*self.programs, *checkers)

    @property
    def unit_files(self) -> tuple[str, ...]:
        """The unit files that are laid here."""
        own = [name for name, roles in _OWN.items() if self.role in roles]
        return (*own, *(f"{FOREIGN[name].unit}.service" for name in self.programs))

    @property
    def enabled(self) -> tuple[str, ...]:
        """The units that start with the machine."""
        return self.unit_files
