"""The monitoring stack: which files make Prometheus and Alertmanager watch this inventory.

Pure: the shipped files come in as text, the generated ones leave as text. `gen_config.py` reads,
checks and writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from bridge.core.inventory import Host, Inventory, is_loopback, parse_address
from bridge.core.spans import parse_span, render_span

TARGETS: Final = "prometheus/targets"
SHIPPED: Final = ("prometheus/prometheus.yml", "alertmanager/alertmanager.yml")
"""The shipped files that are copied with values replaced; the rules come besides."""
RULES: Final = "prometheus/rules"
SHIPPED_INTERVAL: Final = timedelta(seconds=15)
"""The scrape interval that the shipped rules are written for."""
LONGEST_INTERVAL: Final = timedelta(minutes=2)
"""Prometheus forgets a sample after five minutes: beyond this, one lost scrape makes a gap."""
DEFAULTS: Final = {
    "SCRAPE_INTERVAL": "15s",
    "REPEAT_INTERVAL": "1h",
    "SERVER_URL": "http://127.0.0.1:8002",
    "PROMETHEUS_URL": "http://127.0.0.1:9090",
    "ALERTMANAGER_URL": "http://127.0.0.1:9093",
    "BLACKBOX_URL": "http://127.0.0.1:9115",
    "STATE_DIR": "./state",
}
AGENT_FILES: Final = ("authority.pem", "prometheus.pem", "prometheus.key", "metrics_token")
"""What Prometheus needs to ask agents; the bridge makes them, in `agents` of its state folder."""
_SHIPPED_AGENT_FILES: Final = "../state/agents"
# When the interval grows, a window keeps this many scrapes at most, a `for` this many.
WINDOW_SCRAPES: Final = 8
WAIT_SCRAPES: Final = 2

_WINDOW: Final = re.compile(r"(?<=\[)[0-9]+[smhd](?=\])")
_WAIT: Final = re.compile(r"(?m)^(\s+(?:for|keep_firing_for): )(\S+)$")


class MonitoringError(ValueError):
    """The settings or the shipped files are wrong; `faults` has every sentence."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A program of the stack, as its URL names it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> str:
        """Host and port as Prometheus wants them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL again, without a slash at its end."""
        return f"{self.scheme}://{self.address}{self.path}"


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings:
    """What the environment says."""

    scrape_interval: timedelta
    repeat_interval: timedelta
    server: Endpoint
    prometheus: Endpoint
    alertmanagers: tuple[Endpoint, ...]
    blackbox: Endpoint
    state_dir: str
    """The bridge's state folder, as Prometheus finds it."""


def parse_settings(environ: Mapping[str, str]) -> MonitoringSettings:
    """Read the settings; raise `MonitoringError` with all faults at once."""
    text = {name: environ.get(name, "").strip() or default for name, default in DEFAULTS.items()}
    faults: list[str] = []

    def read_span(name: str, longest: timedelta | None = None) -> timedelta:
        try:
            span = parse_span(text[name])
        except ValueError as fault:
            faults.append(f"{name}: {fault}")
            return SHIPPED_INTERVAL
        if longest and span > longest:
            faults.append(f"{name}: {text[name]} is too long; at most {render_span(longest)}")
        return span

    def read_urls(name: str) -> tuple[Endpoint, ...]:
        found = []
        for url in filter(None, (part.strip() for part in text[name].split(","))):
            try:
                found.append(parse_url(url))
            except ValueError as fault:
                faults.append(f"{name}: {fault}; write {DEFAULTS[name]}")
        return tuple(found) or (parse_url(DEFAULTS[name]),)

    settings = MonitoringSettings(
        scrape_interval=read_span("SCRAPE_INTERVAL", LONGEST_INTERVAL),
        repeat_interval=read_span("REPEAT_INTERVAL"),
        server=read_urls("SERVER_URL")[0],
        prometheus=read_urls("PROMETHEUS_URL")[0],
        alertmanagers=read_urls("ALERTMANAGER_URL"),
        blackbox=read_urls("BLACKBOX_URL")[0],
        state_dir=text["STATE_DIR"],
    )
    if faults:
        raise MonitoringError(faults)
    return settings


