"""Puts the agent's parts together: what its orders are answered with, and what watches beside."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

from agent import __version__
from agent.assembly import Parts, keep
from agent.catalogue import Catalogue, load_catalogue
from agent.handlers import Handler, Hands, create_handlers
from agent.hiding import can_hide
from agent.jobs import Command, Jobs
from agent.journal import Journal
from agent.letters import Letters
from agent.listeners import PROTECTED_PORTS, close
from agent.machine import list_sessions, list_top, to_facts
from agent.nursery import Nursery
from agent.owner_file import BadActions
from agent.policy import Ceiling, judge_ceiling, render_raise
from agent.ports import list_listening
from agent.root_door import RootDoor, open_root
from agent.root_verbs import Root
from agent.settings import Fault, Settings, SettingsError
from agent.sources import FileSource, HelperSource, Source
from agent.watching import LoginWatch
from agent.wire import Verb

AUTH_LOGS: Final = (Path("/var/log/auth.log"), Path("/var/log/secure"))
"""Where Debian and Red Hat write who logs in."""
LOGINS: Final = "logins"
_log = logging.getLogger(__name__)


class Machine:
    """What can be seen of this host, and the one thing that can be done to it."""

    def __init__(self, root: Root | RootDoor, protected: Mapping[int, str]) -> None:
        self._root = root
        self._protected = protected

    async def list_ports(self) -> Mapping[str, Any]:
        """Tell what listens."""
        found = await asyncio.to_thread(list_listening, namer=self._root)
        return {"ports": [each.to_facts() for each in found]}

    async def close_port(self, port: int) -> Mapping[str, Any]:
        """End what listens on a TCP port, and tell what that was."""
        outcome = await asyncio.to_thread(close, port, protected=self._protected, ender=self._root)
        return outcome.to_facts()

    async def list_top(self, by: str, count: int) -> Mapping[str, Any]:
        """Tell which processes use most."""
        return {"processes": to_facts(await asyncio.to_thread(list_top, by, count))}

    async def list_sessions(self) -> Mapping[str, Any]:
        """Tell who is logged in."""
        return {"sessions": to_facts(await asyncio.to_thread(list_sessions))}


async def build_handlers(parts: Parts, stack: AsyncExitStack) -> Mapping[Verb, Handler]:
    """Build what this agent acts with.

    Raises:
        SettingsError: the owner's actions have faults.
    """
    settings, folder = parts.settings, parts.premises.folder
    nursery = await stack.enter_async_context(create_nursery(settings, folder))
    jobs = Jobs(folder, nursery=nursery, clock=parts.clock)
    stack.push_async_callback(jobs.close)
    protected = {**PROTECTED_PORTS, settings.agent_port: "this agent's own"}
    root = open_root(settings.agent_root_socket, protected)
    catalogue = _load_catalogue(parts)
    watch = _open_watch(parts, root)
    keep(stack, watch.run(), name="the watch of logins")
    parts.metrics.watch_jobs(lambda: jobs.running)
    parts.metrics.watch_letters(lambda: watch.waiting)

    def look_at_ceiling() -> tuple[str, str]:
        standing = judge_ceiling(settings.agent_ceiling_file)
        return standing.ceiling.value, standing.why

    parts.metrics.watch_ceiling((each.value for each in Ceiling), lambda: look_at_ceiling()[0])
    return create_handlers(
        Hands(
            ceiling=look_at_ceiling,
            remedy=lambda level: render_raise(Ceiling(level), settings.agent_ceiling_file),
            jobs=jobs,
            command=Command,
            catalogue=catalogue,
            logins=watch,
            machine=Machine(root, protected),
            describe=lambda: {"version": __version__, "actions": catalogue.describe()},
            clock=parts.clock,
        )
    )


def create_nursery(settings: Settings, folder: Path) -> Nursery:
    """Have jobs be a user without rights; where they are the agent's own, hide its keys."""
    if os.geteuid() == 0:
        return Nursery(user=settings.agent_job_user)
    if not can_hide():
        _log.warning("this kernel has no Landlock: what runs here can read this agent's key")
    return Nursery(hidden=folder)


def _load_catalogue(parts: Parts) -> Catalogue:
    settings = parts.settings
    try:
        return load_catalogue(settings.agent_actions_file, ceiling_file=settings.agent_ceiling_file)
    except BadActions as bad:
        form = "a file of actions, as docs/host-actions.md describes it"
        raise SettingsError(
            *(Fault("AGENT_ACTIONS_FILE", str(each), form) for each in bad.faults)
        ) from None


def _open_watch(parts: Parts, root: Root | RootDoor) -> LoginWatch:
    """Watch the first source of logins that can be read."""
    premises, given = parts.premises, parts.settings.agent_auth_log
    letters = Letters(
        premises.letters_to,
        premises.authority,
        premises.sign,
        premises.enrolled.host,
        clock=parts.clock,
    )
    logs = (given,) if given is not None else AUTH_LOGS
    sources: list[Source] = [FileSource(path) for path in logs]
    if given is None:
        sources = [Journal(), *sources, HelperSource(root.read_auth_log)]
    return LoginWatch(
        premises.folder / LOGINS,
        sources,
        letters.post,
        clock=parts.clock,
        count=lambda event: parts.metrics.logins.labels(event.kind).inc(event.count),
    )
