"""The Compose project of this folder: its name, its containers, what is asked of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from deploy.stack.engine import Engine, EngineFault, last_line

LABEL = "com.docker.compose"
# The order a reader expects; the names are those of native mode.
SERVICES = (
    *("sandbox", "bridge", "prometheus", "alertmanager", "node_exporter", "blackbox_exporter"),
    *("config", "grafana", "cadvisor"),
)
PROFILES = ("grafana", "cadvisor", "sandbox")


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container, as the engine knows it."""

    service: str
    number: str
    status: str
    """`running`, `exited`, `restarting` …"""
    health: str
    """`healthy`, `starting`, `unhealthy`; empty where nobody looks."""
    began: str
    folder: str

    @property
    def is_up(self) -> bool:
        """Whether it runs, and answers where somebody asks."""
        return self.status == "running" and self.health in {"healthy", ""}

    @property
    def state(self) -> str:
        """How it is, in words."""
        if self.status != "running":
            return {"exited": "stopped", "created": "not started"}.get(self.status, self.status)
        return {"starting": "starts", "unhealthy": "runs, but does not answer"}.get(
            self.health, "running"
        )


@dataclass(frozen=True, kw_only=True)
class Project:
    """The project, and how to speak with it."""

    engine: Engine
    root: Path
    name: str
    environ: Mapping[str, str]
    """What the compose file asks for; no secret."""

    def command(self, *words: str) -> list[str]:
        """Give a command of Compose; the settings' file is ours to read, not Compose's."""
        nothing = self.root / ".runtime" / "compose.env"
        return [
            *self.engine.compose,
            *("--project-name", self.name, "--env-file", str(nothing)),
            *words,
        ]

    def call(self, *words: str, log: IO[str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run Compose until it is done."""
        return subprocess.run(
            self.command(*words),
            cwd=self.root,
            env={**self.engine.environ, **self.environ},
            stdin=subprocess.DEVNULL,
            stdout=log or subprocess.PIPE,
            stderr=subprocess.STDOUT if log else subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )

    def require(self, *words: str) -> str:
        """Run Compose for something that must succeed."""
        done = self.call(*words)
        if done.returncode:
            raise EngineFault(f"Docker Compose refuses: {last_line(done.stderr)}")
        return done.stdout.strip()

    def read(self, service: str, path: str) -> str:
        """Read a small file inside a container."""
        return self.require("exec", "-T", service, "cat", path)

    @property
    def whole(self) -> Project:
        """The project with every profile on: what an earlier run had is not passed over."""
        return replace(self, environ={**self.environ, "COMPOSE_PROFILES": ",".join(PROFILES)})

    def list_containers(self) -> dict[str, Container]:
        """List what there is of the project, in the order a reader expects."""
        label = f"label={LABEL}.project={self.name}"
        numbers = self.engine.ask("ps", "--all", "--quiet", "--filter", label).split()
        found = {}
        for each in self.engine.inspect("container", numbers):
            if (each["Config"].get("Labels") or {}).get(f"{LABEL}.oneoff") == "True":
                continue  # one like the bridge's, for a word of its console
            container = read_container(each)
            found[container.service] = container
        known = [name for name in SERVICES if name in found]
        return {name: found[name] for name in [*known, *sorted(set(found) - set(known))]}

    def require_own(self) -> dict[str, Container]:
        """List the containers, unless they are another folder's.

        Raises:
            EngineFault: a project of this name stands elsewhere.
        """
        found = self.list_containers()
        for each in found.values():
            if each.folder and Path(each.folder) != self.root:
                raise EngineFault(
                    f"a Compose project called {self.name} is there already, from {each.folder};"
                    f" COMPOSE_PROJECT_NAME=another ./start.sh --docker gives this one a name of"
                    " its own"
                )
        return found


def read_container(facts: Mapping[str, Any]) -> Container:
    """Read what the engine says of a container."""
    labels, state = facts["Config"].get("Labels") or {}, facts["State"]
    return Container(
        service=labels.get(f"{LABEL}.service", "?"),
        number=facts["Id"],
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        began=state.get("StartedAt", ""),
        folder=labels.get(f"{LABEL}.project.working_dir", ""),
    )


def name_project(root: Path, given: Mapping[str, str]) -> str:
    """Name the project as Compose would by itself."""
    asked = given.get("COMPOSE_PROJECT_NAME", "") or root.name
    return re.sub(r"[^a-z0-9_-]", "", asked.lower()).lstrip("_-") or "opswire"


def follow_lines(command: list[str], project: Project) -> Iterator[str]:
    """Yield what a command of Compose prints, until it ends or the reader stops."""
    with subprocess.Popen(
        command,
        cwd=project.root,
        env={**project.engine.environ, **project.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                yield line.rstrip("\n")
        finally:
            process.terminate()
