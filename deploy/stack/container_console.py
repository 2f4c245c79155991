"""The commands about a stack in containers: status, down, logs, stop, start, doctor, test-alert."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import httpx

from bridge.settings import Settings, read_environment
from deploy.stack import checks_machine as machine
from deploy.stack import checks_running as running
from deploy.stack import container_plan as plans
from deploy.stack.bridge_console import ask_container
from deploy.stack.console import CONSEQUENCES
from deploy.stack.container_plan import ContainerRecord
from deploy.stack.container_preparation import open_project
from deploy.stack.containers import WEBHOOK_TOKEN, end, render_page_address
from deploy.stack.doctor import look_at_monitoring, report
from deploy.stack.engine import EngineFault, find_engine, show
from deploy.stack.findings import Finding, bad, good
from deploy.stack.folder import Folder, StackFault
from deploy.stack.project import Container, follow_lines
from deploy.stack.suggestion import suggest
from deploy.stack.trial import send_alert
from deploy.stack.voice import BAD, GOOD, QUIET, Voice

UP_SECONDS = 90
LOOK_SECONDS = 0.5
ANSWER_SECONDS = 10
BOT_TOKEN = "/var/lib/telegram/bot_token"  # noqa: S105  a path
WITHIN = "http://bridge:8002"


class ContainerConsole:
    """What a person asks about the containers of this folder."""

    def __init__(self, folder: Folder, record: ContainerRecord, voice: Voice) -> None:
        self._folder = folder
        self._record = record
        self._voice = voice
        self._project = open_project(find_engine(), folder.root, record)

    def tell_status(self) -> int:
        """Say how every container is; 1 when one is not well or none runs."""
        found = self._project.require_own()
        if not found:
            self._voice.say("no container of this folder is there; ./start.sh starts them")
            return 1
        for name, container in found.items():
            address = self._record.addresses.get(name, "")
            if container.is_up:
                self._voice.program(GOOD, name, address, f"up since {local(container.began)}")
            else:
                sign = QUIET if container.status == "exited" else BAD
                self._voice.program(sign, name, address, container.state)
        sandbox = found.get("sandbox")
        if self._record.is_sandbox and sandbox is not None and sandbox.is_up:
            page = render_page_address(self._project, self._record)
            self._voice.say(f"\n  chat page: {page}")
        return 0 if all(each.is_up for each in found.values()) else 1

    def end_all(self) -> int:
        """End all containers; what they keep stays in their volumes."""
        self._project.require_own()
        end(self._project, self._voice)
        return 0

    def stop(self, name: str) -> int:
        """Stop one and say what follows from it."""
        if self._require(name).status != "running":
            self._voice.say(f"{name} is stopped already")
            return 0
        self._project.require("stop", name)
        self._voice.say(f"{name} is stopped. {CONSEQUENCES.get(name, '')}".rstrip())
        return 0

    def start(self, name: str) -> int:
        """Start one again and wait until it is healthy."""
        if self._require(name).status == "running":
            self._voice.say(f"{name} runs already")
            return 0
        self._project.require("start", name)
        deadline = time.monotonic() + UP_SECONDS
        while not self._require(name).is_up:
            if time.monotonic() > deadline:
                raise StackFault(
                    f"{name} runs but does not answer; ./start.sh logs {name} says more"
                )
            time.sleep(LOOK_SECONDS)
        self._voice.say(f"{name} is up")
        return 0

    def show_logs(self, *, name: str | None, lines: int, is_on: bool) -> int:
        """Show the last lines of one container or of all, and what follows."""
        if name is not None:
            self._require(name)
        words = ["logs", "--no-color", "--tail", str(lines)]
        words += [*(["--follow"] if is_on else []), *([name] if name else [])]
        for line in follow_lines(self._project.command(*words), self._project):
            self._voice.say(line)
        return 0

    def send_test_alert(self, severity: str) -> int:
        """Fire TestAlert and end it."""
        return send_alert(
            self._record.urls["ALERTMANAGER_URL"],
            Path(self._record.agents_file),
            severity,
            voice=self._voice,
            root=self._folder.root,
        )

    def ask_bridge(self, words: Sequence[str]) -> int:
        """Give words to the bridge's own console."""
        return ask_container(self._project, self._record, words)

    def examine(self) -> int:
        """Print every finding; 1 when one needs mending."""
        return report(self._look_around(), self._voice)

    def _require(self, name: str) -> Container:
        found = self._project.require_own()
        if name not in found:
            hint = suggest(name, found)
            raise StackFault(
                f"no container of this folder is called {name}{hint}; there are {', '.join(found)}"
            )
        return found[name]

    def _look_around(self) -> list[Finding]:
        root = self._folder.root
        engine = self._project.engine
        settings, said = machine.check_settings(read_environment(root))
        found = [
            good(
                "engine", f"Docker {show(engine.version)}, Compose {show(engine.compose_version)}"
            ),
            *said,
        ]
        if settings is None:
            return found
        found += machine.check_inventory(Path(self._record.agents_file))
        found += check_link(root, Path(self._record.agents_file))
        found.append(machine.check_disk(Path(engine.ask("info", "--format", "{{.DockerRootDir}}"))))
        containers = self._project.require_own()
        found += [check_container(name, each) for name, each in containers.items()]
        if not containers:
            return [*found, bad("stack", "does not run", "./start.sh starts it")]
        return [*found, *self._ask_programs(settings)]

    def _ask_programs(self, settings: Settings) -> list[Finding]:
        urls = self._record.urls
        found, bearer = [], ""
        try:
            bearer = self._project.read("config", WEBHOOK_TOKEN)
        except EngineFault as fault:
            found.append(bad("config", str(fault), running.LOOK_AT_LOGS.format(name="config")))
        with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
            found += look_at_monitoring(client, urls, WITHIN, settings)
            found += running.attempt(
                "bridge", lambda: running.check_bridge(client, urls["SERVER_URL"], bearer)
            )
        return [*found, *self._look_at_bot(settings)]

    def _look_at_bot(self, settings: Settings) -> list[Finding]:
        if self._record.is_sandbox:
            token = self._project.read("config", BOT_TOKEN)
            return running.check_bot(settings, f"http://{self._record.addresses['sandbox']}", token)
        if settings.bot_token is None:
            return []  # it lies among the secrets: the bridge's own check names what is wrong
        base = settings.telegram_api_base or running.TELEGRAM
        return running.check_bot(settings, base.rstrip("/"), settings.bot_token.reveal())


def check_container(name: str, container: Container) -> Finding:
    """Say how one container is."""
    if container.is_up:
        return good(name, "is healthy")
    if container.status == "exited":
        return bad(name, "is stopped", f"./start.sh start {name}")
    return bad(name, container.state, running.LOOK_AT_LOGS.format(name=name))


def check_link(root: Path, inventory: Path) -> list[Finding]:
    """See that the file at the top still is the one that containers read."""
    usual = root / "agents.txt"
    if inventory.parent != root / "inventory" or usual.is_symlink():
        return []
    mend = "./start.sh --docker takes it over"
    return [bad("inventory", "agents.txt was put anew, and no container reads it", mend)]


def local(stamp: str) -> str:
    """Write the engine's time as this machine's clock shows it."""
    moment = datetime.fromisoformat(f"{stamp[:19]}+00:00").astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def find_containers(folder: Folder, voice: Voice) -> ContainerConsole | None:
    """Give the console of the containers, when it is them that run here."""
    record = plans.find_record(folder.root)
    return ContainerConsole(folder, record, voice) if record else None
