from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.stack.watcher import generate, is_source, split_reloads, tell


def never(name: str) -> str:
    raise AssertionError(f"{name} was reloaded")


@pytest.mark.parametrize(
    ("words", "text", "programs"),
    [
        ("1 host: a; 0 added, 0 removed; nothing to restart", "1 host: a; 0 added, 0 removed", []),
        (
            "1 host: a; 0 added, 0 removed; Prometheus must reload",
            "1 host: a; 0 added, 0 removed",
            ["prometheus"],
        ),
        (
            "no hosts yet; 0 added, 1 removed; Prometheus and Alertmanager must reload",
            "no hosts yet; 0 added, 1 removed",
            ["prometheus", "alertmanager"],
        ),
        ("something else", "something else", []),
    ],
)
def test_the_generators_ending_says_who_must_reload(
    words: str, text: str, programs: list[str]
) -> None:
    assert split_reloads(words) == (text, programs)


def test_who_must_reload_is_reloaded_and_it_is_said() -> None:
    said = tell("x.yml", (True, "1 host: a; Prometheus must reload"), lambda name: f"{name} did")
    assert said == "1 host: a; prometheus did"


def test_a_new_host_reloads_nobody() -> None:
    words = "2 hosts: a, b; 1 added, 0 removed; nothing to restart"
    assert tell("agents.txt", (True, words), never) == "2 hosts: a, b; 1 added, 0 removed"


def test_a_fault_reloads_nobody_and_names_the_file() -> None:
    said = tell("agents.txt", (False, "line 1: bad\nline 2: worse"), never)
    assert said.splitlines() == [
        "agents.txt has a fault, the configuration before it stays:",
        "  line 1: bad",
        "  line 2: worse",
    ]


def test_what_the_configuration_is_made_from_is_watched_and_what_is_made_is_not(
    tmp_path: Path,
) -> None:
    inventory = tmp_path / "hosts [old], all.txt"
    assert is_source(inventory, inventory)
    for name in ("prometheus/prometheus.yml", "prometheus/rules/a.yml"):
        assert is_source(tmp_path / name, inventory)
    for name in ("prometheus/prometheus.local.yml", "prometheus/rules.local/a.yml", "README.md"):
        assert not is_source(tmp_path / name, inventory)


def test_words_in_any_encoding_are_taken() -> None:
    command = [
        sys.executable,
        "-S",
        "-c",
        "import os; os.write(1, b'h\\xffst'); raise SystemExit(3)",
    ]
    assert generate(command) == (False, "h\ufffdst")
