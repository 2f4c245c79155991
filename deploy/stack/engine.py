"""The Docker engine and Compose: whether they are there, new enough and ours to use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.stack.folder import StackFault, strip_environ

# What waits for other containers to be healthy, in both generations of Compose.
OLDEST_ENGINE = (20, 10)
OLDEST_COMPOSE = (1, 29)
# Chosen: an engine that is there answers in milliseconds; one on the other end of a line may not.
ANSWER_SECONDS = 10.0
# Chosen: one that has answered may be busy, and docker-compose takes seconds to start.
PATIENCE_SECONDS = 60.0
NATIVE = "./start.sh --native runs without containers"
# What clients of several generations say when nobody listens.
SILENT = ("cannot connect", "failed to connect", "daemon running", "daemon is running")
# Where an engine of this machine is called.
NEAR = ("unix://", "npipe://", "fd://", "tcp://127.", "tcp://localhost", "tcp://[::1]")
PASSED_ON = ("DOCKER_", "COMPOSE_HTTP_TIMEOUT", "XDG_RUNTIME_DIR", "BUILDKIT")


class EngineFault(StackFault):
    """The engine cannot be used; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answers, and the Compose to ask it with."""

    version: tuple[int, int]
    compose: tuple[str, ...]
    compose_version: tuple[int, int]
    environ: Mapping[str, str] = field(repr=False)

    def ask(self, *words: str) -> str:
        """Ask the engine; its refusal becomes a sentence."""
        try:
            done = call(["docker", *words], self.environ, PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise EngineFault("the Docker engine does not answer any more") from None
        if done.returncode:
            raise EngineFault(f"the Docker engine refuses: {last_line(done.stderr)}")
        return done.stdout.strip()

    def inspect(self, kind: str, names: Iterable[str]) -> list[dict[str, Any]]:
        """Ask for everything that the engine knows of some of its things."""
        chosen = list(names)
        found = json.loads(self.ask(kind, "inspect", *chosen)) if chosen else []
        return [each for each in found if isinstance(each, dict)]


def find_engine(environ: Mapping[str, str] | None = None) -> Engine:
    """Find an engine that answers and a Compose that fits.

    Raises:
        EngineFault: there is none; the sentence says what is missing and what helps.
    """
    given = os.environ if environ is None else environ
    passed = {name: text for name, text in given.items() if name.startswith(PASSED_ON)}
    clean = {**strip_environ(given), **passed}
    if shutil.which("docker", path=clean.get("PATH")) is None:
        raise EngineFault(f"there is no Docker here: no docker on PATH. {NATIVE}")
    version = require_engine(clean)
    compose, compose_version = require_compose(clean)
    return Engine(version=version, compose=compose, compose_version=compose_version, environ=clean)


def require_engine(environ: Mapping[str, str]) -> tuple[int, int]:
    """Ask the engine for its version."""
    try:
        done = call(
            ["docker", "version", "--format", "{{.Server.Version}}"], environ, ANSWER_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise EngineFault(f"the Docker engine does not answer. {NATIVE}") from None
    if done.returncode:
        raise EngineFault(explain(done.stderr))
    version = parse_version(done.stdout)
    if version < OLDEST_ENGINE:
        raise EngineFault(
            f"the Docker engine is {done.stdout.strip()}; {show(OLDEST_ENGINE)} or newer is needed."
            f" {NATIVE}"
        )
    return version


def explain(complaint: str) -> str:
    """Say in words why the engine does not answer."""
    if "permission denied" in complaint.lower():
        return (
            "this account may not use the Docker engine: sudo usermod -aG docker $USER, then log in"
            f" again (whoever may use the engine is as good as root). {NATIVE}"
        )
    if not complaint.strip() or any(words in complaint.lower() for words in SILENT):
        return f"no Docker engine runs here: sudo systemctl start docker. {NATIVE}"
    return f"the Docker engine cannot be used ({last_line(complaint)}). {NATIVE}"


def require_near(engine: Engine) -> None:
    """See that an engine's containers share folders with this machine, as the folders' owner.

    Raises:
        EngineFault: it is elsewhere, or its containers are other users than they are told.
    """
    place = engine.ask("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    if place and not place.startswith(NEAR):
        raise EngineFault(
            f"the Docker engine is on another machine ({place}), and containers share folders of"
            f" this one: unset DOCKER_HOST; docker context use default. {NATIVE}"
        )
    guards = engine.ask("info", "--format", "{{.SecurityOptions}}")
    if any(word in guards for word in ("name=rootless", "name=userns")):
        raise EngineFault(
            "the Docker engine gives its containers other users than this machine's (rootless, or"
            f" userns-remap), so that they cannot read what is theirs. {NATIVE}"
        )


def require_compose(environ: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Find Compose: the engine client's plugin, else the program of its own."""
    found, text = (0, 0), ""
    for command in (("docker", "compose"), ("docker-compose",)):
        try:
            done = call([*command, "version", "--short"], environ, PATIENCE_SECONDS)
        except OSError:
            continue
        except subprocess.TimeoutExpired:
            text = f"{' '.join(command)} does not answer within {PATIENCE_SECONDS:g} s."
            continue
        version = parse_version(done.stdout) if done.returncode == 0 else (0, 0)
        if version >= OLDEST_COMPOSE:
            return command, version
        found = max(found, version)
    if found > (0, 0):
        text = f"Docker Compose is {show(found)}; {show(OLDEST_COMPOSE)} or newer is needed."
    absent = "Docker is here, but Compose is not: install docker-compose-plugin or docker-compose."
    raise EngineFault(f"{text or absent} {NATIVE}")


def call(
    command: list[str], environ: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Ask a client; nothing of it reaches the terminal."""
    return subprocess.run(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def parse_version(text: str) -> tuple[int, int]:
    """Read the first two numbers; (0, 0) where there are none."""
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def show(version: tuple[int, int]) -> str:
    """Write a version."""
    return f"{version[0]}.{version[1]}"


def last_line(text: str) -> str:
    """Give the last line that says anything."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason is given"


def is_shared(mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Say whether what is mounted here later can be seen from a container too."""
    try:
        lines = mounts.read_text("utf-8").splitlines()
    except OSError:
        return False
    for line in lines:
        words = line.split()
        if words[4] == "/":
            options = words[6 : words.index("-")]
            return any(option.startswith(("shared:", "master:")) for option in options)
    return False
