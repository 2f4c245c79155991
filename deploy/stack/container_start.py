"""Let Compose build and start; what it cannot do becomes a sentence."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

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
# How the configuring container tells what it cannot write, and what is wrong with the inventory.
CONFIG, FAULT = "config: ", " has a fault, "


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
    """Let Compose do something that takes a while."""
    if lines := attempt(project, *words):
        refuse(lines, voice)


def attempt(project: Project, *words: str) -> list[str]:
    """Let Compose do something, and give what it said when it could not; its words go to a log."""
    path = project.root / ".runtime" / "logs" / "containers.log"
    with path.open("w", encoding="utf-8") as log:
        done = project.call(*words, log=log)
    if not done.returncode:
        return []
    said = path.read_text("utf-8", errors="replace").splitlines()
    return [line for line in said if line.strip()] or [f"exit code {done.returncode}"]


def refuse(lines: list[str], voice: Voice) -> NoReturn:
    """Quote what Compose said, and say in words what it comes from."""
    voice.quote(lines[-QUOTED_LINES:])
    raise EngineFault(explain(lines))


def explain(lines: Sequence[str]) -> str:
    """Say in words why Compose could not."""
    text = "\n".join(lines).lower()
    if "no space left" in text:
        return "the disk is full: make room, for example with docker system prune"
    if "address already in use" in text or "port is already allocated" in text:
        return "a port was taken in the meantime: start again, or set another (./start.sh doctor)"
    if found := UNWELL.search(text):
        return f"{found['service']} does not get well: see its last lines above"
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
    """Start every container; what the configuring one says counts more than Compose's words."""
    clear(run, voice)
    voice.say("starting the containers (the first time, their images are fetched)")
    lines = attempt(run.project, "up", "--detach", "--no-build", "--remove-orphans", *run.services)
    if not lines:
        return
    if faults := read_faults(run.project):
        raise EngineFault("\n".join(faults))
    if found := UNWELL.search("\n".join(lines).lower()):
        tail = ("--tail", str(QUOTED_LINES), found["service"])
        voice.quote((run.project.call("logs", "--no-color", *tail).stdout or "").splitlines())
    refuse(lines, voice)


def read_faults(project: Project) -> list[str]:
    """Read why the configuring container ended; nothing when it did not."""
    said = project.call("logs", "--no-color", "--tail", "40", "config").stdout or ""
    lines = [line.partition("| ")[2].rstrip() for line in said.splitlines() if "| " in line]
    # It is begun again and again and says the same each time: the last is enough.
    begins = [at for at, line in enumerate(lines) if line.startswith(CONFIG) or FAULT in line]
    found = lines[begins[-1] :] if begins else []
    return [each for line in found for each in (line, *mend(line, project))]


def mend(line: str, project: Project) -> list[str]:
    """Give the command that makes a volume ours again."""
    match = re.search(r"the volume (\S+) cannot be written by user ([\d:]+)", line)
    if match is None:
        return []
    volume, image = f"{project.name}_{match[1]}", read_image_name(project.root)
    owned = f"--user 0 --entrypoint chown --volume {volume}:/it {image} -R {match[2]} /it"
    return [
        "it belongs to whoever started this first: let them start it, or give it to yourself:",
        f"  docker run --rm {owned}",
    ]
