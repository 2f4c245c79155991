"""The agent's settings, from the environment; the only place that reads it."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_NAME: Final = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?")
_PORT_MAX: Final = 65535
_SHOWN: Final = 60  # chosen: enough of a wrong value to recognise it


@dataclass(frozen=True)
class Fault:
    """What is wrong with one variable, and what would be right."""

    variable: str
    fault: str
    accepted: str
    is_passing: bool = False
    """Whether it may be right a little later as it stands: somebody else has what it names."""

    def __str__(self) -> str:
        return f"{self.variable}: {self.fault} (accepted: {self.accepted})"


class SettingsError(Exception):
    """Settings are wrong; every fault names its variable and the accepted form."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults

    @property
    def is_passing(self) -> bool:
        """Whether another start may find nothing wrong although nobody mends anything."""
        return all(fault.is_passing for fault in self.faults)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One variable of the environment."""

    name: str
    parse: Callable[[str], object]
    form: str
    """The accepted form, in words that follow "accepted:"."""
    default: str = ""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting, checked; a field is the variable's name in small letters."""

    agent_id: str | None
    agent_host: str
    agent_port: int
    server_url: str | None
    """Where the agents' door is now, `host:port`, if not where it was at the enrolment."""
    agent_state_dir: Path
    agent_ceiling_file: Path
    agent_actions_file: Path
    agent_job_user: str
    agent_root_socket: Path
    agent_auth_log: Path | None
    log_level: str
    notices: tuple[str, ...] = ()
    """What a person should hear although nothing is wrong enough to stop."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """Check every variable; raise SettingsError with all faults at once."""
        values: dict[str, Any] = {}
        faults = []
        for setting in SETTINGS:
            text = environ.get(setting.name, "").strip() or setting.default
            try:
                values[setting.name.lower()] = setting.parse(text) if text else None
            except ValueError as error:
                faults.append(Fault(setting.name, str(error), setting.form))
        if faults:
            raise SettingsError(*faults)
        return cls(**values, notices=_notices(values["server_url"], environ))


def parse_name(text: str) -> str:
    """Accept the name of a host in the inventory."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"{_shown(text)} is no name of a host")
    return text


def parse_port(text: str) -> int:
    """Accept a TCP port."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= _PORT_MAX:
        raise ValueError(f"{_shown(text)} is not a port")
    return int(text)


def parse_address(text: str) -> tuple[str, int]:
    """Accept `host:port`, with an IPv6 address in brackets.

    Raises:
        ValueError: it is none.
    """
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{_shown(text)} needs brackets around its address")
    return _parse_host(host), parse_port(port)


def render_address(host: str, port: int) -> str:
    """Write an address as `parse_address` reads it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parse_host(text: str) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not _ADDRESS.fullmatch(bare):
        raise ValueError(f"{_shown(text)} is neither an address nor a host name")
    return bare


def _parse_door(text: str) -> str | None:
    """Accept the agents' door; plain HTTP is the bridge's other address, where no letter goes."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{_shown(text)} is no address of a server") from None
    if parts.scheme == "http":
        return None
    if parts.scheme != "https" or host is None or port is None or parts.username is not None:
        raise ValueError(f"{_shown(text)} is no address of the agents' door")
    return render_address(_parse_host(host), port)


def _parse_path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("has a NUL, which no path has")
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"{_shown(text)} begins with nobody's home") from None


def _parse_user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise ValueError(f"{_shown(text)} is no name of a user")
    try:
        known = pwd.getpwnam(text)
    except KeyError:
        if os.geteuid() == 0:
            raise ValueError(f"there is no user {_shown(text)} here") from None
        return text  # nobody becomes them: only root could
    if known.pw_uid == 0:
        raise ValueError(f"{_shown(text)} is root, and no job ever runs as root")
    return text


def _parse_level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"{_shown(text)} is no level")
    return text.upper()


def _notices(door: str | None, environ: Mapping[str, str]) -> tuple[str, ...]:
    if door is None and environ.get("SERVER_URL", "").strip():
        unused = "SERVER_URL begins with http://, so it is not the agents' door; it is not used"
        return (unused,)
    return ()


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


SETTINGS: Final = (
    Setting(
        name="AGENT_ID",
        parse=parse_name,
        form="up to 50 letters, digits and _ . - that begin with a letter or digit",
    ),
    Setting(
        name="AGENT_HOST",
        parse=_parse_host,
        form="an address or a host name, such as 127.0.0.1 or 0.0.0.0",
        default="127.0.0.1",
    ),
    Setting(
        name="AGENT_PORT",
        parse=parse_port,
        form="a whole number from 1 to 65535",
        default="8001",
    ),
    Setting(name="SERVER_URL", parse=_parse_door, form="https://host:port of the agents' door"),
    Setting(
        name="AGENT_STATE_DIR",
        parse=_parse_path,
        form="a path",
        default="/var/lib/opswire-agent",
    ),
    Setting(
        name="AGENT_CEILING_FILE",
        parse=_parse_path,
        form="a path",
        default="/etc/opswire/ceiling",
    ),
    Setting(
        name="AGENT_ACTIONS_FILE",
        parse=_parse_path,
        form="a path",
        default="/etc/opswire/actions.yml",
    ),
    Setting(
        name="AGENT_JOB_USER",
        parse=_parse_user,
        form="the name of a user of this host, never root",
        default="nobody",
    ),
    Setting(
        name="AGENT_ROOT_SOCKET",
        parse=_parse_path,
        form="a path",
        default="/run/opswire-agent/root.sock",
    ),
    Setting(name="AGENT_AUTH_LOG", parse=_parse_path, form="a path"),
    Setting(
        name="LOG_LEVEL",
        parse=_parse_level,
        form=", ".join(LOG_LEVELS),
        default="INFO",
    ),
)
