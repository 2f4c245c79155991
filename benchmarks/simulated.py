"""Many agents in one process, that run nothing: `python -m benchmarks.simulated FILE`.

Each has a port, a key and a certificate of its own, speaks TLS with whoever shows the bridge's
certificate, checks an order's signature, and answers at once with the events of an `uptime`, the
last one signed. What is measured is the bridge, so they do no more than an agent has to.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import re
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path

from agent import folder as kept
from agent.folder import read_enrolled
from agent.keys import read_private_key, read_public_key
from agent.settings import parse_address
from agent.wire import (
    ORDER,
    SIGNATURE_HEADER,
    Ended,
    Event,
    Order,
    Output,
    Sign,
    Started,
    Told,
    Verb,
    Verify,
    Why,
    is_sealed,
    read_order,
    write_event,
)

OUTPUT = " 12:00:00 up 100 days,  1:00,  0 user,  load average: 0.10, 0.10, 0.10\n"
DIGEST = hashlib.sha256(OUTPUT.encode()).hexdigest()
HEAD = b"HTTP/1.1 %b\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
BACKLOG = 128
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_SIGNATURE = re.compile(rf"\r\n{SIGNATURE_HEADER}: *(\S+)".encode(), re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class SimulatedAgent:
    """A host that is not there."""

    sign: Sign
    verify: Verify

    def answer(self, head: bytes, body: bytes) -> list[bytes]:
        """Answer an order, in the pieces that an agent would send."""
        found = _SIGNATURE.search(head)
        signature = found.group(1).decode("ascii") if found else ""
        if not is_sealed(ORDER, body, signature, self.verify):
            return [HEAD % b"401 Unauthorized", b"0\r\n\r\n"]
        lines = [write_event(each, self.sign) for each in _invent(read_order(body))]
        pieces = [b"%x\r\n%b\r\n" % (len(each), each) for each in lines]
        return [HEAD % b"200 OK", *pieces, b"0\r\n\r\n"]


def _invent(order: Order) -> list[Event]:
    now = time.time()
    if order.verb is not Verb.RUN:
        return [Told(job=order.job, at=now, facts={})]
    return [
        Started(at=now, shown=str(order.arguments.get("command", ""))),
        Output(at=now, is_error=False, text=OUTPUT),
        Ended(
            job=order.job,
            at=now,
            why=Why.DONE,
            code=0,
            seconds=0.002,
            bytes=len(OUTPUT),
            digest=DIGEST,
        ),
    ]


@dataclass
class _Line(asyncio.Protocol):
    """One connection of the bridge."""

    agent: SimulatedAgent
    transport: asyncio.Transport | None = None
    held: bytearray = field(default_factory=bytearray)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        end = self.held.find(b"\r\n\r\n")
        if end < 0 or self.transport is None:
            return
        head = bytes(self.held[: end + 2])
        length = _LENGTH.search(head)
        whole = end + 4 + (int(length.group(1)) if length else 0)
        if len(self.held) >= whole:
            body = bytes(self.held[end + 4 : whole])
            del self.held[:whole]
            for piece in self.agent.answer(head, body):
                self.transport.write(piece)


async def open_agent(folder: Path) -> None:
    """Listen where a host's agent would."""
    enrolled = read_enrolled(folder)
    if enrolled is None:
        raise SystemExit(f"{folder} has no enrolment")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / kept.AUTHORITY)
    context.load_cert_chain(folder / kept.CERTIFICATE, folder / kept.KEY)
    agent = SimulatedAgent(
        sign=read_private_key((folder / kept.KEY).read_bytes()),
        verify=read_public_key((folder / kept.BRIDGE_KEY).read_bytes()),
    )
    host, port = parse_address(enrolled.address)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Line(agent), host, port, ssl=context, backlog=BACKLOG)


async def serve(folders: list[str], ready: Path) -> None:
    """Listen for all of them until the program is ended; say when it is so far."""
    for folder in folders:
        await open_agent(Path(folder))
    gc.collect()
    gc.freeze()
    await asyncio.to_thread(ready.touch)
    await asyncio.Event().wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, help="a JSON list of the folders of their agents")
    given = parser.parse_args()
    folders = json.loads(given.folders.read_text(encoding="utf-8"))
    asyncio.run(serve(folders, given.folders.with_suffix(".ready")))


if __name__ == "__main__":
    main()
