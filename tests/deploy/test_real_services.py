"""The services on a real systemd: installed, tried, changed, removed, in this order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.installing import source
from deploy.installing.layout import USERS
from tests.deploy.real_machine import RealMachine, find_obstacle
from tests.deploy.scratch import ROOT
from tests.deploy.test_versions import LATER, MIGRATION, NEWEST

OBSTACLE = find_obstacle()
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(OBSTACLE != "", reason=OBSTACLE or "none"),
]

PARTS = (*source.FOLDERS, *source.EDITABLE, *source.FILES, "agents.txt")
INSTALL = f"{ROOT}/deploy/install.sh --bot-token-file /run/bot_token"
PROBE = f"/opt/opswire/current/.venv/bin/python -B {ROOT}/tests/deploy/probe_jobs.py {ROOT}"
QUERY = "curl -s http://127.0.0.1:9090/api/v1/query --data-urlencode 'query={}'"
RUNNING = {
    "opswire-bridge": "opswire",
    "opswire-agent": "opswire-agent",
    "opswire-agent-root": "root",
    "opswire-prometheus": "opswire-prometheus",
    "opswire-alertmanager": "opswire-alertmanager",
    "opswire-node-exporter": "opswire-exporter",
    "opswire-blackbox-exporter": "opswire-prober",
}
ASK_ROOT = """
import json, sys
from agent.root_door import RootDoor
from agent.ports import list_listening
door = RootDoor()
holders = {each.port: each.holders for each in list_listening(namer=door)}
outcome = door.end_listener(7777)
piece = door.read_auth_log(0, 0)
print(json.dumps([bool(holders[7777]), outcome.is_free, piece.size]))
"""
DRAW = """
import io, os, matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
import aiogram, cryptography.x509, sqlalchemy, uvloop
figure = Figure(); FigureCanvasAgg(figure); figure.add_subplot().plot([1, 2]); out = io.BytesIO()
figure.savefig(out, format="png"); assert out.getvalue()[:4] == b"\\x89PNG"
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealMachine]:
    """Boot a machine, install on it, and let its agent be known to its bridge."""
    booted = RealMachine(tmp_path_factory.mktemp("machine"))
    try:
        booted.boot()
        booted.prepare()
        booted.put("/var/log/syslog", "an error\n", "640")
        booted.put("/var/log/auth.log", "somebody logged in\n", "600")
        booted.run("chown root:adm /var/log/syslog")
        booted.run(INSTALL)
        booted.run("opswire enrol Server 127.0.0.1:8001 | tail -n 1 | opswire agent enrol")
        yield booted
    finally:
        booted.end()


def as_unit(machine: RealMachine, unit: str, command: str, out: str) -> None:
    """Run a command once with the restrictions of a unit."""
    text = machine.run(f"cat /etc/systemd/system/{unit}.service").replace("\\\n", " ")
    kept = [
        line
        for line in text.splitlines()
        if not line.startswith(("ExecStart=", "Condition", "Restart=", "Type=", "RuntimeDir"))
    ]
    at = kept.index("[Service]") + 1
    kept[at:at] = ["Type=oneshot", f"ExecStart={command}", f"StandardOutput=truncate:{out}"]
    machine.put("/run/systemd/system/probe.service", "\n".join(kept) + "\n")
    machine.run("systemctl daemon-reload; systemctl start probe")


def test_every_service_runs_as_its_own_user(machine: RealMachine) -> None:
    for unit, user in RUNNING.items():
        machine.wait_for(f"systemctl is-active {unit} || true", "active")
        pid = machine.run(f"systemctl show -P MainPID {unit}").strip()
        assert machine.run(f"stat -c %U /proc/{pid}").strip() == user


def test_prometheus_reaches_all_of_it(machine: RealMachine) -> None:
    machine.wait_for(
        QUERY.format("count(up == 1)") + " | grep -o '\"6\"' || true",
        '"6"',
        seconds=120,
    )
    # The host is pinged, and its kernel asked for the clock, by programs without root's rights.
    for query in ("probe_success == 1", "node_timex_sync_status", "opswire_agent_ceiling"):
        assert '"value"' in machine.run(QUERY.format(query)), query


