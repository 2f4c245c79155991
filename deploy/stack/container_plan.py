"""Decide what a run in containers consists of, and what the compose file is told of it."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bridge.settings import SETTINGS
from deploy.stack.engine import Engine, EngineFault, is_shared
from deploy.stack.folder import write_private
from deploy.stack.plan import Wishes, join, reach
from deploy.stack.ports import LOOPBACK, Port

FIRST_SUBNET = ipaddress.IPv4Network("172.29.183.0/24")
TRIES = 70  # up to 172.29.252.0
QUIET_LOOPBACK = "127.0.0.253"
ROUTES = Path("/proc/net/route")
GRAFANA_PORT = 3000
# What a container is told otherwise: where its peers stand, and what lies elsewhere in it.
OTHERWISE = frozenset({"SERVER_URL", "STATE_DIR", "AGENTS_FILE", "AGENTS_ADDRESS", "TIMEZONE"})


@dataclass(frozen=True, kw_only=True)
class ContainerRecord:
    """What the other commands need to know about a run in containers: no secret."""

    name: str
    environ: dict[str, str]
    gateway: str
    """Where containers reach this machine."""
    is_sandbox: bool
    ports: dict[str, int]
    urls: dict[str, str]
    """As this machine reaches them."""
    agents_file: str

    @property
    def addresses(self) -> dict[str, str]:
        """Where each program is reached from this machine; one that is not has none."""
        exporter = self.environ["NODE_EXPORTER_PORT"]
        shown = {name: f"{LOOPBACK}:{port}" for name, port in self.ports.items()}
        return {**shown, "node_exporter": f"{self.gateway}:{exporter}"}


def list_ports(wishes: Wishes) -> list[Port]:
    """List the ports that are published: what only containers ask stays among them.

    The exporter listens at an address that is not there yet; whoever listens everywhere has its
    port, and that shows at any address of the loopback that nobody else takes.
    """
    within = {"blackbox_exporter", "agent"}
    ports = [port for port in wishes.list_ports() if port.program not in within]
    if "grafana" in list_profiles(wishes):
        ports.append(Port(program="grafana", setting="GRAFANA_PORT", default=GRAFANA_PORT))
    hosts = {"sandbox": LOOPBACK, "node_exporter": QUIET_LOOPBACK}
    return [replace(port, host=hosts.get(port.program, port.host)) for port in ports]


def list_profiles(wishes: Wishes) -> list[str]:
    """List the optional parts that are wanted."""
    asked = wishes.given.get("COMPOSE_PROFILES", "").split(",")
    chosen = [name.strip() for name in asked if name.strip() and name.strip() != "sandbox"]
    return [*dict.fromkeys(chosen), *(["sandbox"] if wishes.is_sandbox else [])]


def list_services(wishes: Wishes) -> list[str]:
    """List the containers that this run needs."""
    wanted = [
        ("config", True),
        ("sandbox", wishes.is_sandbox),
        ("bridge", True),
        ("prometheus", wishes.has_prometheus),
        ("alertmanager", wishes.has_alertmanager),
        ("node_exporter", True),
        ("blackbox_exporter", True),
        *((name, True) for name in list_profiles(wishes) if name != "sandbox"),
    ]
    return [name for name, is_wanted in wanted if is_wanted]


def render_environ(
    wishes: Wishes, ports: Mapping[str, int], network: ipaddress.IPv4Network
) -> dict[str, str]:
    """Write what the compose file asks for; secrets go by files."""
    settings, given = wishes.settings, wishes.given
    templates = settings.templates_dir
    plain = {
        setting.name: given[setting.name]
        for setting in SETTINGS
        if setting.name in given and not setting.secret and setting.name not in OTHERWISE
    }
    chosen = {port.setting: str(ports[port.program]) for port in list_ports(wishes)}
    door = reach(settings.agents_host)
    server = reach(settings.server_host)
    return {
        **plain,
        **{name: publish(plain[name]) for name in ("SERVER_HOST", "AGENTS_HOST") if name in plain},
        **({"TEMPLATES_DIR": str(wishes.root / templates)} if templates else {}),
        **chosen,
        "COMPOSE_PROFILES": ",".join(list_profiles(wishes)),
        "SERVER_URL": given.get("SERVER_URL") or f"http://{join(server, ports['bridge'])}",
        "AGENTS_ADDRESS": given.get("AGENTS_ADDRESS") or join(door, ports["agents_door"]),
        "TIMEZONE": settings.timezone.key,
        "LANGUAGE": settings.language,
        "OPSWIRE_SUBNET": str(network),
        "OPSWIRE_GATEWAY": str(network[1]),
        "OPSWIRE_HOST_MOUNT": "ro,rslave" if is_shared() else "ro",
    }


def publish(host: str) -> str:
    """Write an address to listen on as Compose wants it before a port."""
    bare = LOOPBACK if host == "localhost" else host.strip("[]")
    return f"[{bare}]" if ":" in bare else bare


def render_urls(wishes: Wishes, ports: Mapping[str, int]) -> dict[str, str]:
    """Say where this machine reaches the programs."""
    given = wishes.given

    def url(setting: str, program: str) -> str:
        return given.get(setting) or f"http://{LOOPBACK}:{ports[program]}"

    return {
        "SERVER_URL": f"http://{join(reach(wishes.settings.server_host), ports['bridge'])}",
        "PROMETHEUS_URL": url("PROMETHEUS_URL", "prometheus"),
        "ALERTMANAGER_URL": url("ALERTMANAGER_URL", "alertmanager"),
    }


def choose_network(engine: Engine, name: str) -> ipaddress.IPv4Network:
    """Give the project's network, or one that nobody has yet."""
    taken = list_routes()
    for each in engine.inspect("network", engine.ask("network", "ls", "--quiet").split()):
        subnets = list_subnets(each)
        if each.get("Name") == f"{name}_default" and subnets:
            return subnets[0]
        taken += subnets
    return choose_free_network(taken)


