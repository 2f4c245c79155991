"""Decide what a run consists of: programs, ports, addresses, places."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.core.inventory import InventoryError, parse_inventory
from bridge.settings import Settings
from deploy.stack.folder import Member, strip_environ
from deploy.stack.ports import LOOPBACK, Port

# The people of the local Telegram's first world: the group "On call" and Ada.
SANDBOX_CHAT = "-2001"
SANDBOX_ADMIN = "1001"
NODE_ADDRESS = "127.0.0.1:9100"
# Off by default, and what a host's card shows: its processors' model, addresses and processes.
EXPORTER_MORE = (
    "--collector.cpu.info",
    "--collector.netdev.address-info",
    "--collector.processes",
)
SANDBOX_PORT = 8081
EVERYWHERE = {"0.0.0.0", "::"}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the settings ask for."""

    root: Path
    settings: Settings
    given: Mapping[str, str]
    """The texts of the environment and `.env`, to know what a person set and what is default."""
    is_sandbox: bool

    @property
    def has_prometheus(self) -> bool:
        """Whether the stack runs a Prometheus of its own."""
        return "PROMETHEUS_URL" not in self.given

    @property
    def has_alertmanager(self) -> bool:
        """Whether the stack runs an Alertmanager of its own."""
        return "ALERTMANAGER_URL" not in self.given

    @property
    def state_dir(self) -> Path:
        """The folder of everything that outlives a run."""
        return (self.root / self.settings.state_dir).absolute()

    @property
    def bridge_state_dir(self) -> Path:
        """The bridge's folder; the sandbox's people must never become a real bot's admins."""
        return self.state_dir / "sandbox" if self.is_sandbox else self.state_dir

    @property
    def bridge_places(self) -> dict[str, str]:
        """Where the bridge keeps and finds things, whether it runs or not; the sandbox's apart."""
        environ = {
            "STATE_DIR": str(self.bridge_state_dir),
            "AGENTS_FILE": str(self.agents_file),
        }
        if self.is_sandbox:
            environ |= {
                "BOT_TOKEN": "",
                "BOT_TOKEN_FILE": str(self.sandbox_dir / "bot_token"),
                # Whose a state is: a Telegram of this machine's, at whichever port it runs.
                "TELEGRAM_API_BASE": f"http://{reach(self.settings.sandbox_host)}:{SANDBOX_PORT}",
                "TELEGRAM_PROXY": "",
                "TELEGRAM_PROXY_FILE": "",
                # A database shared with a real bot would mix its people with the sandbox's.
                "DATABASE_URL": "",
                "DATABASE_URL_FILE": "",
                "ALERT_CHAT_ID": self.given.get("ALERT_CHAT_ID", SANDBOX_CHAT),
                "ALLOWED_USERS": self.given.get("ALLOWED_USERS", SANDBOX_ADMIN),
            }
        return environ

    @property
    def sandbox_dir(self) -> Path:
        """The folder of the local Telegram."""
        if "SANDBOX_STATE_DIR" in self.given:
            return (self.root / self.settings.sandbox_state_dir).absolute()
        return self.state_dir / "sandbox" / "telegram"

    @property
    def agents_file(self) -> Path:
        """The inventory."""
        return (self.root / self.settings.agents_file).absolute()

    @property
    def local_host(self) -> str:
        """The host of the inventory that is this machine; empty where none is."""
        try:
            hosts = parse_inventory(self.agents_file.read_text("utf-8", "surrogateescape")).hosts
        except (OSError, ValueError, InventoryError):
            return ""  # the generator names what is wrong with it
        return next((each.name for each in hosts if each.node_address == NODE_ADDRESS), "")

    def list_ports(self) -> list[Port]:
        """List the ports that this run needs."""
        settings = self.settings
        wanted = [
            (self.has_prometheus, "prometheus", "PROMETHEUS_PORT", 9090, LOOPBACK),
            (self.has_alertmanager, "alertmanager", "ALERTMANAGER_PORT", 9093, LOOPBACK),
            (True, "node_exporter", "NODE_EXPORTER_PORT", 9100, LOOPBACK),
            (True, "blackbox_exporter", "BLACKBOX_PORT", 9115, LOOPBACK),
            (True, "bridge", "SERVER_PORT", 8002, settings.server_host),
            (True, "agents_door", "AGENTS_PORT", 8003, settings.agents_host),
            (self.local_host != "", "agent", "AGENT_PORT", 8001, find_agent_host(self.given)),
            (self.is_sandbox, "sandbox", "SANDBOX_PORT", SANDBOX_PORT, settings.sandbox_host),
        ]
        return [
            Port(program=program, setting=setting, default=default, host=host)
            for wish, program, setting, default, host in wanted
            if wish
        ]

    def list_set_ports(self, ports: Iterable[Port] | None = None) -> dict[str, int]:
        """List those of a run's ports that a person set; a run in containers has others."""
        found = {}
        for port in self.list_ports() if ports is None else ports:
            number = getattr(self.settings, port.setting.lower(), None)
            if number is None:  # the agent reads its own settings
                number = int(self.given[port.setting])
            # 0 asks for any free port, which is what a default does.
            if port.setting in self.given and number:
                found[port.setting] = number
        return found

    def list_binaries(self) -> tuple[str, ...]:
        """List the foreign programs that this run needs."""
        names = ["node_exporter", "blackbox_exporter", "promtool", "amtool"]
        if self.has_prometheus:
            names.append("prometheus")
        if self.has_alertmanager:
            names.append("alertmanager")
        return tuple(names)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run, decided: everything but the secrets, which lie in files."""

    wishes: Wishes
    ports: Mapping[str, int]
    binaries: Mapping[str, Path]
    environ: Mapping[str, str]
    """The process's own environment."""

    @property
    def addresses(self) -> dict[str, str]:
        """Where each program listens."""
        hosts = {port.program: port.host for port in self.wishes.list_ports()}
        return {name: join(reach(hosts[name]), number) for name, number in self.ports.items()}

    @property
    def urls(self) -> dict[str, str]:
        """The addresses that programs are told, by the setting's name."""
        given, addresses = self.wishes.given, self.addresses

        def url(setting: str, program: str) -> str:
            return given.get(setting) or f"http://{addresses[program]}"

        return {
            "SERVER_URL": url("SERVER_URL", "bridge"),
            "PROMETHEUS_URL": url("PROMETHEUS_URL", "prometheus"),
            "ALERTMANAGER_URL": url("ALERTMANAGER_URL", "alertmanager"),
            "BLACKBOX_URL": f"http://{addresses['blackbox_exporter']}",
        }

    @property
    def token_places(self) -> list[Path]:
        """Where Prometheus and Alertmanager read the bridge's bearer token."""
        root = self.wishes.root
        return [
            root / part / "secrets" / "webhook_token" for part in ("prometheus", "alertmanager")
        ]

    def list_members(self) -> list[Member]:
        """List the programs in the order a reader expects."""
        wishes = self.wishes
        members = [self.sandbox()] if wishes.is_sandbox else []
        members.append(self.bridge())
        if wishes.has_prometheus:
            members.append(self.prometheus())
        if wishes.has_alertmanager:
            members.append(self.alertmanager())
        members += [self.node_exporter(), self.blackbox_exporter(), self.config()]
        return [*members, self.agent()] if wishes.local_host else members

    def sandbox(self) -> Member:
        """The local Telegram."""
        settings = self.wishes.settings
        return self.member(
            "sandbox",
            [sys.executable, "-m", "sandbox"],
            ready_path="/",
            SANDBOX_HOST=settings.sandbox_host,
            SANDBOX_PORT=str(self.ports["sandbox"]),
            SANDBOX_STATE_DIR=str(self.wishes.sandbox_dir),
        )

    def bridge(self) -> Member:
        """The bridge, with all that the person set and where its peers stand."""
        command = [sys.executable, "-m", "bridge"]
        environ = {**self.environ, **self.wishes.given, **self.bridge_environ}
        return self.member("bridge", command, ready_path="/healthz", **environ)

    @property
    def bridge_environ(self) -> dict[str, str]:
        """What the bridge is told beside what the person set: no secret."""
        wishes = self.wishes
        environ = {
            **self.urls,
            "SERVER_PORT": str(self.ports["bridge"]),
            "AGENTS_PORT": str(self.ports["agents_door"]),
            **wishes.bridge_places,
        }
        if wishes.is_sandbox:
            environ["TELEGRAM_API_BASE"] = f"http://{self.addresses['sandbox']}"
        return environ

    def prometheus(self) -> Member:
        """The stack's own Prometheus."""
        # Relative: what it names is searched by patterns, and the path of the folder is none.
        config, state = "prometheus/prometheus.local.yml", self.wishes.state_dir
        return self.member(
            "prometheus",
            [
                str(self.binaries["prometheus"]),
                f"--config.file={config}",
                f"--storage.tsdb.path={state / 'prometheus'}",
                f"--storage.tsdb.retention.time={self.wishes.given.get('RETENTION', '180d')}",
                f"--web.listen-address={self.addresses['prometheus']}",
            ],
            ready_path="/-/ready",
        )

    def alertmanager(self) -> Member:
        """The stack's own Alertmanager; alone, so its gossip port stays shut."""
        config, state = "alertmanager/alertmanager.local.yml", self.wishes.state_dir
        return self.member(
            "alertmanager",
            [
                str(self.binaries["alertmanager"]),
                f"--config.file={config}",
                f"--storage.path={state / 'alertmanager'}",
                f"--web.listen-address={self.addresses['alertmanager']}",
                "--cluster.listen-address=",
            ],
            ready_path="/-/ready",
        )

    def node_exporter(self) -> Member:
        """The exporter of this machine."""
        address = self.addresses["node_exporter"]
        binary = str(self.binaries["node_exporter"])
        command = [binary, f"--web.listen-address={address}", *EXPORTER_MORE]
        return self.member("node_exporter", command, ready_path="/")

    def blackbox_exporter(self) -> Member:
        """The prober."""
        return self.member(
            "blackbox_exporter",
            [
                str(self.binaries["blackbox_exporter"]),
                f"--config.file={self.wishes.root / 'prometheus' / 'blackbox.yml'}",
                f"--web.listen-address={self.addresses['blackbox_exporter']}",
            ],
            ready_path="/-/healthy",
        )

    def config(self) -> Member:
        """The watcher that turns the inventory into targets when it changes."""
        command = [sys.executable, "-m", "deploy.stack.watcher", str(self.wishes.agents_file)]
        return self.member("config", [*command, *self.generator], **self.generator_environ)

    def agent(self) -> Member:
        """The agent of this machine; its first start asks the bridge's console for a code."""
        wishes = self.wishes
        address = self.addresses["agent"]
        command = [sys.executable, "-m", "deploy.stack.local_agent", wishes.local_host, address]
        own = {name: text for name, text in wishes.given.items() if name.startswith("AGENT_")}
        environ = {
            **self.bridge().environ,
            "AGENT_STATE_DIR": str(wishes.bridge_state_dir / "agent"),
            **own,
            "AGENT_PORT": str(self.ports["agent"]),
        }
        return self.member("agent", command, **environ)

    @property
    def generator(self) -> list[str]:
        """The command that writes what Prometheus and Alertmanager read."""
        command = [sys.executable, "gen_config.py"]
        command += ["--promtool", str(self.binaries["promtool"])]
        command += ["--amtool", str(self.binaries["amtool"])]
        moved = self.addresses["node_exporter"]
        return command if moved == NODE_ADDRESS else [*command, "--move", f"{NODE_ADDRESS}={moved}"]

    @property
    def generator_environ(self) -> dict[str, str]:
        """The settings that the generator reads."""
        spans = {
            name: self.wishes.given[name]
            for name in ("SCRAPE_INTERVAL", "REPEAT_INTERVAL")
            if name in self.wishes.given
        }
        return {
            **self.urls,
            **spans,
            "AGENTS_FILE": str(self.wishes.agents_file),
            "STATE_DIR": str(self.wishes.bridge_state_dir),
        }

    def member(
        self, name: str, command: list[str], *, ready_path: str = "", **environ: str
    ) -> Member:
        """Put a program together; it gets no settings but its own."""
        return Member(
            name=name,
            command=command,
            environ={**strip_environ(self.environ), **environ},
            address=self.addresses.get(name, ""),
            ready_path=ready_path,
        )


def find_agent_host(given: Mapping[str, str]) -> str:
    """Say where an agent listens: the bridge has to look for it there."""
    return given.get("AGENT_HOST", "").strip("[]") or LOOPBACK


def reach(host: str) -> str:
    """Give the address to call for one that listens on `host`."""
    return LOOPBACK if host in EVERYWHERE else host


def join(host: str, port: int) -> str:
    """Write host and port as an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
