"""The services on a real systemd: refused, installed, tried and changed, in this order."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.deploy.real_machine import INSTALL, NOBODY, PICTURE, RealMachine, find_obstacle
from tests.deploy.scratch import ROOT
from tests.deploy.test_units import EXPOSURE, MOST_EXPOSURE

OBSTACLE = find_obstacle()
POLKIT = "/usr/lib/polkit-1/polkitd"
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(OBSTACLE != "", reason=OBSTACLE or "none"),
]

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


@pytest.fixture
def machine(real_machine: RealMachine) -> RealMachine:
    return real_machine


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
    try:
        machine.run("systemctl daemon-reload; systemctl start probe")
    finally:
        machine.run("rm /run/systemd/system/probe.service; systemctl daemon-reload")
        machine.ask("systemctl", "reset-failed", "probe")


def test_what_is_in_the_way_is_said_and_nothing_is_changed(
    bare_machine: RealMachine, bare_picture: str
) -> None:
    install = f"{ROOT}/deploy/install.sh"
    assert "only root can install services" in bare_machine.refuse(f"{NOBODY} {install}")
    without = "mount -t tmpfs tmpfs /run/systemd;"
    said = bare_machine.refuse(f"unshare --mount sh -euc '{without} {install}'")
    assert "systemd does not run here" in said
    said = bare_machine.refuse(
        f"unshare --mount sh -euc 'mount -t tmpfs -o size=1m x /opt; {install}'"
    )
    assert "the disk of /opt/opswire is full: 1 MB are free, 1500 MB are needed" in said
    squat = "python3 -m http.server --bind 127.0.0.1 9090"
    bare_machine.run(f"systemd-run -q -p DynamicUser=yes -u squatter {squat}")
    bare_machine.wait_for("ss -tln | grep -c :9090 || true", "1")
    assert "port 9090 is taken by another program" in bare_machine.refuse(INSTALL)
    bare_machine.run("systemctl stop squatter")
    would = bare_machine.run(f"{INSTALL} --dry-run")
    assert "would make the users opswire, opswire-agent" in would
    assert "would start opswire-bridge.service" in would
    assert would.endswith("nothing was changed: this was a dry run\n")
    bare_machine.settle()
    assert set(bare_machine.run(PICTURE).splitlines()) ^ set(bare_picture.splitlines()) == set()


def test_a_disk_that_fills_stops_an_installation_which_goes_on_when_there_is_room(
    bare_machine: RealMachine,
) -> None:
    small = "/srv/small/opt/opswire"
    bare_machine.run(f"mount -t tmpfs -o size=1m tmpfs /srv/small; mkdir -p {small}")
    bare_machine.run(f"echo '{{}}' >{small}/installed.json")
    agent = f"{ROOT}/deploy/install.sh --root /srv/small --role agent --without node_exporter"
    said = bare_machine.refuse(agent)
    assert "the disk is full: make room and run this again, it goes on from here" in said
    bare_machine.run("mount -o remount,size=200m /srv/small")
    assert "was cut off in the middle; this one goes on" in bare_machine.run(agent)
    bare_machine.run("umount /srv/small")


def test_every_service_runs_as_its_own_user(machine: RealMachine) -> None:
    for unit, user in RUNNING.items():
        machine.wait_for(f"systemctl is-active {unit} || true", "active")
        # Until it has become its program, a unit's process is systemd's.
        machine.wait_for(
            f"stat -c %U /proc/$(systemctl show -P MainPID {unit}) || true",
            user,
        )


def test_a_port_that_another_has_for_a_while_does_not_end_the_bridge_for_good(
    machine: RealMachine,
) -> None:
    show = "systemctl show opswire-bridge -P"
    squat = "python3 -m http.server --bind 127.0.0.1 8002"
    machine.run("systemctl stop opswire-bridge")
    machine.run(f"systemd-run -q -p DynamicUser=yes -u squatter {squat}")
    machine.wait_for("ss -tln | grep -c :8002 || true", "1")
    machine.run("systemctl start opswire-bridge")
    machine.wait_for(f"test $({show} NRestarts) -ge 2 && {show} ExecMainStatus || true", "75")
    machine.run("systemctl stop squatter")
    machine.wait_for("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8002/healthz", "200")
    machine.wait_for("systemctl is-active opswire-bridge || true", "active")


def test_the_agents_catalogue_is_what_it_is_without_restrictions(machine: RealMachine) -> None:
    as_unit(machine, "opswire-agent", PROBE, "/run/tried/confined")
    machine.run(
        "systemd-run -qG --wait -p User=opswire-agent -p 'SupplementaryGroups=adm systemd-journal'"
        f" -p StandardOutput=truncate:/run/tried/free {PROBE}"
    )
    confined, free = (
        [json.loads(line) for line in machine.run(f"cat /run/tried/{name}").splitlines()]
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


def test_prometheus_reaches_all_of_it(machine: RealMachine) -> None:
    machine.wait_for(
        QUERY.format("count(up == 1)") + " | grep -o '\"6\"' || true",
        '"6"',
        seconds=300,
    )
    # The host is pinged, and its kernel asked for the clock, by programs without root's rights.
    machine.run("echo 'backup_seconds 7' >/var/lib/opswire-exporter/backup.prom")
    machine.wait_for(QUERY.format("backup_seconds") + " | grep -c '\"7\"' || true", "1")
    for query in (
        *("probe_success == 1", "node_timex_sync_status", "opswire_agent_ceiling"),
        "node_textfile_scrape_error == 0",
    ):
        machine.wait_for(QUERY.format(query) + """ | grep -c '"value"' || true""", "1")


def test_the_root_helper_does_its_three_deeds_and_for_the_agent_alone(
    machine: RealMachine,
) -> None:
    machine.run(
        "systemd-run -q -p DynamicUser=yes -u listener python3 -m http.server 7777 --bind 127.0.0.1"
    )
    machine.wait_for("ss -tln | grep -c :7777 || true", "1")
    machine.put("/run/tried/ask.py", ASK_ROOT)
    python = "/opt/opswire/current/.venv/bin/python"
    place = "-p WorkingDirectory=/opt/opswire/current --setenv=PYTHONPATH=/opt/opswire/current"
    ask = f"systemd-run -qG --wait --pipe {place} -p User={{}} {python} /run/tried/ask.py"
    assert "PermissionError" in machine.refuse(ask.format("opswire-prober"))
    told = json.loads(machine.run(ask.format("opswire-agent")))
    assert told == [True, True, len("somebody logged in\n")]


def test_the_bridge_draws_within_its_restrictions(machine: RealMachine) -> None:
    machine.put("/run/tried/draw.py", DRAW)
    as_unit(
        machine,
        "opswire-bridge",
        "/opt/opswire/current/.venv/bin/python -B /run/tried/draw.py",
        "/run/tried/drawn",
    )


def test_a_host_more_is_scraped_without_a_reload(machine: RealMachine) -> None:
    # From Prometheus itself: what it has scraped of itself is up to a quarter of a minute old.
    stamp = "curl -s http://127.0.0.1:9090/metrics | grep ^prometheus_config_last_reload_success_t"
    machine.settle()  # an earlier change's reload may be under way
    before = machine.run(stamp).strip()
    machine.run("echo 'web-2 127.0.0.2:9100' >>/var/lib/opswire/inventory/agents.txt")
    machine.wait_for(
        QUERY.format('up{host="web-2",job="node"}') + " | grep -c web-2 || true", "1", seconds=300
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
    killed = {
        unit: machine.run(f"systemctl show -P MainPID {unit}").strip()
        for unit in ("opswire-bridge", "opswire-agent", "opswire-prometheus")
    }
    machine.run(f"kill -KILL {' '.join(killed.values())}")
    for unit, pid in killed.items():
        now = f"now=$(systemctl show -P MainPID {unit})"
        machine.wait_for(f"{now}; [ $now -gt 1 ] && [ $now != {pid} ] && echo back || true", "back")


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
    assert "--force replaces it" in machine.refuse("opswire backup /srv/kept/one.zip")
    machine.run("opswire backup --force /srv/kept/one.zip; opswire people remove 1002")
    assert "another bridge is running" in machine.refuse("opswire restore /srv/kept/one.zip")
    machine.run("systemctl stop opswire-bridge; opswire restore /srv/kept/one.zip")
    machine.run("systemctl start opswire-bridge")
    people = machine.run("opswire people list")
    assert "1001" in people
    assert "1002" in people
    assert "sound" in machine.run("opswire audit verify")
    assert (
        machine.run("ls -A /srv/kept; find /var/lib -ignore_readdir_race -name '*carried*'")
        == "one.zip\n"
    )


def test_a_half_edited_file_of_settings_stops_an_installation_and_no_service(
    machine: RealMachine,
) -> None:
    pids = f"systemctl show -P MainPID {' '.join(RUNNING)}"
    before = machine.run(pids)
    machine.run(
        "cp -a /etc/opswire/bridge.env /run/tried/kept.env; printf ALERT_ >>/etc/opswire/bridge.env"
    )
    said = machine.refuse(INSTALL)
    assert "/etc/opswire/bridge.env: line " in said
    assert "has no end, as if its writing was cut off" in said
    assert said.endswith("nothing was changed\n")
    machine.run("mv /run/tried/kept.env /etc/opswire/bridge.env")
    assert machine.run(pids) == before


def test_who_is_not_root_is_told_by_every_script(machine: RealMachine) -> None:
    for script in ("upgrade.sh", "rollback.sh", "uninstall.sh --yes"):
        said = machine.refuse(f"{NOBODY} {ROOT}/deploy/{script}")
        assert re.search("only root (may change|can remove)", said), said
        assert "run this with sudo" in said
    assert "only root reads the settings" in machine.refuse(f"{NOBODY} opswire people list")


def test_systemd_finds_nothing_wrong_with_what_is_installed(machine: RealMachine) -> None:
    machine.run(
        "systemd-analyze verify --man=no"
        " $(find /etc/systemd/system -maxdepth 1 -name 'opswire*' -type f)"
    )
    for unit in RUNNING:
        most = EXPOSURE.get(unit, MOST_EXPOSURE)
        machine.run(f"systemd-analyze security --no-pager --threshold={most} {unit}")


@pytest.mark.skipif(not Path(POLKIT).exists(), reason="polkitd is not installed here")
def test_a_rule_of_the_manual_lets_the_agent_restart_one_unit_and_no_more(
    machine: RealMachine,
) -> None:
    [rule] = re.findall(
        r"```js\n(polkit.*?)```", (ROOT / "docs/services.md").read_text(), re.DOTALL
    )
    for unit in ("nginx", "sshd"):
        machine.put(f"/run/systemd/system/{unit}.service", "[Service]\nExecStart=/bin/sleep inf\n")
    machine.run("systemctl daemon-reload; systemctl start nginx sshd")
    pid = machine.run("systemctl show -P MainPID nginx")
    restart = "/bin/systemctl restart nginx"
    with pytest.raises(AssertionError):
        as_unit(machine, "opswire-agent", restart, "/run/tried/restarted")
    machine.put("/etc/polkit-1/rules.d/50-opswire.rules", rule)
    machine.run("systemctl restart polkit")
    as_unit(machine, "opswire-agent", restart, "/run/tried/restarted")
    assert machine.run("systemctl show -P MainPID nginx") != pid
    for other in ("/bin/systemctl stop nginx", "/bin/systemctl restart sshd"):
        with pytest.raises(AssertionError):
            as_unit(machine, "opswire-agent", other, "/run/tried/restarted")
    machine.run("systemctl stop nginx sshd; rm /etc/polkit-1/rules.d/50-opswire.rules")
    machine.run("rm /run/systemd/system/nginx.service /run/systemd/system/sshd.service")
    machine.run("systemctl daemon-reload")