def choose_free_network(taken: Iterable[ipaddress.IPv4Network]) -> ipaddress.IPv4Network:
    """Give the first network of ours that overlaps nobody's."""
    known = list(taken)
    first = int(FIRST_SUBNET.network_address)
    for step in range(TRIES):
        network = ipaddress.IPv4Network((first + step * FIRST_SUBNET.num_addresses, 24))
        if not any(network.overlaps(each) for each in known):
            return network
    raise EngineFault(
        f"no network from {FIRST_SUBNET} on is free; docker network prune removes unused ones"
    )


def list_subnets(network: Mapping[str, object]) -> list[ipaddress.IPv4Network]:
    """Read the IPv4 addresses of a network of the engine's."""
    ipam = network.get("IPAM")
    configured = ipam.get("Config") if isinstance(ipam, dict) else None
    texts = [each.get("Subnet", "") for each in configured or []]
    return [ipaddress.IPv4Network(text) for text in texts if text and ":" not in text]


def list_routes(path: Path = ROUTES) -> list[ipaddress.IPv4Network]:
    """Read which networks this machine has a way to; the way to everywhere is none of them."""
    try:
        lines = path.read_text("ascii").splitlines()[1:]
    except OSError:
        return []
    found = []
    for line in lines:
        words = line.split()
        # As the machine keeps them: the last byte first.
        place, mask = (int.from_bytes(bytes.fromhex(words[at]), "little") for at in (1, 7))
        if mask:
            found.append(ipaddress.IPv4Network((place & mask, mask.bit_count())))
    return found


def place_of(root: Path) -> Path:
    """Say where the record lies."""
    return root / ".runtime" / "containers.json"


def put_record(root: Path, record: ContainerRecord) -> None:
    """Remember the run for the other commands."""
    write_private(place_of(root), json.dumps(asdict(record), indent=1))


def find_record(root: Path) -> ContainerRecord | None:
    """Give the record of the run in containers; nothing where there is none."""
    try:
        return ContainerRecord(**json.loads(place_of(root).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
