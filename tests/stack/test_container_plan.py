from __future__ import annotations

import os
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from deploy.stack import container_plan as plans
from deploy.stack.engine import EngineFault
from deploy.stack.plan import Wishes
from deploy.stack.project import name_project, read_container

NETWORK = IPv4Network("172.29.190.0/24")
ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
br0\t00B71DAC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
Wish = Callable[..., Wishes]


def environ(wishes: Wishes) -> dict[str, str]:
    ports = {port.program: port.default for port in plans.list_ports(wishes)}
    return plans.render_environ(wishes, ports, NETWORK)


def test_the_local_telegram_is_a_profile_of_its_own(wish: Wish) -> None:
    assert plans.list_services(wish())[:3] == ["config", "sandbox", "bridge"]
    assert environ(wish())["COMPOSE_PROFILES"] == "sandbox"
    real = wish(is_sandbox=False, COMPOSE_PROFILES="grafana, sandbox")
    assert plans.list_profiles(real) == ["grafana"]
    assert "grafana" in plans.list_services(real)
    assert "sandbox" not in plans.list_services(real)


def test_a_port_that_a_person_sets_is_taken_as_it_is(wish: Wish) -> None:
    given = {"COMPOSE_PROFILES": "grafana", "GRAFANA_PORT": "3100", "BLACKBOX_PORT": "9200"}
    wishes = wish(**given)
    assert wishes.list_set_ports(plans.list_ports(wishes)) == {"GRAFANA_PORT": 3100}


def test_no_secret_is_told_to_the_compose_file(wish: Wish) -> None:
    token = "7000000001:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    told = environ(wish(is_sandbox=False, BOT_TOKEN=token, LOGOUTS="none", STATE_DIR="./here"))
    assert token not in str(told)
    assert told["LOGOUTS"] == "none"
    assert "STATE_DIR" not in told, "a container's own"


def test_somebody_elses_prometheus_leaves_ours_out(wish: Wish) -> None:
    wishes = wish(PROMETHEUS_URL="https://prometheus.example")
    assert "prometheus" not in plans.list_services(wishes)


@pytest.mark.parametrize(
    ("host", "published"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::", "[::]"),
        ("[::1]", "[::1]"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_an_address_stands_before_its_port_as_compose_reads_it(
    wish: Wish, host: str, published: str
) -> None:
    assert environ(wish(SERVER_HOST=host))["SERVER_HOST"] == published


def test_a_persons_templates_are_a_folder_and_no_volumes_name(wish: Wish, tmp_path: Path) -> None:
    own = tmp_path / "ours"
    own.mkdir()
    assert environ(wish(TEMPLATES_DIR=str(own)))["TEMPLATES_DIR"] == str(own)
    relative = os.path.relpath(own)
    assert environ(wish(TEMPLATES_DIR=relative))["TEMPLATES_DIR"].startswith(f"{tmp_path}/")
    assert "TEMPLATES_DIR" not in environ(wish())


def test_a_door_that_was_opened_is_published_there_and_named_so(wish: Wish) -> None:
    told = environ(wish(AGENTS_HOST="192.0.2.7", AGENTS_PORT="9443"))
    assert told["AGENTS_HOST"] == "192.0.2.7"
    assert told["AGENTS_ADDRESS"] == "192.0.2.7:8003"


def test_the_network_is_one_that_nobody_has(tmp_path: Path) -> None:
    routes = tmp_path / "route"
    routes.write_text(ROUTES)
    taken = plans.list_routes(routes)
    assert taken == [IPv4Network("172.29.183.0/24")]
    assert plans.choose_free_network(taken) == IPv4Network("172.29.184.0/24")
    assert plans.list_routes(tmp_path / "absent") == []
    with pytest.raises(EngineFault, match="docker network prune"):
        plans.choose_free_network([IPv4Network("172.16.0.0/12")])


def test_a_record_says_nothing_secret_and_is_read_again(wish: Wish, tmp_path: Path) -> None:
    record = plans.ContainerRecord(
        name="opswire",
        environ=environ(wish()),
        gateway=str(NETWORK[1]),
        is_sandbox=True,
        ports={"bridge": 8002},
        urls={},
        agents_file="agents.txt",
    )
    assert plans.find_record(tmp_path) is None
    plans.put_record(tmp_path, record)
    assert plans.find_record(tmp_path) == record
    assert record.addresses["node_exporter"] == "172.29.190.1:9100"


@pytest.mark.parametrize(
    ("folder", "given", "name"),
    [
        ("Opswire 2", {}, "opswire2"),
        ("__x", {}, "x"),
        ("o", {"COMPOSE_PROJECT_NAME": "b-1"}, "b-1"),
    ],
)
def test_a_project_is_called_as_compose_calls_it(
    folder: str, given: dict[str, str], name: str
) -> None:
    assert name_project(Path("/srv") / folder, given) == name


@pytest.mark.parametrize(
    ("status", "health", "state", "is_up"),
    [
        ("running", "healthy", "running", True),
        ("running", "", "running", True),
        ("running", "starting", "starts", False),
        ("running", "unhealthy", "runs, but does not answer", False),
        ("exited", "unhealthy", "stopped", False),
        ("restarting", "", "restarting", False),
    ],
)
def test_how_a_container_is_stands_in_words(
    status: str, health: str, state: str, *, is_up: bool
) -> None:
    facts = {
        "Id": "1",
        "Config": {"Labels": {"com.docker.compose.service": "bridge"}},
        "State": {"Status": status, "Health": {"Status": health} if health else None},
    }
    container = read_container(facts)
    assert (container.service, container.state, container.is_up) == ("bridge", state, is_up)
