"""What must be the agent's before anything starts: its folder, its keys, the orders it took."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent import folder as kept
from agent import limits
from agent.door import Door
from agent.errors import AgentError
from agent.folder import Enrolled, Taken, own_folder, read_enrolled, read_own, settle
from agent.keys import read_private_key, read_public_key
from agent.nonces import Nonces
from agent.settings import Fault, Settings, SettingsError
from agent.wire import Sign, Verify

_UNKNOWN: Final = ", so no bridge knows this host"
_ENROLLED: Final = (
    "the folder of an enrolled host; /add in the chat gives a code for `python -m agent enrol`"
)
_ANEW: Final = "an enrolled host's folder; /reinstall in the chat gives a code to enrol anew with"
# Another program has the port, or the network that has the address is not up yet.
_PASSING: Final = {errno.EADDRINUSE, errno.EADDRNOTAVAIL}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Premises:
    """Everything of this agent that is on disk, and the address it listens on."""

    settings: Settings
    folder: Path
    enrolled: Enrolled
    sign: Sign
    """Signs with the host's key."""
    verify: Verify
    """Knows the bridge's signatures."""
    token: str = field(repr=False)
    """What Prometheus shows."""
    nonces: Nonces
    door: Door

    @property
    def authority(self) -> Path:
        """The authority that signed the certificates of the bridge and of its agents."""
        return self.folder / kept.AUTHORITY

    @property
    def letters_to(self) -> str:
        """Where the agents' door is: `host:port`."""
        return self.settings.server_url or self.enrolled.door


@contextmanager
def open_premises(settings: Settings, *, now: float) -> Iterator[Premises]:
    """Take everything; it is given back when the context ends.

    Raises:
        SettingsError: something cannot be had; it names the setting that moves it.
    """
    with ExitStack() as stack:
        yield _take(settings, now, stack)


def _take(settings: Settings, now: float, stack: ExitStack) -> Premises:
    folder = settings.agent_state_dir
    try:
        if read_enrolled(folder) is None and not (folder / kept.ARRIVING).is_dir():
            raise _refusal("AGENT_STATE_DIR", f"{folder} has no enrolment{_UNKNOWN}", _ENROLLED)
        stack.enter_context(own_folder(folder))
        settle(folder)
        return _read(settings, folder, stack, now)
    except Taken as fault:
        form = "a folder of its own for each agent; or end the other one"
        raise _refusal("AGENT_STATE_DIR", str(fault), form, is_passing=True) from None
    except OSError as fault:
        what = f"{fault.filename or folder} cannot be read or written ({_words(fault)})"
        raise _refusal("AGENT_STATE_DIR", what, "a folder of the user who runs the agent") from None
    except (AgentError, UnicodeDecodeError) as fault:
        raise _refusal("AGENT_STATE_DIR", f"{folder} is damaged ({fault})", _ANEW) from fault


def _read(settings: Settings, folder: Path, stack: ExitStack, now: float) -> Premises:
    enrolled = read_enrolled(folder)
    if enrolled is None:
        raise AgentError("its enrolment was cut off")
    _require_name(settings, enrolled)
    _warn_of_open_key(folder / kept.KEY)
    return Premises(
        settings=settings,
        folder=folder,
        enrolled=enrolled,
        sign=read_private_key(read_own(folder / kept.KEY)),
        verify=read_public_key(read_own(folder / kept.BRIDGE_KEY)),
        token=read_own(folder / kept.METRICS_TOKEN).decode("ascii").strip(),
        nonces=Nonces(folder / kept.NONCES, now=now),
        door=stack.enter_context(_bind(settings)),
    )


def _require_name(settings: Settings, enrolled: Enrolled) -> None:
    if settings.agent_id not in {None, enrolled.host}:
        raise _refusal(
            "AGENT_ID",
            f"this host is enrolled as {enrolled.host!r}, not as {settings.agent_id!r}",
            f"{enrolled.host}, or nothing",
        )


def _warn_of_open_key(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        _log.warning("%s is open to other users of this host: chmod 600 %s", path, path)


def _bind(settings: Settings) -> Door:
    """Bind the address now, so that a taken port is one clear sentence."""
    host, port = settings.agent_host, settings.agent_port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except OSError as fault:
        what = f"{host!r} is not an address here ({_words(fault)})"
        raise _refusal(
            "AGENT_HOST",
            what,
            "an address of this host",
            is_passing=fault.errno == socket.EAI_AGAIN,
        ) from fault
    door = Door(family)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Whoever is taken in has these from here: a bridge behind a dead network says no goodbye.
    door.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, limits.KEEPALIVE_IDLE_SECONDS)
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, limits.KEEPALIVE_APART_SECONDS)
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, limits.KEEPALIVE_PROBES)
    # A job that writes now and then leaves no room for the above: what was sent is sent again.
    door.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limits.UNHEARD_MILLISECONDS)
    try:
        door.bind((host, port))
        door.listen(limits.BACKLOG)
    except OSError as fault:
        door.close()
        taken = fault.errno == errno.EADDRINUSE
        variable = "AGENT_PORT" if taken or fault.errno == errno.EACCES else "AGENT_HOST"
        what = f"{host}:{port} is taken by another program" if taken else _words(fault)
        raise _refusal(
            variable,
            what,
            "a free port; AGENT_PORT moves it",
            is_passing=fault.errno in _PASSING,
        ) from fault
    return door


def _refusal(
    variable: str, fault: str, accepted: str, *, is_passing: bool = False
) -> SettingsError:
    return SettingsError(Fault(variable, fault, accepted, is_passing))


def _words(fault: OSError) -> str:
    return (fault.strerror or type(fault).__name__).lower()