def test_the_agents_catalogue_is_what_it_is_without_restrictions(machine: RealMachine) -> None:
    as_unit(machine, "opswire-agent", PROBE, "/run/confined")
    machine.run(
        "systemd-run -q --wait -p User=opswire-agent -p 'SupplementaryGroups=adm systemd-journal'"
        f" -p StandardOutput=truncate:/run/free {PROBE}"
    )
    confined, free = (
        [json.loads(line) for line in machine.run(f"cat /run/{name}").splitlines()]
        for name in ("confined", "free")
    )
    assert len(free) > 40
    for here, there in zip(confined, free, strict=True):
        named = here.get("action") or here.get("escape") or here.get("signal")
        assert (here["reason"], here["status"]) == (there["reason"], there["status"]), named
        if "escape" in here:
            assert here["reason"] == "time", named
            assert here["left"] <= 0, named
    signal = confined[-1]
    assert "Operation not permitted" in signal["err"]
    logs = [each for each in confined if each.get("action", "").endswith("/var/log/syslog")]
    assert [each["status"] for each in logs] == [0] * len(logs)
    assert logs
    mounts = next(each["out"] for each in confined if each.get("action", "").endswith("/mount"))
    root = next(line for line in mounts.splitlines() if " on / " in line)
    assert "(rw" in root


def test_the_root_helper_does_its_three_deeds_and_for_the_agent_alone(
    machine: RealMachine,
) -> None:
    machine.run(
        "systemd-run -q -p DynamicUser=yes -u listener python3 -m http.server 7777 --bind 127.0.0.1"
    )
    machine.wait_for("ss -tln | grep -c :7777 || true", "1")
    machine.put("/run/ask.py", ASK_ROOT)
    python = "/opt/opswire/current/.venv/bin/python"
    place = "-p WorkingDirectory=/opt/opswire/current --setenv=PYTHONPATH=/opt/opswire/current"
    ask = f"systemd-run -q --wait --pipe {place} -p User={{}} {python} /run/ask.py"
    refused = machine.ask("sh", "-c", ask.format("opswire-prober"))
    assert refused.returncode != 0
    assert "PermissionError" in refused.stderr
    told = json.loads(machine.run(ask.format("opswire-agent")))
    assert told == [True, True, len("somebody logged in\n")]


def test_the_bridge_draws_within_its_restrictions(machine: RealMachine) -> None:
    machine.put("/run/draw.py", DRAW)
    as_unit(
        machine,
        "opswire-bridge",
        "/opt/opswire/current/.venv/bin/python -B /run/draw.py",
        "/run/drawn",
    )


def test_a_host_more_is_scraped_without_a_reload(machine: RealMachine) -> None:
    loaded = QUERY.format("prometheus_config_last_reload_success_timestamp_seconds")
    stamp = loaded + """ | sed 's/.*,"\\([0-9.]*\\)".*/\\1/'"""
    before = machine.run(stamp).strip()
    machine.run("echo 'web-2 127.0.0.2:9100' >>/var/lib/opswire/inventory/agents.txt")
    machine.wait_for(
        QUERY.format('up{host="web-2",job="node"}') + " | grep -c web-2 || true", "1", seconds=120
    )
    assert machine.run(stamp).strip() == before


def test_an_edited_configuration_is_read_again(machine: RealMachine) -> None:
    asked = "curl -s http://127.0.0.1:9093/api/v2/status | grep -c 'group_wait: 11s' || true"
    assert machine.run(asked).strip() == "0"
    machine.run(
        "sed -i 's/group_wait: 10s/group_wait: 11s/' /etc/opswire/alertmanager/alertmanager.yml"
    )
    machine.wait_for(asked, "1")


def test_a_second_installation_changes_nothing_that_runs(machine: RealMachine) -> None:
    pids = f"systemctl show -P MainPID {' '.join(RUNNING)}"
    before = machine.run(pids)
    said = machine.run(INSTALL)
    assert "everything is in its place already" in said
    assert machine.run(pids) == before
    assert "group_wait: 11s" in machine.run("cat /etc/opswire/alertmanager/alertmanager.yml")


def test_what_is_killed_comes_back(machine: RealMachine) -> None:
    for unit in ("opswire-bridge", "opswire-agent", "opswire-prometheus"):
        before = machine.run(f"systemctl show -P MainPID {unit}").strip()
        machine.run(f"kill -KILL {before}")
        machine.wait_for(
            f"test $(systemctl show -P MainPID {unit}) -gt 1 &&"
            f" test $(systemctl show -P MainPID {unit}) != {before} && echo back || true",
            "back",
        )


