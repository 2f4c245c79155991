"""Run the stack in containers: start, wait until all is healthy, show what changes, end."""

from __future__ import annotations

import contextlib
import subprocess
import time

from deploy.stack import container_plan as plans
from deploy.stack.container_plan import ContainerRecord
from deploy.stack.container_preparation import Run, prepare, require_no_native
from deploy.stack.container_start import put_image, start
from deploy.stack.engine import EngineFault, find_engine, last_line, require_near
from deploy.stack.first_admin import render_failure, render_invitation
from deploy.stack.folder import Folder
from deploy.stack.foreground import Ending
from deploy.stack.pasting import render_receiver
from deploy.stack.ports import Reservations
from deploy.stack.project import Container, Project
from deploy.stack.tokens import put_copies
from deploy.stack.voice import BAD, GOOD, QUIET, Voice
from deploy.stack.way import CONTAINERS, keep_way

LOOK_SECONDS = 1.0
# Chosen: the bridge needs half a minute on a small, busy machine; who needs more has a trouble.
PATIENCE_SECONDS = 180
WEBHOOK_TOKEN = "/config/alertmanager/secrets/webhook_token"  # noqa: S105  a path
PAGE_TOKEN = "/var/lib/telegram/page_token"  # noqa: S105  a path
BEGUN = "./start.sh logs says more, ./start.sh down ends what has started"


def run_containers(folder: Folder, voice: Voice, *, is_sandbox: bool, is_detached: bool) -> int:
    """Run the whole stack in containers, until a signal ends it or, detached, from now on."""
    engine = find_engine()
    require_near(engine)
    require_no_native(folder)
    with Ending() as ending, contextlib.closing(Reservations()) as reservations:
        run = prepare(folder, voice, engine, reservations, is_sandbox=is_sandbox)
        reservations.close()
        if not run.record.is_sandbox:
            keep_way(folder.root, CONTAINERS, voice)
        watch = Watch(run, voice)
        try:
            begin(run, voice)
            is_well = watch.wait()
            say_greeting(run, voice, is_detached=is_detached)
        except SystemExit:  # a signal before everything was up
            end(run.project, voice)
            raise
        if is_detached:
            return 0 if is_well else 1
        ending.is_gentle = True
        while not ending.count:
            with contextlib.suppress(EngineFault):  # it is restarted, or a container just went
                watch.look()
            if watch.is_over:
                voice.say("everything was stopped from elsewhere")
                return 0
            time.sleep(LOOK_SECONDS)
        end(run.project, voice)
    return 0


def begin(run: Run, voice: Voice) -> None:
    """Build and start; what could not start is taken away, for it would try for ever."""
    try:
        put_image(run.project, voice)
        start(run, voice)
    except EngineFault as fault:
        if not run.is_first:  # what ran before is better than nothing
            raise EngineFault(f"{fault}\n{BEGUN}") from None
        put_away(run.project)
        raise


