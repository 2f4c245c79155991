"""A code at the console, for a host's agent."""

from __future__ import annotations

import secrets
from argparse import Namespace

from bridge import limits
from bridge.clients.authority import FOLDER, open_authority
from bridge.console.desk import Desk, sealed, show
from bridge.flows.invite_host import Door, invite_host
from bridge.inventory_file import InventoryFile
from bridge.store.agents import Agents


async def enrol_host(desk: Desk, wish: Namespace) -> int:
    """Print a code for a host; it stands alone on the last line."""
    settings = desk.settings
    authority = open_authority(
        settings.state_dir / FOLDER, door=settings.agents_address, now=desk.clock.now()
    )
    async with sealed(desk) as now:
        invited = await invite_host(
            wish.name,
            wish.address or "",
            find_host=InventoryFile(settings.agents_file).find,
            codes=Agents(desk.database),
            door=Door(address=authority.door, fingerprint=authority.fingerprint),
            chance=secrets.token_bytes(limits.CODE_BYTES),
            entry=desk.write("enrol", now=now),
            now=now,
        )
    minutes = round(limits.CODE_LIFE.total_seconds() / 60)
    where = f" with its agent at {show(invited.address)}" if invited.address else ""
    desk.say(
        f"For {show(invited.host)}{where}, once, within {minutes} minutes; no other code of it"
    )
    desk.say(f"is good any more. The host has to reach {authority.door}.")
    if invited.shut_door:
        desk.say(
            "Only this machine reaches that: for another, set AGENTS_HOST here and begin anew."
        )
    desk.say(
        "On the host, in Opswire's folder, run ./start.sh agent and paste this line; where the"
    )
    desk.say("agent is a service there, give it to sudo opswire agent enrol:")
    desk.say(invited.line)
    return 0
