"""The settings of a start: texts of the environment → one frozen value, or all faults at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from bridge.settings.accepted import expand, parse_given
from bridge.settings.environment import (
    Environment,
    Fault,
    SettingsError,
    read_environment,
    rename,
)
from bridge.settings.secret import (
    Secret,
    SecretLines,
    is_open_to_all,
    read_secret_file,
    split_address,
)
from bridge.settings.setting import Setting
from bridge.settings.table import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from bridge.core.alerts import Severity
    from bridge.core.audience import Destination
    from bridge.core.logins import Logouts

__all__ = [
    "SETTINGS",
    "Environment",
    "Fault",
    "Secret",
    "SecretLines",
    "Setting",
    "Settings",
    "SettingsError",
    "read_environment",
]

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # a link needs one address


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting, checked; a field is the variable's name in small letters."""

    bot_token: Secret | None
    telegram_api_base: str | None
    telegram_proxy: Secret | None
    bot_mode: str
    alert_chat_id: tuple[Destination, ...]
    fallback_chat_id: Destination | None
    allowed_users: frozenset[int]
    server_host: str
    server_port: int
    server_url: str
    webhook_token: Secret | None
    agents_host: str
    agents_port: int
    agents_address: str
    prometheus_url: str
    prometheus_user: str | None
    prometheus_password: Secret | None
    alertmanager_url: tuple[str, ...]
    alertmanager_user: str | None
    alertmanager_password: Secret | None
    grafana_url: str | None
    ring_new: frozenset[Severity]
    ring_worse: frozenset[Severity]
    ring_repeat: frozenset[Severity]
    ring_resolved: frozenset[Severity]
    logouts: Logouts
    notify_urls_file: SecretLines | None
    notify_after: timedelta
    watchdog_patience: timedelta
    heartbeat_url: Secret | None
    database_url: Secret
    state_dir: Path
    agents_file: Path
    default_host: str | None
    templates_dir: Path | None
    timezone: ZoneInfo
    language: str
    chart_fonts: tuple[str, ...]
    log_level: str
    log_format: str
    retention: timedelta
    scrape_interval: timedelta
    repeat_interval: timedelta
    agent_id: str | None
    agent_host: str
    agent_port: int
    agent_state_dir: Path
    agent_ceiling_file: Path
    agent_actions_file: Path
    agent_job_user: str
    agent_root_socket: Path
    agent_auth_log: Path | None
    prometheus_port: int
    alertmanager_port: int
    node_exporter_port: int
    blackbox_port: int
    grafana_port: int
    sandbox_host: str
    sandbox_port: int
    sandbox_state_dir: Path
    notices: tuple[str, ...] = ()
    """What a person should hear although nothing is wrong enough to stop."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Settings:
        """Check every variable; raise SettingsError with all faults at once."""
        texts = rename(environ)
        if isinstance(environ, Environment):
            texts.notices[:0] = environ.notices
            texts.faults[:0] = environ.faults
        values = {setting.field: _value(setting, texts) for setting in SETTINGS}
        texts.faults += _unpaired(values)
        if texts.faults:
            raise SettingsError(tuple(texts.faults))
        return cls(**_completed(values, texts), notices=tuple(dict.fromkeys(texts.notices)))

    def secrets(self) -> tuple[Secret, ...]:
        """Return every secret that was given, for the logs to hide."""
        given = [value for value in vars(self).values() if isinstance(value, Secret)]
        lines = self.notify_urls_file.lines if self.notify_urls_file else ()
        keys = [line for _, line in lines]
        keys += [self.heartbeat_url] if self.heartbeat_url else []
        return (*given, *keys, *(piece for key in keys for piece in split_address(key)))


def _value(setting: Setting, texts: Environment) -> Any:  # one type per setting: the class has them
    """Return a setting's value, or None and a fault in `texts`."""
    try:
        text = _text(setting, texts)
        if not text:
            return None
        parsed = parse_given(setting.kind.parse, text)
    except ValueError as error:
        texts.faults.append(Fault(setting.name, str(error), setting.kind.form))
        return None
    if isinstance(parsed, SecretLines):
        texts.notices += _exposure(setting.name, parsed.path)
    return Secret(str(parsed)) if setting.secret else parsed


def _text(setting: Setting, texts: Environment) -> str:
    given = texts.get(setting.name, setting.default)
    file = texts.get(f"{setting.name}_FILE", "") if setting.secret else ""
    if not file:
        return given
    path = expand(file)
    text = read_secret_file(path)
    texts.notices += _exposure(setting.name, path)
    if given and given != text:
        texts.notices.append(f"{setting.name} is not used, because {setting.name}_FILE is set")
    return text


def _exposure(name: str, path: Path) -> list[str]:
    if not is_open_to_all(path):
        return []
    return [f"everybody here can read {path}, the file of {name}: chmod 600 {path}"]


def _unpaired(values: Mapping[str, object]) -> list[Fault]:
    """Find a password without its user name, which no server would understand."""
    return [
        Fault(f"{party}_USER", f"is missing beside {party}_PASSWORD", "one line of text")
        for party in ("PROMETHEUS", "ALERTMANAGER")
        if values[f"{party.lower()}_password"] and not values[f"{party.lower()}_user"]
    ]


def _completed(values: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Fill in what follows from other settings or from the machine."""
    computed = {
        "alert_chat_id": (),
        "allowed_users": frozenset(),
        "chart_fonts": (),
        "server_url": f"http://{_link(values, 'server')}",
        "agents_address": _link(values, "agents"),
        "database_url": Secret(f"sqlite:///{values['state_dir'] / 'opswire.db'}"),
        "timezone": find_machine_zone(environ),
    }
    return {name: computed.get(name) if value is None else value for name, value in values.items()}


def _link(values: Mapping[str, Any], party: str) -> str:
    """Say where what listens on this machine is reached."""
    host, port = values[f"{party}_host"], values[f"{party}_port"]
    return f"{_EVERYWHERE.get(host, f'[{host}]' if ':' in host else host)}:{port}"


def find_machine_zone(environ: Mapping[str, str], etc: Path = Path("/etc")) -> ZoneInfo:
    """Return the zone this machine keeps, by `TZ`, the link or the name in `/etc`, else UTC."""
    for name in (environ.get("TZ", "").removeprefix(":"), *_machine_names(etc)):
        try:
            return ZoneInfo(name.rpartition("zoneinfo/")[2])
        except (ValueError, OSError, LookupError):
            continue  # not a name of the database, such as the POSIX form CET-1CEST
    return ZoneInfo("UTC")


def _machine_names(etc: Path) -> Iterator[str]:
    with suppress(OSError, RuntimeError):  # RuntimeError: links in a circle
        yield str((etc / "localtime").resolve(strict=True))
    with suppress(OSError, ValueError):
        yield (etc / "timezone").read_text("utf-8").strip()
