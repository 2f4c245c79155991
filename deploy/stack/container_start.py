"""Let Compose build and start; what it cannot do becomes a sentence."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from deploy.stack.container_preparation import Run
from deploy.stack.engine import EngineFault, last_line
from deploy.stack.project import SERVICES, Project
from deploy.stack.sources import fingerprint
from deploy.stack.voice import Voice

QUOTED_LINES = 12
# What an engine says when it cannot fetch; that it pulls something is none of it.
NO_IMAGE = (
    *("no such host", "name resolution", "network is unreachable", "connection refused"),
    *("i/o timeout", "handshake timeout", "pull access denied", "error pulling", "manifest"),
    *("failed to resolve", "toomanyrequests"),
)
UNWELL = re.compile(
    rf"container \S+[-_](?P<service>{'|'.join(SERVICES)})[-_]\d+ (?:is unhealthy|exited)"
)


def put_image(project: Project, voice: Voice) -> None:
    """Build the project's image where there is none of these sources."""
    wanted = fingerprint(project.root)
    name = read_image_name(project.root)
    with contextlib.suppress(EngineFault):
        [image] = project.engine.inspect("image", [name])
        if (image["Config"].get("Labels") or {}).get("opswire.sources") == wanted:
            return
    voice.say(f"building the image {name} (once for each release, some minutes)")
    perform(project, voice, "build", "config")


def read_image_name(root: Path) -> str:
    """Read what the compose file calls the project's image."""
    text = (root / "docker-compose.yml").read_text("utf-8")
    return next(
        line.split("image:")[1].strip() for line in text.splitlines() if "image: opswire:" in line
    )


def perform(project: Project, voice: Voice, *words: str) -> None:
    """Let Compose do something that takes a while; its words go to a log."""
    path = project.root / ".runtime" / "logs" / "containers.log"
    with path.open("w", encoding="utf-8") as log:
        done = project.call(*words, log=log)
    if done.returncode:
        lines = path.read_text("utf-8", errors="replace").splitlines()
        voice.quote([line for line in lines if line.strip()][-QUOTED_LINES:])
        raise EngineFault(explain(lines))


def explain(lines: Sequence[str]) -> str:
    """Say in words why Compose could not."""
    text = "\n".join(lines).lower()
    if "no space left" in text:
        return "the disk is full: make room, for example with docker system prune"
    if "address already in use" in text or "port is already allocated" in text:
        return "a port was taken in the meantime: start again, or set another (./start.sh doctor)"
    if found := UNWELL.search(text):
        name = found["service"]
        return f"{name} does not get well: ./start.sh logs {name}"
    if any(word in text for word in NO_IMAGE):
        return (
            "an image cannot be had; the engine needs a network for the first start."
            " ./start.sh --native runs without containers"
        )
    return f"Docker Compose failed: {last_line(chr(10).join(lines))}"


def clear(run: Run, voice: Voice) -> None:
    """End what an earlier run had and this one has not: to Compose it is no orphan."""
    known = [name for name in run.project.list_containers() if name in SERVICES]
    left = [name for name in known if name not in run.services]
    if left:
        voice.say(f"ending what is not wanted any more: {', '.join(left)}")
        perform(run.project.whole, voice, "rm", "--stop", "--force", *left)


def start(run: Run, voice: Voice) -> None:
    """Start every container; what the configuring one has to say comes first."""
    clear(run, voice)
    voice.say("starting the containers (the first time, their images are fetched)")
    try:
        perform(
            run.project, voice, "up", "--detach", "--no-build", "--remove-orphans", *run.services
        )
    except EngineFault:
        said = run.project.call("logs", "--no-color", "--tail", "4", "config").stdout or ""
        faults = [line.partition("| ")[2] for line in said.splitlines() if "| " in line]
        if any("fault" in line or line.startswith("config:") for line in faults):
            raise EngineFault("\n".join(faults)) from None
        raise
