"""What the compose file and the image's own file promise, without an engine."""

from __future__ import annotations

import fnmatch
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from bridge.settings import SETTINGS
from deploy.stack.cli import read_version
from deploy.stack.project import PROFILES, SERVICES
from deploy.stack.sources import fingerprint, list_sources

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
HOUSE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = HOUSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
# start.sh's own, and what stands fixed inside a container.
FIXED = {"SERVER_HOST", "SERVER_PORT", "AGENTS_HOST", "AGENTS_PORT", "STATE_DIR", "AGENTS_FILE"}
services = pytest.mark.parametrize("name", CONTAINERS)


def test_the_console_knows_every_container_and_every_profile() -> None:
    assert set(CONTAINERS) == set(SERVICES)
    assert {name for each in CONTAINERS.values() for name in each.get("profiles", [])} == set(
        PROFILES
    )


@services
def test_every_container_is_guarded(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices"} & set(container)
    assert container["logging"]["options"] == {"max-size": "5m", "max-file": "3"}
    assert container["mem_limit"]
    assert container["stop_grace_period"]
    assert (container["user"] == "0:0") == (name == "cadvisor"), "the one that is root"


@services
def test_every_image_has_a_tag_that_stays(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", CONTAINERS[name]["image"])


@services
def test_health_is_asked_of_what_says_that_it_lives_and_is_waited_for(name: str) -> None:
    test = " ".join(CONTAINERS[name]["healthcheck"]["test"])
    assert "readyz" not in test
    assert name != "bridge" or test.endswith("/healthz")
    span = CONTAINERS[name]["healthcheck"]["interval"]
    assert int(span.removesuffix("s")) >= 5, "every look costs 50 ms of a core"
    awaited = CONTAINERS[name].get("depends_on", {})
    assert awaited or name == "config"
    assert all(each == {"condition": "service_healthy"} for each in awaited.values())
    # Whoever is waited for is started too: what a run leaves out must not come back this way.
    assert set(awaited) <= {"config"}


@services
def test_nothing_is_published_beyond_the_loopback_unless_a_person_opens_it(name: str) -> None:
    ports = CONTAINERS[name].get("ports", [])
    opened = {"bridge": ("${SERVER_HOST:-127.0.0.1}:", "${AGENTS_HOST:-127.0.0.1}:")}
    assert all(port.startswith(opened.get(name, ("127.0.0.1:",))) for port in ports)
    assert not ports or name not in {"blackbox_exporter", "node_exporter", "config", "cadvisor"}


def test_folders_are_mounted_and_never_a_single_file() -> None:
    for name, container in CONTAINERS.items():
        for volume in container.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith("./") or not Path(source).suffix, (name, volume)
    assert "./prometheus/targets:/etc/opswire/targets:ro" in CONTAINERS["prometheus"]["volumes"]


def test_grafana_finds_its_dashboards_its_source_and_its_home_where_they_are_mounted() -> None:
    grafana = CONTAINERS["grafana"]
    mounted = dict(
        reversed(volume.removesuffix(":ro").split(":", 1)) for volume in grafana["volumes"]
    )
    [provider] = read_provisioned("dashboards")["providers"]
    environment = grafana["environment"]
    provisioning = environment["GF_PATHS_PROVISIONING"]
    assert mounted[provisioning] == "./grafana/provisioning"
    path = provider["options"]["path"].replace("${GF_PATHS_PROVISIONING}", provisioning)
    assert mounted[os.path.normpath(path)] == "./grafana/dashboards"
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == os.path.normpath(path)
    assert (ROOT / "grafana" / "dashboards" / home.name).is_file()


def test_grafana_asks_the_prometheus_beside_it_or_somebody_elses() -> None:
    grafana = CONTAINERS["grafana"]
    # With somebody else's Prometheus ours is not started; what waits for it would start it.
    assert "prometheus" not in grafana["depends_on"]
    [source] = read_provisioned("datasources")["datasources"]
    asked = set(re.findall(r"\$\{(\w+)\}", yaml.safe_dump(source)))
    assert asked == {"PROMETHEUS_URL", "SCRAPE_INTERVAL"}
    assert asked <= set(grafana["environment"])
    url = re.fullmatch(r"\$\{PROMETHEUS_URL:-(.+)\}", grafana["environment"]["PROMETHEUS_URL"])
    assert source["url"] == "${PROMETHEUS_URL}"
    assert url is not None
    asked_of = urlsplit(url[1])
    assert asked_of.hostname in CONTAINERS
    [listened] = [word for word in CONTAINERS["prometheus"]["command"] if "listen-address" in word]
    assert listened.endswith(f":{asked_of.port}")


def test_grafana_fetches_nothing_by_itself() -> None:
    environment = CONTAINERS["grafana"]["environment"]
    calls = [name for name in environment if name.startswith(("GF_ANALYTICS_", "GF_NEWS_"))]
    assert len(calls) == 4
    assert {environment[name] for name in calls} == {"false"}
    assert environment["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"


def read_provisioned(kind: str) -> dict[str, Any]:
    """Read what Grafana finds of a kind when it starts."""
    path = ROOT / "grafana" / "provisioning" / kind / "opswire.yml"
    found: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def test_prometheus_has_a_minute_to_write_down_what_it_holds() -> None:
    assert CONTAINERS["prometheus"]["stop_grace_period"] == "60s"


def test_the_exporter_measures_the_host_and_listens_at_the_gateway_alone() -> None:
    exporter = CONTAINERS["node_exporter"]
    assert exporter["network_mode"] == exporter["pid"] == "host"
    assert "--path.rootfs=/host" in exporter["command"]
    gateway = HOUSE["networks"]["default"]["ipam"]["config"][0]["gateway"]
    assert f"--web.listen-address={gateway}:${{NODE_EXPORTER_PORT:-9100}}" in exporter["command"]


def test_every_setting_of_the_bridge_reaches_its_container_and_no_secret_by_the_environment() -> (
    None
):
    environment = CONTAINERS["bridge"]["environment"]
    own = {s.name for s in SETTINGS if "bridge" in s.readers and not s.secret} - {
        "NOTIFY_URLS_FILE"  # a secret file's path: it lies among the secrets
    }
    assert own - set(environment) == set()
    for name in own - FIXED:
        assert str(environment[name]).startswith(f"${{{name}:-"), name
    secret = {setting.name for setting in SETTINGS if setting.secret}
    assert not any(secret & set(each.get("environment", {})) for each in CONTAINERS.values())


def test_the_image_has_the_projects_version_and_two_stages_and_asks_itself_for_health() -> None:
    version = read_version()
    assert CONTAINERS["bridge"]["image"] == f"opswire:{version}"
    assert f'org.opencontainers.image.version="{version}"' in DOCKERFILE
    assert len(re.findall(r"(?m)^FROM ", DOCKERFILE)) == 2
    assert re.search(r"(?m)^ARG PYTHON=python:\d+\.\d+\.\d+-slim-\w+$", DOCKERFILE)
    assert "--no-cache-dir" in DOCKERFILE
    assert "--only-binary :all:" in DOCKERFILE
    assert "rm -rf /var/lib/apt/lists/*" in DOCKERFILE
    assert re.search(r"(?m)^USER 1000:1000$", DOCKERFILE)
    assert "/healthz" in DOCKERFILE[DOCKERFILE.index("HEALTHCHECK") :]


def test_the_image_holds_what_its_fingerprint_is_made_of_and_no_secret() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    for path in list_sources(ROOT):
        name = str(path.relative_to(ROOT))
        wanted = any(fnmatch.fnmatch(name, each) or name.startswith(f"{each}/") for each in let_in)
        assert wanted or name == "Dockerfile", name
    assert not any(each.startswith((".env", "state", "secrets", "tests")) for each in let_in)


def test_a_changed_source_is_another_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "bridge").mkdir()
    source = tmp_path / "bridge" / "app.py"
    source.write_text("1")
    before = fingerprint(tmp_path)
    (tmp_path / "bridge" / "__pycache__").mkdir()
    (tmp_path / "bridge" / "__pycache__" / "app.pyc").write_text("1")
    assert fingerprint(tmp_path) == before
    source.write_text("2")
    assert fingerprint(tmp_path) != before
