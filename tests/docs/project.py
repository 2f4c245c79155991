"""What the project has, as its code says it: what the manual has to tell of."""

from __future__ import annotations

import ast
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from agent import limits as agent_limits
from agent.metrics import Metrics as AgentMetrics
from bridge import limits as bridge_limits
from bridge.console.perform import CLOSED_DEEDS, DEEDS
from bridge.inbound.chat.command import Command
from bridge.metrics import Metrics as BridgeMetrics
from bridge.settings import SETTINGS, Setting
from bridge.settings.table import OLD_NAMES
from deploy.stack.cli import COMMANDS
from tests.docs.checks import Names
from tests.docs.pages import Page
from tests.fakes.declared import declare

ROOT = Path(__file__).parents[2]
AGENT_READS = ("agent",)


AWAITED_FILES: frozenset[str] = frozenset()
"""What the manual leads to before it is there; a test takes care that none of it stays here."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric as a program exports it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    says: str


@cache
def list_files() -> frozenset[str]:
    """List every file of the project, from its top; what is about to be kept counts too."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    names = done.stdout.decode().split("\0")
    return frozenset(name for name in names if name and (ROOT / name).exists())


@cache
def list_commands() -> tuple[Command, ...]:
    """List the commands of the chat that people are told of."""
    with tempfile.TemporaryDirectory() as folder:
        return tuple(each for each in declare(Path(folder)) if each.is_listed)


def list_settings(*, of_agent: bool) -> list[Setting]:
    """List the settings that only the agent reads, or the others."""
    return [each for each in SETTINGS if (each.readers == AGENT_READS) is of_agent]


def name_settings() -> set[str]:
    """Name everything that may be set."""
    names = {each.name for each in SETTINGS}
    return names | {f"{each.name}_FILE" for each in SETTINGS if each.secret} | set(OLD_NAMES)


def name_limits() -> set[str]:
    """Name every number that the code has a name for."""
    return {name for module in (bridge_limits, agent_limits) for name in vars(module)}


def name_deeds() -> set[str]:
    """Name what the console does."""
    return {*DEEDS, *CLOSED_DEEDS}


def name_words() -> set[str]:
    """Name the words of start.sh."""
    return set(COMMANDS)


@cache
def list_figures(*, of_agent: bool) -> tuple[Figure, ...]:
    """List the metrics of a program."""
    metrics: Any = (AgentMetrics if of_agent else BridgeMetrics)("0")
    if of_agent:
        metrics.watch_ceiling((), lambda: "")
    return tuple(_read_figures(metrics))


def _read_figures(metrics: Any) -> Iterator[Figure]:
    # Labels without a value yet stand nowhere in what is exported: the collectors know them.
    for collector in metrics._registry._collector_to_names:
        if hasattr(collector, "_type"):
            suffix = "_total" if collector._type == "counter" else ""
            yield Figure(
                name=f"{collector._name}{suffix}",
                kind=collector._type,
                labels=tuple(collector._labelnames),
                says=collector._documentation,
            )
        elif hasattr(collector, "describe"):  # one of ours that reads when it is asked
            for family in collector.describe():
                yield Figure(
                    name=family.name,
                    kind=family.type,
                    labels=tuple(family._labelnames),
                    says=family.documentation,
                )


@cache
def read_rules() -> tuple[dict[str, str], frozenset[str]]:
    """Read the shipped rules: each alert with its severity, and the recorded series."""
    rules = [
        rule
        for path in sorted((ROOT / "prometheus" / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]
    alerts = {rule["alert"]: rule["labels"]["severity"] for rule in rules if "alert" in rule}
    return alerts, frozenset(rule["record"] for rule in rules if "record" in rule)


@cache
def name_tests() -> frozenset[str]:
    """Name every test function of the project."""
    found = set()
    for name in list_files():
        if name.startswith("tests/") and name.endswith(".py"):
            text = (ROOT / name).read_text(encoding="utf-8")
            found |= set(re.findall(r"^(?: {4})?(?:async )?def (test_\w+)", text, re.MULTILINE))
    return frozenset(found)


def name_tables() -> set[str]:
    """Name the tables of the database."""
    return {
        str(node.args[0].value)
        for name in ("tables", "host_tables")
        for node in ast.walk(ast.parse((ROOT / f"bridge/store/{name}.py").read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Table"
        and isinstance(node.args[0], ast.Constant)
    }


def name_modules() -> set[str]:
    """Name the modules of the project as Python does."""
    files = [name.removesuffix(".py") for name in list_files() if name.endswith(".py")]
    return {name.removesuffix("/__init__").replace("/", ".") for name in files}


def name_made_files() -> set[str]:
    """Name what a run makes in a clone."""
    return {
        "prometheus/prometheus.local.yml",
        "alertmanager/alertmanager.local.yml",
        "prometheus/rules.local",
        "prometheus/targets",
        "prometheus/secrets",
        "alertmanager/secrets",
    }


# Names of the world around that the manual has to use.
FOREIGN = frozenset(
    {
        *("NO_COLOR", "PATH", "X_FILE", "opswire_sandbox_bot"),
        *("COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "GF_PATHS_PROVISIONING"),
        *("CAP_NET_RAW", "CAP_KILL", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHOWN"),
        # Of HTTP, of a page of Prometheus, of a folder.
        *("/alerts", "/metrics", "/healthz", "/readyz", "/telegram", "/targets", "/rules"),
        *("/agents", "/control", "/file", "/bot", "/config", "/root", "/proc", "/etc", "/var"),
        *("/srv", "/opt", "/usr", "/boot", "/tmp", "/home"),  # noqa: S108 - named, never used
        # Of @BotFather.
        *("/newbot", "/revoke", "/setprivacy", "/deletebot"),
    }
)


@cache
def name_everything() -> Names:
    """Put together what the pages may speak of."""
    alerts, recorded = read_rules()
    figures = [*list_figures(of_agent=False), *list_figures(of_agent=True)]
    commands = {name for each in list_commands() for name in (each.name, *each.aliases)}
    return Names(
        settings=name_settings(),
        limits=name_limits(),
        figures={each.name for each in figures},
        recorded=recorded,
        alerts={*alerts, "TestAlert"},
        commands=commands,
        words=name_words(),
        deeds=name_deeds(),
        modules=name_modules(),
        tests=name_tests(),
        files=list_files() | AWAITED_FILES,
        made=name_made_files(),
        foreign=FOREIGN,
    )


@cache
def read_pages() -> dict[str, Page]:
    """Read every page of the project."""
    names = sorted(name for name in list_files() if name.endswith(".md"))
    return {name: Page(PurePosixPath(name), (ROOT / name).read_text("utf-8")) for name in names}
