"""Write the supervisor's configuration, start it, and speak with it."""

from __future__ import annotations

import os
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from deploy.stack.folder import MARK, Folder, Member, StackFault, strip_environ, write_private

# Chosen: Prometheus writes its head down in less; a program that hangs is killed after it.
STOP_SECONDS = 10
# Chosen: a program that dies sooner is not up, and waits 1, 2, 3 … seconds before its next try.
STEADY_SECONDS = 2
TRIES = 600
# The library's words for what a reader would not guess.
STATES = {
    "BACKOFF": "does not stay up",
    "FATAL": "given up",
    "EXITED": "ended",
    "UNKNOWN": "unknown: the supervisor does not answer",
}


def render_configuration(folder: Folder, members: Iterable[Member]) -> str:
    """Write the configuration: one section a program, logs rotated, a socket for the owner."""
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "logfile=.runtime/logs/supervisor.log",
        "logfile_maxbytes=2MB",
        "logfile_backups=2",
        "pidfile=.runtime/run/supervisor.pid",
        "umask=077",
        "[unix_http_server]",
        f"file={short_path(folder.socket)}",
        "chmod=0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    for member in members:
        lines += [
            f"[program:{member.name}]",
            # The warden puts the true one here: a path may hold what this form gives a meaning.
            "command=leash",
            "autorestart=true",
            f"startsecs={STEADY_SECONDS}",
            f"startretries={TRIES}",
            f"stopwaitsecs={STOP_SECONDS}",
            "redirect_stderr=true",
            f"stdout_logfile=.runtime/logs/{member.name}.log",
            "stdout_logfile_maxbytes=5MB",
            "stdout_logfile_backups=2",
        ]
    return "\n".join(lines) + "\n"


def short_path(socket: Path) -> Path:
    """Give a path that stays short: the library writes it out in full from the root."""
    return Path("/proc/self/cwd") / socket if sys.platform.startswith("linux") else socket


def start_warden(folder: Folder, members: Iterable[Member]) -> subprocess.Popen[bytes]:
    """Start the supervisor as a child that does not outlive this process."""
    chosen = list(members)
    for member in chosen:
        folder.put_member(member)
    path = folder.run / "supervisor.conf"
    write_private(path, render_configuration(folder, chosen))
    folder.socket.unlink(missing_ok=True)
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "deploy.stack.warden",
            ".runtime/run/supervisor.conf",
            str(os.getpid()),
        ],
        cwd=folder.root,
        env={**strip_environ(os.environ), MARK: folder.mark},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Ctrl-C in the terminal is for us; we end the supervisor in order.
        start_new_session=True,
    )


@contextmanager
def open_control(folder: Folder) -> Iterator[Any]:
    """Give the supervisor's remote interface."""
    transport = SupervisorTransport(None, None, f"unix://{folder.socket}")
    with closing(transport):
        yield xmlrpc.client.ServerProxy("http://stack", transport=transport).supervisor


def fetch_states(folder: Folder) -> dict[str, dict[str, Any]]:
    """Ask how every program is; empty when no supervisor answers."""
    try:
        with open_control(folder) as control:
            return {entry["name"]: entry for entry in control.getAllProcessInfo()}
    except (OSError, xmlrpc.client.Error):
        return {}


def name_state(state: Mapping[str, Any]) -> str:
    """Say in words how a program is by the supervisor's account."""
    name = str(state.get("statename", "UNKNOWN"))
    return STATES.get(name, name.lower())


def stop_program(folder: Folder, name: str) -> bool:
    """Stop one program; false when it did not run."""
    return ask(folder, "stopProcess", name, already=Faults.NOT_RUNNING)


def start_program(folder: Folder, name: str) -> bool:
    """Start one program; false when it runs already."""
    return ask(folder, "startProcess", name, already=Faults.ALREADY_STARTED)


def reload_program(folder: Folder, name: str) -> bool:
    """Let one program read its configuration again; false when it does not run."""
    return ask(folder, "signalProcess", name, "HUP", already=Faults.NOT_RUNNING)


def ask(folder: Folder, verb: str, *words: str, already: int) -> bool:
    """Call the supervisor about one program; its refusals become sentences."""
    name = words[0]
    try:
        with open_control(folder) as control:
            getattr(control, verb)(*words)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode == already:
            return False
        if fault.faultCode == Faults.BAD_NAME:
            raise StackFault(f"{name} is not a part of the running stack") from None
        raise StackFault(
            f"{name} does not come up; its last words: ./start.sh logs {name}"
        ) from None
    except OSError:
        raise StackFault("the supervisor does not answer; ./start.sh down clears up") from None
    return True
