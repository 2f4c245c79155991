"""Get a run in containers ready: settings, ports, network, the files that containers read."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bridge.settings import read_environment
from deploy.stack import container_files as files
from deploy.stack import container_plan as plans
from deploy.stack.checks_machine import LEAST_FREE_BYTES
from deploy.stack.container_faults import list_faults
from deploy.stack.container_plan import ContainerRecord
from deploy.stack.engine import Engine, EngineFault
from deploy.stack.folder import Folder, StackFault, write_private
from deploy.stack.known_bot import require_known_bot
from deploy.stack.plan import Wishes
from deploy.stack.ports import Reservations, choose_ports
from deploy.stack.preparation import TOKEN_NAMES, find_terminal, read_wishes
from deploy.stack.project import LABEL, Project, name_project
from deploy.stack.sources import fingerprint
from deploy.stack.voice import Voice
from deploy.stack.way import runs_natively

FIRST_OF_ALL = 1024
PASSWORD = "grafana_admin_password"  # noqa: S105  a file's name


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run in containers, prepared."""

    project: Project
    record: ContainerRecord
    services: Sequence[str]
    is_first: bool
    """Whether no container of it ran before."""


def prepare(
    folder: Folder,
    voice: Voice,
    engine: Engine,
    reservations: Reservations,
    *,
    is_sandbox: bool,
) -> Run:
    """Do everything that must be done before the first container starts."""
    root = folder.root
    folder.prepare()
    wishes = take_wishes(root, voice, is_sandbox=is_sandbox)
    (root / ".runtime" / "compose.env").write_text("", encoding="utf-8")
    name = name_project(root, wishes.given)
    network = plans.choose_network(engine, name)
    project = Project(engine=engine, root=root, name=name, environ={})
    running = {each for each, found in project.require_own().items() if found.status == "running"}
    require_room(engine)
    tell_of_volumes(engine, root, name, voice)
    ports = take_ports(wishes, voice, reservations, running, plans.find_record(root))
    owner = files.find_owner(root)
    files.lay_folders(root, owner)
    agents_file, notice = files.lay_inventory(root, wishes.given, owner)
    if notice:
        voice.say(notice)
    lay_password(
        wishes, files.lay_secrets(root, wishes.settings, wishes.given, owner), owner, voice
    )
    environ = {
        **plans.render_environ(wishes, ports, network),
        **render_folder(root, owner, agents_file),
    }
    record = ContainerRecord(
        name=name,
        environ=environ,
        gateway=str(network[1]),
        is_sandbox=wishes.is_sandbox,
        ports=ports,
        urls=plans.render_urls(wishes, ports),
        agents_file=str(agents_file),
    )
    plans.put_record(root, record)
    return Run(
        project=open_project(engine, root, record),
        record=record,
        services=plans.list_services(wishes),
        is_first=not running,
    )


def render_folder(root: Path, owner: files.Owner, agents_file: Path) -> dict[str, str]:
    """Tell the compose file of this folder: whose it is, and what lies where."""
    return {
        "OPSWIRE_UID": str(owner.user),
        "OPSWIRE_GID": str(owner.group),
        "OPSWIRE_SOURCES": fingerprint(root),
        "OPSWIRE_SECRETS": str(root / "secrets"),
        "AGENTS_DIR": str(agents_file.parent),
        "AGENTS_NAME": agents_file.name,
    }


def take_wishes(root: Path, voice: Voice, *, is_sandbox: bool) -> Wishes:
    """Read what the settings ask for; a token among the secrets counts too."""
    own = files.find_own_token(root)
    given = read_environment(root)
    if own is not None and not is_sandbox and not any(name in given for name in TOKEN_NAMES):
        os.environ["BOT_TOKEN_FILE"] = str(own)
    terminal = None if is_sandbox else find_terminal()
    wishes = read_wishes(root, is_sandbox=is_sandbox, terminal=terminal)
    for notice in wishes.settings.notices:
        voice.say(notice)
    if faults := list_faults(wishes):
        raise StackFault("\n".join(faults), code=2)
    if not wishes.is_sandbox:
        require_known_bot(wishes, voice)
    return wishes


def take_ports(
    wishes: Wishes,
    voice: Voice,
    reservations: Reservations,
    running: set[str],
    before: ContainerRecord | None,
) -> dict[str, int]:
    """Choose the ports; containers that run already keep theirs."""
    kept = set(before.ports.values()) if before and running else set()

    def is_free(host: str, port: int) -> bool:
        # Below that only root may try; the engine, which publishes, is root.
        is_engines = port < FIRST_OF_ALL and os.geteuid() != 0
        return port in kept or is_engines or reservations.is_free(host, port)

    wanted = plans.list_ports(wishes)
    chosen = wishes.list_set_ports(wanted)
    if before and running:
        chosen = {
            port.setting: before.ports[port.program]
            for port in wanted
            if port.program in before.ports
        } | chosen
    ports, notices = choose_ports(wanted, chosen, is_free=is_free)
    for notice in notices:
        voice.say(notice)
    return ports


def require_room(engine: Engine) -> None:
    """See that the engine's disk is not full: a database that cannot grow is no use."""
    place = Path(engine.ask("info", "--format", "{{.DockerRootDir}}"))
    with contextlib.suppress(OSError):  # an engine elsewhere, or a folder that is not ours to see
        free = shutil.disk_usage(place).free
        if free < LEAST_FREE_BYTES:
            raise EngineFault(
                f"the disk of {place} is full ({free >> 20} MiB free): make room, for example with"
                " docker system prune"
            )


def tell_of_volumes(engine: Engine, root: Path, name: str, voice: Voice) -> None:
    """Say at a folder's first start that its project has volumes; on none stands whose it is."""
    label = f"label={LABEL}.project={name}"
    if not files.has_laid(root) and engine.ask("volume", "ls", "--quiet", "--filter", label):
        voice.say(
            f"volumes of a project called {name} are there already and are used, with what an"
            " earlier folder kept in them; COMPOSE_PROJECT_NAME in .env gives this one its own"
        )


def lay_password(wishes: Wishes, folder: Path, owner: files.Owner, voice: Voice) -> None:
    """Make the password of Grafana's admin at the first start, and show it this once."""
    path = folder / PASSWORD
    if "grafana" not in plans.list_profiles(wishes) or path.exists():
        return
    password = secrets.token_urlsafe(18)
    # In one step: half a file would be one that nobody was shown.
    write_private(path, f"{password}\n")
    owner.take(path, 0o600)
    voice.say(f"Grafana's user is admin, its password: {password}")
    voice.say(f"  (shown this once; it lies in {path.relative_to(path.parents[1])})")


def open_project(engine: Engine, root: Path, record: ContainerRecord) -> Project:
    """Give the project of a run."""
    return Project(engine=engine, root=root, name=record.name, environ=record.environ)


def require_no_native(folder: Folder) -> None:
    """See that no stack of this folder runs natively: both write the same files."""
    if runs_natively(folder):
        raise StackFault("the stack of this folder runs natively; ./start.sh down ends it")
