from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).resolve().parents[2]
TWO_HOSTS = "Server 127.0.0.1:9100\nweb-1 10.0.0.5:9100 10.0.0.5:8001 group=web\n"


class Generator(Protocol):
    """What conftest.py gives."""

    out: Path
    agents: Path

    def run(self, *arguments: str, **settings: str) -> object: ...
    def write(self, inventory: str, *arguments: str, **settings: str) -> str: ...
    def refuse(self, *arguments: str, **settings: str) -> str: ...
    def targets(self, name: str) -> list[dict[str, object]]: ...
    def tree(self) -> dict[Path, tuple[bytes, int]]: ...


def test_the_shipped_inventory_works_with_a_bare_python(generator: Generator) -> None:
    said = generator.write((ROOT / "agents.txt").read_text())
    assert "1 host: Server; 1 added, 0 removed; nothing to restart" in said


def test_every_host_is_a_target_under_its_name(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    assert generator.targets("node") == [
        {"targets": ["127.0.0.1:9100"], "labels": {"host": "Server"}},
        {"targets": ["10.0.0.5:9100"], "labels": {"host": "web-1", "group": "web"}},
    ]


def test_only_a_host_with_an_agent_is_a_target_of_job_agent(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    assert generator.targets("agent") == [
        {"targets": ["10.0.0.5:8001"], "labels": {"host": "web-1", "group": "web"}}
    ]


def test_agents_are_asked_with_what_the_bridge_has_made(
    generator: Generator, tmp_path: Path
) -> None:
    generator.write(TWO_HOSTS, STATE_DIR=str(tmp_path / "state"))
    prometheus = (generator.out / "prometheus" / "prometheus.local.yml").read_text()
    for name in ("authority.pem", "prometheus.pem", "prometheus.key", "metrics_token"):
        assert f"_file: '{tmp_path}/state/agents/{name}'\n" in prometheus
    assert "../state" not in prometheus
    assert "nothing to restart" in generator.write(
        "", "--allow-empty", STATE_DIR=f"{tmp_path}/state"
    )


def test_the_state_folder_is_found_from_where_the_generator_is(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    prometheus = (generator.out / "prometheus" / "prometheus.local.yml").read_text()
    assert f"ca_file: '{ROOT}/state/agents/authority.pem'\n" in prometheus


def test_a_ping_goes_to_the_address_without_its_port(generator: Generator) -> None:
    generator.write("v6 [2001:db8::1]:9100\n")
    assert generator.targets("icmp") == [{"targets": ["2001:db8::1"], "labels": {"host": "v6"}}]


@pytest.mark.parametrize(
    ("inventory", "url", "host"),
    [
        (TWO_HOSTS, "http://127.0.0.1:9090", "Server"),
        ("here localhost:9100\n", "http://127.0.0.1:9090", "here"),
        (TWO_HOSTS, "http://10.0.0.5:9090", "web-1"),
        (TWO_HOSTS, "https://prometheus.example", "opswire"),
        ("web-1 10.0.0.5:9100\n", "http://127.0.0.1:9090", "opswire"),
    ],
)
def test_the_stack_s_own_programs_belong_to_the_host_they_run_on(
    generator: Generator, inventory: str, url: str, host: str
) -> None:
    generator.write(inventory, PROMETHEUS_URL=url)
    (group,) = generator.targets("prometheus")
    assert isinstance(group["labels"], dict)
    assert group["labels"]["host"] == host


def test_alertmanagers_may_be_many_behind_paths_and_https(generator: Generator) -> None:
    urls = "http://127.0.0.1:9093, https://am.example/team/"
    generator.write(TWO_HOSTS, ALERTMANAGER_URL=urls)
    assert [group["targets"] for group in generator.targets("alertmanager")] == [
        ["127.0.0.1:9093"],
        ["am.example:443"],
    ]
    assert generator.targets("alertmanagers")[1]["labels"] == {
        "__opswire_scheme": "https",
        "__opswire_path": "/team/api/v2/alerts",
    }


def test_settings_reach_both_configurations(generator: Generator) -> None:
    generator.write(
        TWO_HOSTS,
        SCRAPE_INTERVAL="1m",
        REPEAT_INTERVAL="4h",
        SERVER_URL="http://127.0.0.1:8102/",
        BLACKBOX_URL="http://127.0.0.1:9215",
    )
    prometheus = (generator.out / "prometheus" / "prometheus.local.yml").read_text()
    assert "  scrape_interval: 1m\n  evaluation_interval: 1m\n" in prometheus
    assert "- rules.local/*.yml" in prometheus
    assert prometheus.count("replacement: '127.0.0.1:9215'") == 2
    assert "127.0.0.1:9115" not in prometheus
    alertmanager = (generator.out / "alertmanager" / "alertmanager.local.yml").read_text()
    assert "url: http://127.0.0.1:8102/alerts\n" in alertmanager
    assert "repeat_interval: 4h\n" in alertmanager
    rules = (generator.out / "prometheus" / "rules.local" / "hosts.yml").read_text()
    assert "[2m]" not in rules
    assert "[8m]" in rules


def test_at_the_default_interval_the_rules_are_the_shipped_ones(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    for shipped in (ROOT / "prometheus" / "rules").glob("*.yml"):
        written = generator.out / "prometheus" / "rules.local" / shipped.name
        assert written.read_text() == shipped.read_text()


def test_a_moved_exporter_is_scraped_where_it_is(generator: Generator) -> None:
    generator.write(TWO_HOSTS, "--move", "localhost:9100=127.0.0.1:9101")
    assert [group["targets"] for group in generator.targets("node")] == [
        ["127.0.0.1:9101"],
        ["10.0.0.5:9100"],
    ]


def test_a_second_run_touches_nothing(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    before = generator.tree()
    assert "0 added, 0 removed; nothing to restart" in generator.write(TWO_HOSTS)
    assert generator.tree() == before


def test_adding_and_removing_hosts_restarts_nothing(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    said = generator.write("web-1 10.0.0.5:9100 10.0.0.5:8001\nweb-2 10.0.0.6:9100\n")
    assert "2 hosts: web-1, web-2; 1 added, 1 removed; nothing to restart" in said


def test_a_changed_interval_asks_for_a_reload(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    assert "; Prometheus must reload" in generator.write(TWO_HOSTS, SCRAPE_INTERVAL="30s")
    said = generator.write(TWO_HOSTS, REPEAT_INTERVAL="2h", SCRAPE_INTERVAL="30s")
    assert "; Alertmanager must reload" in said


def test_one_bad_line_and_nothing_is_written_but_every_bad_line_is_named(
    generator: Generator,
) -> None:
    generator.write(TWO_HOSTS)
    generator.agents.write_bytes(b"new 10.0.0.9:9100\nServer\n\xff\xfe x\n30 10.0.0.2:9100\n")
    said = generator.refuse()
    assert "3 lines wrong, nothing was written" in said
    assert [line.split(":")[0].strip() for line in said.splitlines()[1:]] == [
        "line 2",
        "line 3",
        "line 4",
    ]


def test_utf_16_is_recognised(generator: Generator) -> None:
    generator.agents.write_bytes(TWO_HOSTS.encode("utf-16"))
    assert "save it as UTF-8" in generator.refuse()


def test_an_inventory_that_is_not_there_is_a_sentence(generator: Generator) -> None:
    assert "cannot be read: No such file" in generator.refuse()


def test_every_wrong_setting_is_named_at_once(generator: Generator) -> None:
    generator.agents.write_text(TWO_HOSTS)
    said = generator.refuse(
        SCRAPE_INTERVAL="5",
        REPEAT_INTERVAL="soon",
        SERVER_URL="http://bob:hunter2@127.0.0.1:8002",
        BLACKBOX_URL="ftp://x",
        ALERTMANAGER_URL="http://127.0.0.1:99999",
        PROMETHEUS_URL="http://127.0.0.1:9090/?a=b",
    )
    for name in ("SCRAPE", "REPEAT", "SERVER", "BLACKBOX", "ALERTMANAGER", "PROMETHEUS"):
        assert f"\n  {name}_" in said
    assert "hunter2" not in said


def test_an_interval_at_which_prometheus_forgets_is_refused(generator: Generator) -> None:
    generator.agents.write_text(TWO_HOSTS)
    assert "at most 2m" in generator.refuse(SCRAPE_INTERVAL="3m")


@pytest.mark.parametrize("inventory", ["", "# nobody\n"])
def test_a_list_does_not_run_empty_unasked(generator: Generator, inventory: str) -> None:
    generator.write(TWO_HOSTS)
    generator.agents.write_text(inventory)
    said = generator.refuse()
    assert "Server, web-1" in said
    assert "--allow-empty" in said
    generator.write(inventory, "--allow-empty")
    assert generator.targets("node") == []


def test_the_last_agent_does_not_vanish_unasked(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    generator.agents.write_text("Server 127.0.0.1:9100\nweb-1 10.0.0.5:9100\n")
    assert "list of job agent would run empty" in generator.refuse()


def test_a_first_inventory_may_be_empty(generator: Generator) -> None:
    assert "no hosts yet" in generator.write("")


def test_a_dry_run_says_what_would_change_and_changes_nothing(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    before = generator.tree()
    said = generator.write("web-2 10.0.0.6:9100 10.0.0.6:8001\n", "--check")
    assert generator.tree() == before
    assert "would write prometheus/targets/node.json\n" in said
    assert "alertmanager.local.yml" not in said
    assert "1 added, 2 removed" in said


def test_lists_of_checks_are_left_to_their_owners(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    assert generator.targets("tcp") == []
    checks = generator.out / "prometheus" / "targets" / "tcp.json"
    checks.write_text('[{"targets": ["10.0.0.5:22"]}]')
    generator.write("web-3 10.0.0.7:9100 10.0.0.7:8001\n")
    assert generator.targets("tcp") == [{"targets": ["10.0.0.5:22"]}]


def test_a_rule_file_that_is_no_longer_shipped_goes(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    old = generator.out / "prometheus" / "rules.local" / "old.yml"
    old.write_text("groups: []\n")
    assert "Prometheus must reload" in generator.write(TWO_HOSTS)
    assert not old.exists()


def test_secrets_are_never_touched(generator: Generator) -> None:
    secret = generator.out / "prometheus" / "secrets" / "webhook_token"
    secret.parent.mkdir(parents=True)
    secret.write_text("planted")
    generator.write(TWO_HOSTS)
    assert secret.read_text() == "planted"
    assert [path for path in generator.tree() if path.name == "webhook_token"] == [secret]


def test_absent_checkers_are_said_to_be_absent(generator: Generator) -> None:
    said = generator.write(TWO_HOSTS)
    assert "promtool is not here" in said
    assert "amtool is not here" in said


def test_a_checker_that_was_named_must_be_there(generator: Generator) -> None:
    generator.agents.write_text(TWO_HOSTS)
    assert "/nowhere/promtool is no program" in generator.refuse("--promtool", "/nowhere/promtool")


def test_what_a_checker_refuses_does_not_go_live(generator: Generator, tmp_path: Path) -> None:
    generator.write(TWO_HOSTS)
    checker = tmp_path / "amtool"
    checker.write_text("#!/bin/sh\necho 'line 7: no'\nexit 1\n")
    checker.chmod(0o755)
    generator.agents.write_text("web-9 10.0.0.9:9100 10.0.0.9:8001\n")
    said = generator.refuse("--amtool", str(checker))
    assert "refuses the result, nothing was written" in said
    assert "line 7: no" in said


def test_a_write_that_fails_leaves_everything_as_it_was(generator: Generator) -> None:
    """The rules' folder cannot be made: the targets, written before it, must not go live."""
    (generator.out / "prometheus").mkdir()
    (generator.out / "prometheus" / "rules.local").write_text("a file in the way")
    generator.agents.write_text(TWO_HOSTS)
    assert "rules.local" in generator.refuse()


def test_nothing_but_the_result_stays_behind(generator: Generator) -> None:
    generator.write(TWO_HOSTS)
    names = {path.name for path in generator.out.rglob("*")}
    assert not [name for name in names if name.startswith(".") or name.endswith(".tmp")]
    assert {path.stat().st_mode & 0o777 for path in generator.tree()} == {0o644}