def parse_url(text: str) -> Endpoint:
    """Read an http or https URL of a program; raise `ValueError` with a sentence, never the URL."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("no http or https URL")
    if "@" in parts.netloc:
        raise ValueError("names and passwords have no place in this URL")
    if parts.query or parts.fragment or not re.fullmatch(r"[A-Za-z0-9._~/-]*", parts.path):
        raise ValueError("more than scheme, host, port and path")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    bracketed = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    host, port = parse_address(f"{bracketed}:{port}")
    return Endpoint(scheme=parts.scheme, host=host, port=port, path=parts.path.rstrip("/"))


def render_files(
    shipped: Mapping[str, str],
    inventory: Inventory,
    settings: MonitoringSettings,
    moves: Sequence[tuple[str, str]] = (),
) -> dict[str, str]:
    """Write every generated file, by its path, from the shipped ones, by theirs.

    A move lets the target listed at its first address be scraped at its second.
    """
    files = render_targets(inventory, settings, moves)
    for path, text in shipped.items():
        if path.startswith(f"{RULES}/"):
            files[f"{RULES}.local/{path.removeprefix(f'{RULES}/')}"] = stretch_rules(
                text, settings.scrape_interval
            )
    replacements = _replacements(settings)
    for path in SHIPPED:
        local = f"{path.removesuffix('.yml')}.local.yml"
        files[local] = _render_from(path, shipped[path], replacements[path])
    return files


def _replacements(settings: MonitoringSettings) -> dict[str, dict[str, str]]:
    interval = render_span(settings.scrape_interval)
    prometheus, alertmanager = SHIPPED
    return {
        prometheus: {
            "rules/*.yml": "rules.local/*.yml",
            "scrape_interval: 15s": f"scrape_interval: {interval}",
            "evaluation_interval: 15s": f"evaluation_interval: {interval}",
            # Quoted: the brackets of an IPv6 address would be a list.
            "replacement: '127.0.0.1:9115'": f"replacement: '{settings.blackbox.address}'",
            **{
                f"{_SHIPPED_AGENT_FILES}/{name}": _quote(f"{settings.state_dir}/agents/{name}")
                for name in AGENT_FILES
            },
        },
        alertmanager: {
            "url: http://127.0.0.1:8002/alerts": f"url: {settings.server.url}/alerts",
            "repeat_interval: 1h": f"repeat_interval: {render_span(settings.repeat_interval)}",
        },
    }


def _quote(text: str) -> str:
    """Write a text as YAML has it, whatever stands in it."""
    return "'" + text.replace("'", "''") + "'"


def _render_from(path: str, text: str, replacements: Mapping[str, str]) -> str:
    """Copy a shipped file with the settings in the place of its defaults."""
    for default, wanted in replacements.items():
        pieces = re.split(rf"(?<!\w){re.escape(default)}(?!\w)", text)
        # A person may have changed the shipped file in that place, if no setting asks for another.
        if default != wanted and len(pieces) == 1:
            raise MonitoringError(
                [f"{path} has lost the text {default!r}, in whose place {wanted!r} belongs"]
            )
        text = wanted.join(pieces)
    return f"# Written by gen_config.py from {path}: change that one.\n{text}"


def stretch_rules(text: str, interval: timedelta) -> str:
    """Let windows and waits of rules hold as many scrapes as at the shipped interval."""

    def stretch(written: str, most: int) -> str:
        try:
            span = parse_span(written)
        except ValueError:
            return written
        scrapes = min(span / SHIPPED_INTERVAL, most)
        longer = max(span, interval * scrapes)
        return written if longer == span else render_span(longer)

    def stretch_wait(match: re.Match[str]) -> str:
        most = WINDOW_SCRAPES if "keep_firing_for" in match[1] else WAIT_SCRAPES
        return match[1] + stretch(match[2], most)

    text = _WINDOW.sub(lambda match: stretch(match[0], WINDOW_SCRAPES), text)
    return _WAIT.sub(stretch_wait, text)


def render_targets(
    inventory: Inventory, settings: MonitoringSettings, moves: Sequence[tuple[str, str]]
) -> dict[str, str]:
    """Write the lists of targets, one for each job."""
    hosts = inventory.hosts
    groups = {
        "node": [_group(_moved(h.node_address, moves), _labels(h)) for h in hosts],
        "agent": [
            _group(_moved(h.agent_address, moves), _labels(h)) for h in hosts if h.agent_address
        ],
        "icmp": [_group(parse_address(h.node_address)[0], _labels(h)) for h in hosts],
        "prometheus": [_own_group(inventory, settings.prometheus)],
        "alertmanager": [_own_group(inventory, each) for each in settings.alertmanagers],
        "bridge": [_own_group(inventory, settings.server)],
        # Not a job: where Prometheus sends its alerts.
        "alertmanagers": [
            _group(
                each.address,
                {
                    "__opswire_scheme": each.scheme,
                    "__opswire_path": f"{each.path}/api/v2/alerts",
                },
            )
            for each in settings.alertmanagers
        ],
    }
    return {
        f"{TARGETS}/{name}.json": json.dumps(listed, indent=2) + "\n"
        for name, listed in groups.items()
    }


def _group(target: str, labels: Mapping[str, str]) -> dict[str, object]:
    return {"targets": [target], "labels": dict(labels)}


def _labels(host: Host) -> dict[str, str]:
    return {"host": host.name, **host.labels}


def _own_group(inventory: Inventory, endpoint: Endpoint) -> dict[str, object]:
    """List a program of the stack under the host it runs on, if the inventory has it."""
    labels = {"host": "opswire", "__scheme__": endpoint.scheme}
    labels["__metrics_path__"] = f"{endpoint.path}/metrics"
    for host in inventory.hosts:
        bare = parse_address(host.node_address)[0]
        if bare == endpoint.host or (is_loopback(bare) and is_loopback(endpoint.host)):
            labels["host"] = host.name
            break
    return _group(endpoint.address, labels)


def _moved(address: str, moves: Sequence[tuple[str, str]]) -> str:
    host, port = parse_address(address)
    for listed, scraped in moves:
        listed_host, listed_port = parse_address(listed)
        same = host == listed_host or (is_loopback(host) and is_loopback(listed_host))
        if same and port == listed_port:
            return scraped
    return address


def find_hosts(targets: str | None) -> list[str]:
    """Name the hosts of a list of targets; whatever is no such list names none."""
    try:
        return [group["labels"]["host"] for group in json.loads(targets or "[]")]
    except (ValueError, TypeError, KeyError):
        return []
