"""What containers may do, as the kernel sees it."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path


def find_rights(pid: int, *, is_root: bool) -> list[object]:
    """Find what processes of a container may do beyond what they should."""
    wrong: list[object] = []
    for status in read_processes(pid):
        held = {kind: int(status[f"Cap{kind}"], 16) for kind in ("Eff", "Prm", "Bnd")}
        is_fine = set(held.values()) == {0} and status["NoNewPrivs"] == "1"
        if not is_fine or (status["Uid"].split()[0] == "0") != is_root:
            wrong.append((status["Name"], status["Uid"], held, status["NoNewPrivs"]))
    return wrong


def read_processes(pid: int) -> list[dict[str, str]]:
    """Read what the kernel says of a container's first process and of all in its cgroup."""
    [line] = [
        line
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        if "pids" in line or line.startswith("0::")
    ][:1]
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        # A process may end while it is looked at.
        with contextlib.suppress(OSError):
            if line in (path / "cgroup").read_text().splitlines():
                text = (path / "status").read_text()
                found.append(dict(re.findall(r"(?m)^(\w+):\s+(.*)$", text)))
    assert str(pid) in {status["Pid"] for status in found}
    return found


def list_listened(pid: int) -> Iterator[str]:
    """List the addresses that somebody listens on in the network of a process."""
    for kind, size in (("tcp", 4), ("tcp6", 16)):
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A":
                packed = bytes.fromhex(words[1].split(":")[0])
                # Four bytes at a time, as this machine keeps numbers.
                parts = [packed[at : at + 4][::-1] for at in range(0, size, 4)]
                yield str(ipaddress.ip_address(b"".join(parts)))