def test_prometheus_ends_in_order(machine: RealMachine) -> None:
    machine.wait_for("curl -so /dev/null -w '%{http_code}' http://127.0.0.1:9090/-/ready", "200")
    machine.run("systemctl stop opswire-prometheus")
    machine.wait_for("journalctl -u opswire-prometheus -o cat | grep -c 'See you' || true", "1")
    ended = machine.run("systemctl show -P ExecMainCode -P ExecMainStatus opswire-prometheus")
    assert ended.split() == ["1", "0"]  # it has exited by itself, and content


def test_logs_are_in_the_journal_under_their_names_and_hold_no_secret(
    machine: RealMachine,
) -> None:
    said = machine.run("journalctl --no-pager -o short")
    for unit in RUNNING:
        assert f" {unit}[" in said, unit
    for name in ("bot_token", "webhook_token"):
        assert machine.run(f"cat /etc/opswire/secrets/{name}").strip() not in said
    environs = machine.run("cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    assert machine.run("cat /etc/opswire/secrets/bot_token").strip() not in environs


def test_a_backup_lies_where_it_was_asked_for_and_brings_everything_back(
    machine: RealMachine,
) -> None:
    machine.run("mkdir -m 700 /srv/kept; opswire people add 1001 admin")
    machine.run("opswire people add 1002 viewer; opswire backup /srv/kept/one.zip")
    assert machine.run("stat -c '%a %U' /srv/kept/one.zip").strip() == "600 root"
    again = machine.ask("opswire", "backup", "/srv/kept/one.zip")
    assert (again.returncode, "--force replaces it" in again.stderr) == (1, True)
    machine.run("opswire backup --force /srv/kept/one.zip; opswire people remove 1002")
    refused = machine.ask("opswire", "restore", "/srv/kept/one.zip")
    assert (refused.returncode, "another bridge is running" in refused.stderr) == (1, True)
    machine.run("systemctl stop opswire-bridge; opswire restore /srv/kept/one.zip")
    machine.run("systemctl start opswire-bridge")
    people = machine.run("opswire people list")
    assert "1001" in people
    assert "1002" in people
    assert "sound" in machine.run("opswire audit verify")
    assert machine.run("ls -A /srv/kept; find /var/lib -name '*carried*'") == "one.zip\n"


def test_services_go_to_another_version_and_back(machine: RealMachine) -> None:
    machine.run(f"mkdir /srv/later; cd {ROOT}; cp -a {' '.join(PARTS)} /srv/later/")
    machine.run("sed -i 's/__version__ = \"/__version__ = \"9./' /srv/later/bridge/__init__.py")
    machine.put(f"/srv/later/bridge/store/migrations/versions/{LATER}_later.py", MIGRATION)
    version = "readlink /opt/opswire/current | grep -o '/9[.]' || true"
    schema = "opswire database revision | grep -o 'the database has schema [0-9]*'"
    pid = machine.run("systemctl show -P MainPID opswire-bridge")
    machine.run("/srv/later/deploy/upgrade.sh")
    assert machine.run(version).strip() == "/9."
    assert machine.run("systemctl show -P MainPID opswire-bridge") != pid
    machine.wait_for(f"{schema} || true", f"the database has schema {LATER}")
    assert machine.run("ls /var/lib/opswire/backups | wc -l").strip() == "1"
    machine.run("/srv/later/deploy/rollback.sh")
    assert machine.run(version) == ""
    assert machine.run(schema).strip() == f"the database has schema {NEWEST}"
    machine.wait_for("systemctl is-active opswire-bridge || true", "active")
    assert "1001" in machine.run("opswire people list")
    assert "group_wait: 11s" in machine.run("cat /etc/opswire/alertmanager/alertmanager.yml")


def test_after_a_removal_nothing_is_left(machine: RealMachine) -> None:
    said = machine.run("/opt/opswire/current/deploy/uninstall.sh --yes")
    assert "stop and disable the services" in said
    places = "/etc /opt /run /usr/local /var/lib /tmp"
    found = machine.run(
        f"find {places} -path /run/lent -prune -o -path '/run/systemd' -prune"
        " -o -path '/tmp/*' -prune -o -name '*opswire*' -print"
    )
    assert found == ""
    units = machine.run("systemctl list-units --all --no-legend 'opswire*'")
    assert units == ""
    for user in USERS:
        assert machine.ask("getent", "passwd", user).returncode != 0
    assert machine.ask("getent", "group", "opswire-metrics").returncode != 0


def test_the_machine_that_ran_the_test_knows_nothing_of_it() -> None:
    for place in ("/opt/opswire/installed.json", "/etc/sysusers.d/opswire.conf"):
        assert not Path(place).exists()
