"""Starts and stops the units, and says how they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from deploy.installing.layout import UNITS, Layout
from deploy.installing.machine import Machine
from deploy.installing.record import Record
from deploy.installing.steps import BOT_TOKEN, Site, Step

OF_PYTHON: Final = ("opswire-bridge", "opswire-agent", "opswire-agent-root")
BRIDGE: Final = "opswire-bridge.service"
STEADY_SECONDS: Final = 5.0  # chosen: a wrong setting ends a program within two
LOOK_SECONDS: Final = 0.5
Say = Callable[[str], None]


def is_bridge_ready(site: Site) -> bool:
    """Say whether the bridge has its bot: without one it does not start."""
    if not site.is_watching:
        return False
    has_secret = bool(site.bot_token) or site.layout.at(BOT_TOKEN).exists()
    env = site.layout.at("/etc/opswire/bridge.env")
    try:
        return has_secret or "\nBOT_TOKEN" in f"\n{env.read_text(encoding='utf-8')}"
    except OSError:
        return has_secret


def list_enabled(site: Site) -> list[str]:
    """Name the units that start with the machine now."""
    ready = is_bridge_ready(site)
    return [name for name in site.layout.enabled if name != BRIDGE or ready]


def plan_start(site: Site, changed: Sequence[str]) -> Iterator[Step]:
    """Let systemd read the units, start what does not run, and restart what has changed.

    Args:
        site: Where.
        changed: Paths that were written, as the steps before have them.
    """
    machine = site.machine
    enabled = list_enabled(site)
    if any(UNITS in path for path in changed):
        yield Step(
            sentence="let systemd read the units",
            perform=lambda: machine.run(["systemctl", "daemon-reload"]),
        )
    stale = list_stale(site, changed)
    if stale:
        yield Step(
            sentence=f"restart what runs of {', '.join(stale)}",
            perform=lambda: machine.run(["systemctl", "try-restart", *stale]),
        )
    yield Step(
        sentence=f"start {', '.join(name for name in enabled)}, now and with the machine",
        perform=lambda: machine.run(["systemctl", "enable", "--now", "--quiet", *enabled]),
    )


def list_stale(site: Site, changed: Sequence[str]) -> list[str]:
    """Name the services whose program or unit has changed."""
    services = [name for name in site.layout.unit_files if name.endswith(".service")]
    units = {name for name in services if any(path.endswith(f"/{name}") for path in changed)}
    if any(path.endswith("/current") for path in changed):
        units |= {f"{name}.service" for name in OF_PYTHON} & set(services)
    return sorted(name for name in units if "@" not in name)


def stop(layout: Layout, machine: Machine, record: Record) -> None:
    """Stop and disable everything that was ever laid; what is not there is no fault."""
    laid = [path.rpartition("/")[2] for path in record.files if path.startswith(UNITS)]
    names = dict.fromkeys([*layout.enabled, *layout.unit_files, *laid])
    there = [name for name in names if layout.at(f"{UNITS}/{_file_of(name)}").exists()]
    plain = [name for name in there if "@." not in name]
    if plain:
        machine.run(["systemctl", "disable", "--now", "--quiet", *plain])


def _file_of(name: str) -> str:
    """Name the file of a unit: an instance has its template's."""
    stem, at, rest = name.partition("@")
    return f"{stem}@.{rest.rpartition('.')[2]}" if at else name


def find_failed(site: Site) -> list[str]:
    """Watch for a while what was started; name what does not stay up."""
    services = [
        name
        for name in list_enabled(site)
        if name.endswith(".service") and name not in {"opswire-config.service"}
    ]
    until = time.monotonic() + STEADY_SECONDS
    while time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    return [name for name in services if _state(site.machine, name) in {"failed", "activating"}]


def _state(machine: Machine, name: str) -> str:
    return machine.ask("systemctl", "is-active", name).stdout.strip()
