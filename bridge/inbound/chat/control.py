"""Commands for the hosts: run one, run it everywhere, ports, processes; and the questions first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from agent.wire import Verb
from bridge import limits
from bridge.core.access import Role
from bridge.core.audit import Entry
from bridge.core.formatted import Content
from bridge.core.inventory import Host
from bridge.core.jobs import Job
from bridge.core.kept_jobs import name_command
from bridge.core.keyboards import Button, Keyboard, name_host
from bridge.core.orders import read_filter, read_limit, read_port, read_top, split_word
from bridge.core.questions import Deed, Wish
from bridge.core.told import read_login_watch, read_ports, read_uses
from bridge.errors import BridgeError, Expired, Missing, Mistake
from bridge.flows.ask_host import ask_host
from bridge.inbound.chat.closing import Closing
from bridge.inbound.chat.command import Answer, Asked, Command, Family, require_words, write_entry
from bridge.inbound.chat.confirming import Confirming
from bridge.inbound.chat.everywhere import Everywhere
from bridge.inbound.chat.hosts import Hosts
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.live_jobs import LiveJobs
from bridge.inbound.chat.running_jobs import Run, RunningJobs
from bridge.logs import create_log
from bridge.views.jobs import write_output, write_uses
from bridge.views.voice import marked

_log = create_log(__name__)
_FREE_SHELL: Final = frozenset({"catalogue", "argument", "words", "missing"})
"""Rules of a host that its free shell would not know."""


@dataclass(frozen=True, kw_only=True)
class ControlDesk:
    """What the commands for hosts need."""

    hosts: Hosts
    running: RunDesk
    confirming: Confirming
    note: Callable[[Entry], Awaitable[None]]
    """Writes into the audit."""


class ControlCommands:
    """`/op_exec`, `/broadcast`, `/op_port`, `/op_stop`, `/top`, and the buttons of all of them."""

    def __init__(self, desk: ControlDesk) -> None:
        self._desk = desk
        self._hands = desk.running.hands
        self.live = LiveJobs(desk.running)
        self._jobs = RunningJobs(desk.running, self.live)
        self._everywhere = Everywhere(
            desk=desk.running, live=self.live, ask_first=desk.confirming.ask
        )
        self._closing = Closing(desk=desk.running, live=self.live)
        desk.confirming.fulfil(Deed.SHELL, self._shell_wish)
        desk.confirming.fulfil(Deed.BROADCAST, self._broadcast_wish)
        desk.confirming.fulfil(Deed.CLOSE, self._close_wish)

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        declare = partial(Command, family=Family.HANDS)
        return (
            declare(
                name="op_exec",
                aliases=("bash",),
                needs=Role.OPERATOR,
                help=marked("Run a command on a host"),
                usage="<host> [span] <command>",
                example="{host} df -h",
                changes=True,
                is_booked=True,
                run=self._exec,
            ),
            declare(
                name="broadcast",
                needs=Role.OPERATOR,
                help=marked("Run a command on all hosts, or on some"),
                usage="[label=value …] [span] <command>",
                example="uptime",
                changes=True,
                is_booked=True,
                run=self._broadcast,
            ),
            *self._declare_looks(declare),
            *self._declare_buttons(declare),
        )

    def _declare_looks(self, declare: Callable[..., Command]) -> Sequence[Command]:
        return (
            declare(
                name="op_port",
                needs=Role.OPERATOR,
                help=marked("What listens on a host"),
                usage="[host]",
                example="{host}",
                run=self._ports,
            ),
            declare(
                name="op_stop",
                needs=Role.OPERATOR,
                help=marked("End what listens on a TCP port"),
                usage="<host> <port>",
                example="{host} 8080",
                changes=True,
                is_booked=True,
                run=self._stop_port,
            ),
            declare(
                name="top",
                needs=Role.VIEWER,
                help=marked("Which processes a host is busy with"),
                usage="[host] [cpu|mem] [number]",
                example="{host} mem 10",
                run=self._top,
            ),
            declare(
                name="login",
                needs=Role.ADMIN,
                help=marked("Watch the logins of a host, or leave it"),
                usage="<host> on|off|status",
                example="{host} status",
                changes_with_words=True,
                run=self._logins,
            ),
        )

    def _declare_buttons(self, declare: Callable[..., Command]) -> Sequence[Command]:
        return (
            declare(
                name="stop",
                needs=Role.OPERATOR,
                help=marked("End a command that runs"),
                usage="<job>",
                is_listed=False,
                changes=True,
                replaces=False,
                run=self._stop,
            ),
            declare(
                name="output",
                needs=Role.OPERATOR,
                help=marked("Everything that a host has kept of a command's output"),
                usage="<job> [host]",
                is_listed=False,
                replaces=False,
                run=self._output,
            ),
        )

    async def _exec(self, asked: Asked) -> Answer:
        name, rest = split_word(asked.text)
        if not rest:
            raise Mistake("Something is missing behind /%(command)s.", command=asked.command)
        host = self._require_agent(self._desk.hosts.choose(asked, name))
        within, command = read_limit(rest)
        # Where nobody says how long, the host's own catalogue does.
        seconds = 0.0 if command == rest else within.total_seconds()
        run = Run(host=host, command=command, within=within, seconds=seconds)
        await self._jobs.begin(asked, run, after=partial(self._offer_shell, asked, run))
        return ()

    async def _offer_shell(self, asked: Asked, run: Run, job: Job) -> None:
        """Offer an admin the free shell, where the host has one and its catalogue did not do."""
        if job.rule not in _FREE_SHELL or run.is_shell or not asked.actor.may(Role.ADMIN):
            return
        try:
            facts = await self._ask(run.host, Verb.DESCRIBE, asked, within=limits.JOB_GRACE)
            if facts.get("ceiling") != "shell":
                return
            wish = Wish(
                deed=Deed.SHELL,
                needs=Role.ADMIN,
                hosts=(run.host.name,),
                command=run.command,
                within=run.within,
            )
            content = self._desk.confirming.ask(asked, wish)
        except BridgeError as fault:  # the refusal stands; there is no more to offer
            _log.info(fault.sentence, action="offer_shell", host=run.host.name)
            return
        await self._desk.running.speaker.say(
            content, asked.actor.chat, reply_to=None, is_loud=False
        )

    async def _broadcast(self, asked: Asked) -> Answer:
        scope, rest = read_filter(asked.text)
        if not rest:
            raise Mistake("Something is missing behind /%(command)s.", command=asked.command)
        within, command = read_limit(rest)
        hosts = [each for each in self._desk.hosts.visible(asked) if scope.covers(each)]
        hosts = [each for each in hosts if each.agent_address]
        if not hosts:
            raise Missing("No host with an agent fits; /agents lists them.")
        wish = Wish(
            deed=Deed.BROADCAST,
            needs=Role.OPERATOR,
            hosts=tuple(each.name for each in hosts),
            command=command,
            within=within,
        )
        if len(hosts) > limits.BROADCAST_ASKS:
            return self._desk.confirming.ask(asked, wish)
        await self._everywhere.begin(asked, wish, hosts, is_careful=True)
        return ()

    async def _broadcast_wish(self, asked: Asked, wish: Wish) -> Answer:
        hosts = [self._find(asked, name) for name in wish.hosts]
        asked = replace(asked, command="broadcast", text=wish.command)
        await self._everywhere.begin(asked, wish, hosts, is_careful=False)
        return ()

    async def _ports(self, asked: Asked) -> Content:
        require_words(asked, 0, 1)
        host = self._require_agent(self._desk.hosts.choose(asked, _first(asked)))
        facts = await self._ask(host, Verb.PORTS, asked)
        text = asked.voice.write_list("ports", "ports", read_ports(facts), host=host.name)
        again = Button(label=asked.voice.say("🔄 Refresh"), press=f"op_port {name_host(host.name)}")
        return Content(text=text, keyboard=Keyboard(((again,),)))

    async def _stop_port(self, asked: Asked) -> Content:
        require_words(asked, 2, 2)
        host = self._require_agent(self._desk.hosts.choose(asked, asked.words[0]))
        wish = Wish(
            deed=Deed.CLOSE,
            needs=Role.OPERATOR,
            hosts=(host.name,),
            port=read_port(asked.words[1]),
        )
        return self._desk.confirming.ask(asked, wish)

    async def _close_wish(self, asked: Asked, wish: Wish) -> Answer:
        host = self._find(asked, wish.hosts[0])
        asked = replace(asked, command="op_stop", text=f"{host.name} {wish.port}")
        await self._closing.begin(asked, host, wish.port)
        return ()

    async def _top(self, asked: Asked) -> Content:
        require_words(asked, 0, 3)
        word, by, count = read_top(asked.words)
        host = self._require_agent(self._desk.hosts.choose(asked, word))
        facts = await self._ask(host, Verb.TOP, asked, by=by, count=count)
        text = asked.voice.write_list(
            "top", "processes", write_uses(asked.voice, read_uses(facts)), host=host.name, by=by
        )
        other = "mem" if by == "cpu" else "cpu"
        named = name_host(host.name)
        labels = {"cpu": asked.voice.say("by processor"), "mem": asked.voice.say("by memory")}
        row = (
            Button(label=asked.voice.say("🔄 Refresh"), press=f"top {named} {by} {count}"),
            Button(label=labels[other], press=f"top {named} {other} {count}"),
        )
        return Content(text=text, keyboard=Keyboard((row,)))

    async def _logins(self, asked: Asked) -> Content:
        require_words(asked, 1, 2)
        wanted = asked.words[1].lower() if len(asked.words) > 1 else "status"
        if wanted not in {"on", "off", "status"}:
            raise Mistake("%(word)s makes no sense here; write on, off or status.", word=wanted)
        host = self._require_agent(self._desk.hosts.choose(asked, asked.words[0]))
        change = "" if wanted == "status" else wanted
        if change:
            await self._desk.note(write_entry(asked, on=host.name, detail="begun"))
        watch = read_login_watch(await self._ask(host, Verb.LOGINS, asked, set=change))
        since = asked.voice.time(datetime.fromtimestamp(watch.since, UTC)) if watch.since else ""
        text = asked.voice.write("logins", facts=watch, host=host.name, since=since)
        return Content(text=text)

    async def _shell_wish(self, asked: Asked, wish: Wish) -> Answer:
        host = self._find(asked, wish.hosts[0])
        # The audit has what was confirmed, and not which button was pressed.
        asked = replace(asked, command="op_exec", text=f"{host.name} {wish.command}")
        run = Run(
            host=host,
            command=wish.command,
            within=wish.within,
            is_shell=True,
        )
        await self._jobs.begin(asked, run)
        return ()

    async def _stop(self, asked: Asked) -> Answer:
        require_words(asked, 1, 1)
        await self.live.stop(_read_number(asked), asked.actor.scope)
        return ()

    async def _output(self, asked: Asked) -> Content:
        require_words(asked, 1, 2)
        word = asked.words[1] if len(asked.words) > 1 else ""
        host, text = await self._jobs.fetch(_read_number(asked), word, asked.actor)
        return await asyncio.to_thread(write_output, asked.voice, host, text)  # megabytes

    async def _ask(
        self,
        host: Host,
        verb: Verb,
        asked: Asked,
        within: timedelta = limits.JOB_GRACE,
        **arguments: Any,
    ) -> Any:
        name = name_command(asked.actor.chat, asked.message_id, asked.command, host.name)
        job = f"{name[:24]}.{verb.value}"
        events = self._hands.ask(host, verb, job=job, within=within, **arguments)
        return await ask_host(host.name, events)

    def _find(self, asked: Asked, name: str) -> Host:
        """Find the very host that was confirmed: by its name alone, as it stands now."""
        host = self._desk.hosts.find(asked, name)
        if host is None:
            raise Expired("%(host)s is not there any more; nothing was done.", host=name)
        return self._require_agent(host)

    @staticmethod
    def _require_agent(host: Host) -> Host:
        if not host.agent_address:
            raise Missing("%(host)s has no agent yet; /add %(host)s gives it one.", host=host.name)
        return host


def _first(asked: Asked) -> str | None:
    return asked.words[0] if asked.words else None


def _read_number(asked: Asked) -> int:
    """Read the number of a job that a button holds."""
    word = asked.words[0]
    if not (word.isascii() and word.isdigit()):
        raise Mistake("%(word)s is no job.", word=word)
    return int(word[:18])
