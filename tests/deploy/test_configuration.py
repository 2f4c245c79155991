"""What a change of the inventory makes of the files that Prometheus and Alertmanager read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.core.monitoring import AGENT_FILES
from deploy.installing import configuration
from tests.deploy.scratch import ROOT

RUNS_ON = sys.executable


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run it as its service does, in folders of the test's own."""
    for name in ("opswire/agents", "opswire-config"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "opswire/agents.txt").write_text("web-1 127.0.0.1:9100\n")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "executable", RUNS_ON)

    def start(**given: str) -> int:
        environ = {
            "STATE_DIRECTORY": str(tmp_path / "opswire-config"),
            "STATE_DIR": str(tmp_path / "opswire"),
            "AGENTS_FILE": str(tmp_path / "opswire/agents.txt"),
            **given,
        }
        for name, text in environ.items():
            monkeypatch.setenv(name, text)
        return configuration.main()

    return start


def targets(out: Path, job: str) -> list[str]:
    listed = json.loads((out / f"prometheus/targets/{job}.json").read_text())
    return [target for group in listed for target in group["targets"]]


def test_an_inventory_becomes_targets_and_a_bad_one_leaves_them(
    run: Callable[..., int], tmp_path: Path
) -> None:
    out = tmp_path / "opswire-config"
    assert run() == 0
    assert targets(out, "node") == ["127.0.0.1:9100"]
    (tmp_path / "opswire/agents.txt").write_text("web-1 nowhere\n")
    assert run() == 1
    assert targets(out, "node") == ["127.0.0.1:9100"]


def test_moved_ports_are_scraped_where_they_are(run: Callable[..., int], tmp_path: Path) -> None:
    out = tmp_path / "opswire-config"
    assert run(NODE_EXPORTER_PORT="9200", BLACKBOX_PORT="9215") == 0
    assert targets(out, "node") == ["127.0.0.1:9200"]
    assert "127.0.0.1:9215" in (out / "prometheus/prometheus.local.yml").read_text()


def test_the_bridges_keys_are_copied_to_where_prometheus_may_read_them(
    run: Callable[..., int], tmp_path: Path
) -> None:
    out, keys = tmp_path / "opswire-config", tmp_path / "opswire/agents"
    assert run() == 0
    assert list((out / "agents").iterdir()) == []
    for name in AGENT_FILES:
        (keys / name).write_text(f"the {name}\n")
    (keys / "authority.key").write_text("the bridge's own\n")
    assert run() == 0
    assert {path.name for path in (out / "agents").iterdir()} == set(AGENT_FILES)
    key = out / "agents/prometheus.key"
    assert key.stat().st_mode & 0o777 == 0o640
    text = (out / "prometheus/prometheus.local.yml").read_text()
    assert f"'{out}/agents/prometheus.key'" in text
    before = key.stat().st_mtime_ns
    assert run() == 0
    assert key.stat().st_mtime_ns == before
    (keys / "prometheus.key").write_text("renewed\n")
    assert run() == 0
    assert key.read_text() == "renewed\n"


def test_the_token_is_what_systemd_hands_over(run: Callable[..., int], tmp_path: Path) -> None:
    assert run() == 0
    for program in ("prometheus", "alertmanager"):
        link = tmp_path / "opswire-config" / program / "secrets/webhook_token"
        assert str(link.readlink()) == f"/run/credentials/opswire-{program}.service/webhook_token"


def test_what_changes_while_it_is_written_is_written_as_well(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = tmp_path / "opswire/agents.txt"
    generate, changes = (
        configuration.generate,
        iter(["web-1 127.0.0.1:9100\nweb-2 192.0.2.2:9100\n"]),
    )

    def change_meanwhile(*arguments: object) -> int:
        code = generate(*arguments)  # type: ignore[arg-type]  # passed on as they came
        for text in changes:
            inventory.write_text(text)
        return code

    monkeypatch.setattr(configuration, "generate", change_meanwhile)
    assert run() == 0
    assert targets(tmp_path / "opswire-config", "node") == ["127.0.0.1:9100", "192.0.2.2:9100"]
