"""Hosts that a bridge knows, and the agents that run there, all of them on this machine.

They are enrolled before anything is measured, and not by the door: a hundred processes of
`python -m agent enrol` would be minutes of imports. Keys, certificates and rows are made by the
bridge's own code, and the agents find in their folders what an enrolment would have put there.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from agent import folder as kept
from agent.folder import Enrolled, write_enrolled
from agent.keys import write_private_key
from bridge import limits
from bridge.clients.authority import FOLDER, Authority, open_authority
from bridge.console.desk import open_desk, sealed
from bridge.core.agents import Newcomer
from bridge.core.host_codes import write_secret
from bridge.settings import Settings
from bridge.store.agents import Agents
from tests.live.conftest import Program, Programs, until

AT_A_TIME = 4  # agents that start together; each spends a second of a core on its imports
START_SECONDS = 180.0  # until a program of ours answers, on a busy machine
PORTS = range(20_000, 32_000)  # below those that the kernel gives to whoever connects
EXPORTERS = 10_000  # the first port of exporters that are not there
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class HostPlace:
    """A host: its name, where its agent listens, and what the agent keeps."""

    name: str
    port: int
    folder: Path

    @property
    def address(self) -> str:
        """Where the bridge finds its agent."""
        return f"{LOOPBACK}:{self.port}"

    def environ(self, actions: Path) -> dict[str, str]:
        """Give the settings of its agent; nothing of this machine's own agent is among them."""
        return {
            "AGENT_PORT": str(self.port),
            "AGENT_STATE_DIR": str(self.folder),
            "AGENT_CEILING_FILE": str(self.folder / "ceiling"),
            "AGENT_ACTIONS_FILE": str(actions),
            "AGENT_AUTH_LOG": str(self.folder / "auth.log"),
            "AGENT_ROOT_SOCKET": str(self.folder / "none.sock"),
        }


def place_hosts(folder: Path, number: int) -> tuple[HostPlace, ...]:
    """Name so many hosts, each with a free port."""
    # Two runs at once look in different places first.
    begin = os.getpid() * 997 % len(PORTS)
    ports = iter((*PORTS[begin:], *PORTS[:begin]))
    return tuple(
        HostPlace(name=f"web-{count}", port=_find_port(ports), folder=folder / f"web-{count}")
        for count in range(1, number + 1)
    )


def _find_port(ports: Iterator[int]) -> int:
    for port in ports:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


async def enrol_hosts(environ: Mapping[str, str], hosts: Sequence[HostPlace]) -> None:
    """Make all of them known to the bridge that will have these settings; it does not run yet."""
    settings = Settings.load(environ)

    async def name_bot() -> str | None:
        return None

    async with (
        open_desk(settings, account="benchmarks", name_bot=name_bot) as desk,
        sealed(desk) as now,
    ):
        authority = open_authority(
            settings.state_dir / FOLDER, door=settings.agents_address, now=now
        )
        agents, entry = Agents(desk.database), desk.write("enrol", now=now)
        for host in hosts:
            newcomer = _settle(host, authority, now)
            secret = write_secret(secrets.token_bytes(limits.CODE_BYTES))
            place = {"host": host.name, "address": host.address}
            await agents.put_code(secret, **place, by=None, entry=entry, now=now)
            await agents.use_code(secret, newcomer, entry=entry, now=now)
    lines = (
        f"{host.name} {LOOPBACK}:{at} {host.address} group=web\n"
        for at, host in enumerate(hosts, EXPORTERS)
    )
    settings.agents_file.write_text("".join(lines))


def _settle(host: HostPlace, authority: Authority, now: datetime) -> Newcomer:
    """Put into a host's folder what an enrolment puts there."""
    key = Ed25519PrivateKey.generate()
    certified = authority.sign_agent(
        _write_request(host, key), host=host.name, address=host.address, now=now
    )
    enrolled = Enrolled(host=host.name, address=host.address, door=authority.door)
    host.folder.mkdir(mode=0o700, parents=True)
    for name, content in {
        kept.KEY: write_private_key(key.private_bytes_raw()),
        kept.CERTIFICATE: certified.pem.encode(),
        kept.AUTHORITY: authority.certificate.encode(),
        kept.BRIDGE_KEY: base64.b64encode(authority.order_key) + b"\n",
        kept.METRICS_TOKEN: authority.metrics_token.encode() + b"\n",
        kept.ENROLLED: write_enrolled(enrolled),
        kept.NONCES: f"forgotten {now.timestamp()!r}\n".encode(),
        "auth.log": b"",
    }.items():
        path = host.folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
    return Newcomer(
        host=host.name, key=certified.key, serial=certified.serial, address=host.address
    )


def _write_request(host: HostPlace, key: Ed25519PrivateKey) -> str:
    address = x509.IPAddress(ipaddress.ip_address(LOOPBACK))
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host.name)]))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, None)
    )
    return request.public_bytes(Encoding.PEM).decode()


async def start_agents(
    programs: Programs, stack: AsyncExitStack, hosts: Sequence[HostPlace], actions: Path
) -> list[Program]:
    """Start the agents, a few at a time; all of them end together."""
    agents: list[Program] = []
    stack.push_async_callback(_end_all, agents)
    for first in range(0, len(hosts), AT_A_TIME):
        some = hosts[first : first + AT_A_TIME]
        agents += await asyncio.gather(*(_start(programs, each, actions) for each in some))
        tell(f"{len(agents)} of {len(hosts)} agents run")
    return agents


async def _start(programs: Programs, host: HostPlace, actions: Path) -> Program:
    agent = await programs.start(sys.executable, "-m", "agent", environ=host.environ(actions))

    async def listens() -> bool:
        if agent.process.returncode is not None:
            raise RuntimeError(f"the agent of {host.name} ended: {agent.log.read_text()[-2000:]}")
        return await reaches(host.port)

    await until(listens, seconds=START_SECONDS)
    return agent


async def reaches(port: int) -> bool:
    """Say whether something listens on a port of the loopback."""
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


async def _end_all(programs: Sequence[Program]) -> None:
    await asyncio.gather(*(each.end() for each in programs), return_exceptions=True)


def tell(words: str) -> None:
    """Say on the console how far it is; the figures alone go where they can be piped."""
    print(f"{time.strftime('%H:%M:%S')}  {words}", file=sys.stderr, flush=True)


def read_memory(process: int, name: str = "VmRSS") -> float:
    """Tell how much memory a process has, in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8", errors="replace")
    line = next(each for each in status.splitlines() if each.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def read_proportional(process: int) -> float:
    """Tell how much memory it has where shared pages are shared out, in MB."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    line = next(each for each in rollup.splitlines() if each.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def read_cpu(process: int) -> float:
    """Tell how many seconds of a processor a process has had, its ended children's with it."""
    text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def list_children(process: int) -> list[int]:
    """List the processes that a process has begun, its runners' too."""
    path = Path(f"/proc/{process}/task/{process}/children")
    children = [int(each) for each in path.read_text(encoding="ascii").split()]
    return children + [each for child in children for each in list_children(child)]