class Watch:
    """Tells how the containers are, change by change."""

    def __init__(self, run: Run, voice: Voice) -> None:
        self._run = run
        self._voice = voice
        self._known: dict[str, str] = {}
        self._is_first = True
        self.is_over = False
        """Whether somebody has taken all of them away."""

    def wait(self) -> bool:
        """Wait until all are healthy, or until patience ends; false then."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(EngineFault):
                if self.look():
                    break
            time.sleep(LOOK_SECONDS)
        unwell = [name for name in self._run.services if self._known.get(name) != ""]
        for name in unwell:
            self._voice.mark(BAD, f"{name} is not healthy yet: ./start.sh logs {name}")
        self._is_first = False
        return not unwell

    def look(self) -> bool:
        """Look once and tell what is different; true when all are up."""
        found = self._run.project.list_containers()
        self.is_over = not found
        for name in self._run.services:
            container = found.get(name)
            state = "is gone" if container is None else "" if container.is_up else container.state
            before, self._known[name] = self._known.get(name), state
            if state != before:
                self._tell(name, state, container)
        return all(self._known[name] == "" for name in self._run.services)

    def _tell(self, name: str, state: str, container: Container | None) -> None:
        address = self._run.record.addresses.get(name, "")
        if self._is_first:
            if state == "":
                self._voice.program(GOOD, name, address, f"up since {time.strftime('%H:%M:%S')}")
        elif state == "":
            self._voice.change(GOOD, f"{name} is up")
        else:
            sign = QUIET if container and container.status == "exited" else BAD
            self._voice.change(sign, f"{name} {state}")


def say_greeting(run: Run, voice: Voice, *, is_detached: bool) -> None:
    """Say what greets; a container that is not up yet to be asked for it ends nothing."""
    try:
        for line in greet(run, is_detached=is_detached):
            voice.say(line)
    except EngineFault as fault:
        voice.mark(BAD, f"{fault}; ./start.sh status says more, ./start.sh down ends it")


def greet(run: Run, *, is_detached: bool) -> list[str]:
    """Say where to look, what to try, how the first admin gets in, and how it ends."""
    record = run.record
    lines = [""]
    if record.is_sandbox:
        lines += [
            f"  chat page: {render_page_address(run.project, record)}",
            "",
            "  Try it, in another terminal:  ./start.sh stop node_exporter",
            "  In about a minute a card says so; ./start.sh start node_exporter ends it.",
        ]
    else:
        lines += ["  The bot is at work. Try it, in another terminal:  ./start.sh test-alert"]
        invitation = invite(run.project)
        lines += ["", *invitation] if invitation else []
    lines += [*point_to_ours(run), *render_agent_lines(record)]
    if is_detached:
        return [*lines, "  It runs on by itself, also after a reboot. ./start.sh down ends it.", ""]
    return [*lines, "  Ctrl-C ends everything.", ""]


def point_to_ours(run: Run) -> list[str]:
    """Say what a person's own Prometheus and Alertmanager need of ours."""
    root, lines = run.project.root, [""]
    if "prometheus" not in run.services:
        targets, rules = (root / "prometheus" / name for name in ("targets", "rules"))
        lines += [
            f"  Your Prometheus is used, none is started. The hosts for it lie in {targets},",
            f"  the shipped rules in {rules}. The generated ones, with each host's thresholds,",
            "  stay in the containers: ./start.sh --native writes all of it for you to paste.",
            "",
        ]
    if "alertmanager" not in run.services:
        token = root / "alertmanager" / "secrets" / "webhook_token"
        put_copies(run.project.read("config", WEBHOOK_TOKEN), [token])
        rules = root / "alertmanager" / "alertmanager.yml"
        lines += render_receiver(run.record.environ["SERVER_URL"], token, rules).splitlines()
    return lines


def render_agent_lines(record: ContainerRecord) -> list[str]:
    """Say how this host gets an agent."""
    gateway = record.gateway
    return [
        "",
        "  Commands on this host need its agent, which is no container: /add in the chat, with the",
        f"  address {gateway}:8001, then AGENT_HOST={gateway} ./start.sh agent",
        "",
    ]


def render_page_address(project: Project, record: ContainerRecord) -> str:
    """Give the chat page's address; the token stands in the fragment, which is never sent."""
    return f"http://{record.addresses['sandbox']}/#token={project.read('sandbox', PAGE_TOKEN)}"


def invite(project: Project) -> list[str]:
    """Make a link for the first admin; nothing once there is one."""
    words = ("opswire", "bridge", "people", "link", "--first", "--quiet")
    try:
        way_in = project.require("exec", "-T", "bridge", *words)
    except EngineFault as fault:
        return render_failure(str(fault))
    return render_invitation(way_in, is_sandbox=False)


def end(project: Project, voice: Voice) -> None:
    """End all containers; their volumes stay."""
    voice.say("stopping …")
    done = put_away(project)
    if done.returncode:
        raise EngineFault(f"not everything ended: {last_line(done.stderr or '')}")
    voice.say("everything is stopped")


def put_away(project: Project) -> subprocess.CompletedProcess[str]:
    """Remove the containers and what other commands know of them; the volumes stay."""
    done = project.whole.call("down", "--remove-orphans")
    if not done.returncode:
        plans.place_of(project.root).unlink(missing_ok=True)
    return done
