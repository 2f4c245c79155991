"""Changes to the text of the inventory: one host's line, and not a byte of any other.

People write this file, with comments and an order of their own. Whatever is changed here is read
again as a whole before anybody uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bridge.core.inventory import Host, Inventory, InventoryError, parse_inventory
from bridge.errors import Missing, Mistake

# The line ends that the inventory knows; other separators of Unicode belong to their line.
_LINE: Final = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_WORD: Final = re.compile(r"[^ \t]+")
_COMMENT: Final = re.compile(r"(?:^|[ \t])#")
_MARK: Final = "\ufeff"
"""Some editors begin a file with it."""


def put_host(
    text: str,
    name: str,
    *,
    node_address: str,
    agent_address: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> str:
    """Add a host at the end.

    Raises:
        Mistake: the line would be wrong, the host is there, or the file has bad lines already.
    """
    before = _read(text)
    if before.find(name) is not None:
        raise Mistake("%(name)s is in the inventory already", name=name)
    wanted = Host(
        name=name,
        node_address=node_address,
        agent_address=agent_address,
        labels=labels or {},
        line=0,
    )
    words = [name, node_address, *([agent_address] if agent_address else [])]
    words += [f"{key}={value}" for key, value in (labels or {}).items()]
    ending = _find_ending(text)
    is_open = bool(text.removeprefix(_MARK)) and not text.endswith(("\r", "\n"))
    written = f"{text}{ending if is_open else ''}{' '.join(words)}{ending}"
    return _checked(before, written, name, wanted)


def place_agent(text: str, name: str, agent_address: str | None) -> str:
    """Write where a host's agent is into its line; None takes it out.

    Raises:
        Missing: no line has this host.
        Mistake: the line would be wrong, or the file has bad lines already.
    """
    before = _read(text)
    host = _find(before, name)
    lines = _split(text)
    line, ending = lines[host.line - 1]
    lines[host.line - 1] = (_place(line, host, agent_address), ending)
    wanted = replace(host, agent_address=agent_address, line=0)
    return _checked(before, _join(lines), host.name, wanted)


def put_agent(text: str, name: str, *, node_address: str, agent_address: str) -> str:
    """Write where a host's agent is: into its line, or into one of its own, with the exporter's.

    Raises:
        Mistake: the line would be wrong, or the file has bad lines already.
    """
    if _read(text).find(name) is None:
        return put_host(text, name, node_address=node_address, agent_address=agent_address)
    return place_agent(text, name, agent_address)


def remove_host(text: str, name: str) -> str:
    """Take a host's line out.

    Raises:
        Missing: no line has this host.
        Mistake: the file has bad lines.
    """
    before = _read(text)
    host = _find(before, name)
    lines = _split(text)
    line, _ = lines.pop(host.line - 1)
    mark = _MARK if host.line == 1 and line.startswith(_MARK) else ""
    return _checked(before, mark + _join(lines), host.name, None)


def _place(line: str, host: Host, agent_address: str | None) -> str:
    """Put the address behind the exporter's, whatever stands around the two."""
    words = list(_WORD.finditer(line, line.startswith(_MARK), _find_comment(line)))
    node = words[1]
    rest = line[words[2].end() :] if host.agent_address else line[node.end() :]
    if agent_address is None:
        return line[: node.end()] + rest
    if host.agent_address:
        return line[: words[2].start()] + agent_address + rest
    return f"{line[: node.end()]} {agent_address}{rest}"


def _find_comment(line: str) -> int:
    found = _COMMENT.search(line)
    return found.start() if found else len(line)


def _find(inventory: Inventory, name: str) -> Host:
    host = inventory.find(name)
    if host is None:
        raise Missing("the inventory has no host %(name)s", name=name)
    return host


def _read(text: str) -> Inventory:
    try:
        return parse_inventory(text)
    except InventoryError as fault:
        first = fault.bad_lines[0]
        raise Mistake(
            "the inventory has bad lines, so that nothing was changed: %(fault)s", fault=first
        ) from fault


def _checked(before: Inventory, written: str, name: str, wanted: Host | None) -> str:
    """Read the whole of what was written: one host as it was wanted, and all others as before."""
    try:
        after = parse_inventory(written)
    except InventoryError as fault:
        first = fault.bad_lines[0]
        raise Mistake(
            "%(name)s cannot stand in the inventory: %(fault)s",
            name=name,
            fault=f"{first.reason}; {first.right}",
        ) from fault
    found = after.find(name)
    is_wanted = (found and replace(found, line=0)) == wanted
    if not is_wanted or _others(before, name) != _others(after, name):
        raise Mistake("%(name)s cannot be written without touching another line", name=name)
    return written


def _others(inventory: Inventory, name: str) -> list[Host]:
    return [replace(host, line=0) for host in inventory.hosts if host.name.lower() != name.lower()]


def _split(text: str) -> list[tuple[str, str]]:
    """Split into lines, each with its own end; the numbers are those of the inventory."""
    return [(match[1], match[2]) for match in _LINE.finditer(text)]


def _join(lines: list[tuple[str, str]]) -> str:
    return "".join(line + ending for line, ending in lines)


def _find_ending(text: str) -> str:
    """Find how the file ends its lines: as the last one does."""
    endings = [ending for _, ending in _split(text) if ending]
    return endings[-1] if endings else "\n"
