"""The runs that start.sh can begin: the whole stack, or one monitored host's part of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bridge.settings import read_environment
from deploy.stack.binaries import ProgramMissing, gather
from deploy.stack.container_plan import find_record as find_container_record
from deploy.stack.container_preparation import open_project
from deploy.stack.engine import EngineFault, find_engine
from deploy.stack.first_admin import invite
from deploy.stack.folder import Folder, Member, Record, StackFault, strip_environ
from deploy.stack.foreground import Ending, Foreground
from deploy.stack.host_agent import open_agent
from deploy.stack.known_bot import require_known_bot
from deploy.stack.leftovers import end_leftovers
from deploy.stack.pasting import render_lines_to_paste
from deploy.stack.plan import EVERYWHERE, EXPORTER_MORE, Plan, find_agent_host, join, reach
from deploy.stack.ports import LOOPBACK, Port, Reservations, choose_ports
from deploy.stack.preparation import (
    find_terminal,
    load_settings,
    prepare,
    read_wishes,
    record_of,
    render_page_address,
)
from deploy.stack.voice import Voice
from deploy.stack.way import NATIVE, keep_way


def run_stack(folder: Folder, voice: Voice, *, is_sandbox: bool) -> int:
    """Run the whole stack until a signal ends it."""
    require_no_containers(folder)
    with hold(folder), Ending() as ending, contextlib.closing(Reservations()) as reservations:
        end_leftovers(folder)
        terminal = None if is_sandbox else find_terminal()
        wishes = read_wishes(folder.root, is_sandbox=is_sandbox, terminal=terminal)
        if not wishes.is_sandbox:
            require_known_bot(wishes, voice)
            keep_way(folder.root, NATIVE, voice)
        plan = prepare(wishes, voice.say, reservations)
        record = record_of(plan)
        folder.put_record(record)

        def greet() -> list[str]:
            invitation = invite(plan.bridge(), folder.root, is_sandbox=record.is_sandbox)
            return render_greeting(plan, record, invitation)

        members = plan.list_members()
        return Foreground(folder, members, voice=voice, ending=ending, greet=greet).run()


def render_greeting(plan: Plan, record: Record, invitation: Sequence[str]) -> list[str]:
    """Say where to look, what to try, and how the first admin gets in."""
    lines = [*render_lines_to_paste(plan).splitlines(), ""]
    if record.is_sandbox:
        lines += [
            f"  chat page: {render_page_address(record)}",
            "",
            "  Try it, in another terminal:  ./start.sh stop node_exporter",
            "  In about a minute a card says so; ./start.sh start node_exporter ends it.",
        ]
    else:
        lines += ["  The bot is at work. Try it, in another terminal:  ./start.sh test-alert"]
    if invitation:
        lines += ["", *invitation, ""]
    return [*lines, "  Ctrl-C ends everything.", ""]


def run_host(folder: Folder, voice: Voice) -> int:
    """Run what a monitored host needs: its exporter, and its agent once a bridge knows it."""
    with hold(folder), Ending() as ending, contextlib.closing(Reservations()) as reservations:
        end_leftovers(folder)
        given = read_environment(folder.root)
        settings = load_settings(given)
        port = create_exporter_port(given)
        chosen = {port.setting: settings.node_exporter_port} if port.setting in given else {}
        ports, notices = choose_ports([port], chosen, is_free=reservations.is_free)
        for notice in notices:
            voice.say(notice)
        binary = find_exporter(folder, voice)
        member = create_exporter(binary, port.host, ports["node_exporter"])
        agent = open_agent(folder.root, given, settings.state_dir, find_terminal())
        members = [member] if agent is None else [member, agent]
        folder.put_record(record_host(str(settings.state_dir), members))
        greeting = render_host_greeting(port.host, ports[port.program], agent)
        return Foreground(folder, members, voice=voice, ending=ending, greet=lambda: greeting).run()


def record_host(state_dir: str, members: Sequence[Member]) -> Record:
    """Put together what other commands need to know of a host that is only monitored."""
    return Record(
        pid=os.getpid(),
        is_sandbox=False,
        state_dir=state_dir,
        bridge_state_dir="",
        sandbox_dir="",
        agents_file="",
        addresses={member.name: member.address for member in members},
        ready_urls={member.name: member.ready_url for member in members},
        urls={},
    )


def render_host_greeting(host: str, port: int, agent: Member | None) -> list[str]:
    """Say what runs on a monitored host, and what is to be done elsewhere."""
    if agent is None:
        place = f"ADDRESS:{port}" if host in EVERYWHERE else join(host, port)
        lines = [
            "  This host is measured, and has no agent: /add in the chat gives a code for it.",
            f"  A line in the agents.txt of the machine that watches: NAME {place}",
        ]
    else:
        lines = ["  This host is measured, and its agent takes the orders of its bridge."]
    if host == LOOPBACK:
        lines += [
            "  Nobody but this host reaches what listens here. Where another machine watches it:",
            "  set AGENT_HOST to an address of this host and start again, or make a tunnel there.",
        ]
    return ["", *lines, "  Ctrl-C ends everything.", ""]


def create_exporter_port(given: Mapping[str, str]) -> Port:
    """Put the lone exporter beside the agent: whoever watches this host comes for both."""
    return Port(
        program="node_exporter",
        setting="NODE_EXPORTER_PORT",
        default=9100,
        host=find_agent_host(given),
        host_setting="AGENT_HOST",
    )


def find_exporter(folder: Folder, voice: Voice) -> Path:
    """Find the lone exporter's program, or fetch it."""
    try:
        return gather(("node_exporter",), root=folder.root, say=voice.say)["node_exporter"]
    except ProgramMissing as missing:
        raise StackFault(str(missing)) from None


def create_exporter(binary: Path, host: str, port: int) -> Member:
    """Put the lone exporter together; it tells as much as that of the stack."""
    return Member(
        name="node_exporter",
        command=[str(binary), f"--web.listen-address={join(host, port)}", *EXPORTER_MORE],
        environ=strip_environ(os.environ),
        address=join(reach(host), port),
        ready_path="/",
    )


def require_no_containers(folder: Folder) -> None:
    """See that no stack of this folder runs in containers: both write the same files."""
    record = find_container_record(folder.root)
    with contextlib.suppress(EngineFault):  # without an engine none runs
        if record and open_project(find_engine(), folder.root, record).list_containers():
            raise StackFault("the stack of this folder runs in containers; ./start.sh down ends it")


@contextlib.contextmanager
def hold(folder: Folder) -> Iterator[None]:
    """Be the one stack of this folder, or point to the one that runs."""
    if folder.find_holder() is not None:
        record = folder.find_record()
        page = f": {render_page_address(record)}" if record and record.is_sandbox else ""
        raise StackFault(
            f"the stack of this folder runs already{page}\n"
            "./start.sh status says more, ./start.sh down ends it"
        )
    with folder.hold():
        yield
