"""Starts and stops the units, and says how they are."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from deploy.installing.layout import CURRENT, UNITS, Layout
from deploy.installing.machine import Machine
from deploy.installing.ports import list_ports, read_settings
from deploy.installing.record import Record
from deploy.installing.site import Site, Step
from deploy.installing.steps import BOT_TOKEN

OF_PYTHON: Final = ("opswire-bridge", "opswire-agent", "opswire-agent-root")
BRIDGE: Final = "opswire-bridge.service"
AGENT: Final = "opswire-agent"
START_SECONDS: Final = 90.0  # chosen: a small machine takes 30 s to load the bridge's libraries
LOOK_SECONDS: Final = 0.5


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


def plan_start(site: Site, changed: AbstractSet[str]) -> Iterator[Step]:
    """Let systemd read the units, start what does not run, and restart what has changed.

    Args:
        site: Where.
        changed: Paths that the steps before have written.
    """
    machine = site.machine
    enabled = list_enabled(site)
    if any(path.startswith(UNITS) for path in changed):
        yield Step(
            sentence="let systemd read the units",
            perform=lambda: machine.run(["systemctl", "daemon-reload"]),
        )
    stale = list_stale(site, changed)
    if stale:
        yield Step(
            sentence=f"restart {', '.join(stale)}",
            perform=lambda: machine.run(["systemctl", "try-restart", *stale]),
        )
    yield Step(
        sentence=f"start {', '.join(name for name in enabled)}, now and with the machine",
        perform=lambda: machine.run(["systemctl", "enable", "--now", "--quiet", *enabled]),
    )


def list_stale(site: Site, changed: AbstractSet[str]) -> list[str]:
    """Name the services whose program or unit has changed."""
    services = [name for name in site.layout.unit_files if name.endswith(".service")]
    units = {name for name in services if f"{UNITS}/{name}" in changed}
    if CURRENT in changed:
        units |= {f"{name}.service" for name in OF_PYTHON} & set(services)
    return sorted(name for name in units if site.machine.is_active(name))


def stop(layout: Layout, machine: Machine, record: Record) -> None:
    """Stop and disable everything that was ever laid; what is not there is no fault."""
    laid = [path.rpartition("/")[2] for path in record.files if path.startswith(UNITS)]
    names = dict.fromkeys([*layout.enabled, *layout.unit_files, *laid])
    there = [name for name in names if layout.at(f"{UNITS}/{name}").exists()]
    if there:
        machine.run(["systemctl", "disable", "--now", "--quiet", *there])


def find_failed(site: Site) -> list[str]:
    """Wait until what was started listens; name what was given up, or is not there in time."""
    enabled = {name.removesuffix(".service") for name in list_enabled(site)}
    waiting = [
        (port.unit, host, number)
        for port, host, number in list_ports(site.layout, read_settings(site.layout))
        if port.unit in enabled and (port.unit != AGENT or _is_enrolled(site))
    ]
    failed: list[str] = []
    for _ in range(round(START_SECONDS / LOOK_SECONDS)):
        failed = sorted({unit for unit, _, _ in waiting if site.machine.is_failed(unit)})
        waiting = [each for each in waiting if site.machine.is_port_free(*each[1:])]
        if failed or not waiting:
            return failed
        site.machine.sleep(LOOK_SECONDS)
    return sorted({unit for unit, _, _ in waiting})


def _is_enrolled(site: Site) -> bool:
    return site.layout.at("/var/lib/opswire-agent/enrolled.json").exists()
