"""The inventory: `agents.txt`, one host a line, read whole or refused with every fault named."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Final

JOBS: Final = (
    "node",
    "agent",
    "icmp",
    "tcp",
    "http",
    "prometheus",
    "alertmanager",
    "bridge",
    "cadvisor",
)
"""The constant job names of the Prometheus configuration; no host may bear one."""

RESERVED_NAMES: Final = frozenset({*JOBS, "all"})
"""`all` means every host in commands."""

RESERVED_KEYS: Final = frozenset(
    {
        # set by Prometheus, by the generator or by the alert rules
        *(
            "host",
            "job",
            "instance",
            "feed",
            "scope",
            "severity",
            "alertname",
            "resource",
            "prober",
        ),
        # labels of series that the rules read: a target's label would push theirs aside
        *("mode", "cpu", "device", "fstype", "mountpoint", "volume", "nic", "le", "quantile"),
    }
)
MOST_LABELS: Final = 16
LONGEST_VALUE: Final = 200
"""Both far below the limits of the scrape jobs, so that no inventory line fails a scrape."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
# Underscores are no DNS, but containers are called so.
_DNS_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_ODD: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_NOT_UTF8: Final = re.compile(r"[\ud800-\udfff]")
_LONGEST_DNS_NAME: Final = 253
_LAST_PORT: Final = 65535
_ADDRESS_FORM: Final = "192.0.2.10:9100, web-1.example:9100 or [2001:db8::1]:9100"


@dataclass(frozen=True, kw_only=True)
class Host:
    """One monitored machine."""

    name: str
    node_address: str
    agent_address: str | None = None
    """Written by enrolment; without it the host has no agent yet."""
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    line: int


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All hosts, in the order of the file."""

    hosts: tuple[Host, ...]

    @cached_property
    def _by_name(self) -> Mapping[str, Host]:
        """Name the hosts: a command for all of them finds each by itself."""
        return {host.name.lower(): host for host in reversed(self.hosts)}

    def find(self, name: str) -> Host | None:
        """Find a host by its name, whatever the case."""
        return self._by_name.get(name.lower())


def find_named(hosts: Iterable[Host], name: str) -> Host | None:
    """Find a host among some by its name, whatever the case: names differ by more than that."""
    wanted = name.lower()
    return next((host for host in hosts if host.name.lower() == wanted), None)


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """One refused line: which, why, and what would be right."""

    line: int
    reason: str
    right: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}; {self.right}"


class InventoryError(ValueError):
    """The inventory has bad lines."""

    def __init__(self, bad_lines: tuple[BadLine, ...]) -> None:
        super().__init__("\n".join(str(bad) for bad in bad_lines))
        self.bad_lines = bad_lines


class _Refused(Exception):
    """One fault of one line, before it has its number."""

    def __init__(self, reason: str, right: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.right = right


def parse_inventory(text: str) -> Inventory:
    """Read the text of `agents.txt`; raise `InventoryError` with every bad line.

    Bytes that are no UTF-8 may be given as surrogate escapes: their lines are then reported.
    """
    hosts: list[Host] = []
    bad_lines: list[BadLine] = []
    seen: dict[str, str] = {}
    for number, line in enumerate(_lines(text), start=1):
        try:
            words = _words(line)
            if not words:
                continue
            host = _parse_host(words, number)
            _refuse_twins(host, seen)
        except _Refused as fault:
            bad_lines.append(BadLine(line=number, reason=fault.reason, right=fault.right))
        else:
            hosts.append(host)
    if bad_lines:
        raise InventoryError(tuple(bad_lines))
    return Inventory(hosts=tuple(hosts))


def parse_address(text: str) -> tuple[str, int]:
    """Split `host:port` into the bare host and the port; raise `ValueError` with a sentence."""
    try:
        return _parse_address(text, "address")
    except _Refused as fault:
        raise ValueError(f"{fault.reason}; {fault.right}") from None


def parse_name(text: str) -> str:
    """Accept the name of a host; raise `ValueError` with a sentence."""
    try:
        return _parse_name(text)
    except _Refused as fault:
        raise ValueError(f"{fault.reason}; {fault.right}") from None


def is_loopback(host: str) -> bool:
    """Answer whether a bare host, as `parse_address` gives it, is this machine's loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _lines(text: str) -> list[str]:
    """Split at line ends only: other separators of Unicode belong to the line and its fault."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _words(line: str) -> list[str]:
    """Split a line at blanks and tabs, without its comment."""
    # A comment's bytes are nobody's business, unless they show that the file is not text at all.
    if "\x00" in line:
        raise _Refused("a NUL byte", "save the file as plain UTF-8 text")
    words = re.split(r"[ \t]+", re.sub(r"(^|[ \t])#.*", "", line).strip(" \t"))
    written = " ".join(words)
    if _NOT_UTF8.search(written):
        raise _Refused("not UTF-8", "save the file as plain UTF-8 text")
    if odd := _ODD.search(written):
        raise _Refused(f"the control character {odd[0]!r}", "delete it or type the line again")
    return words if written else []


def _parse_host(words: list[str], number: int) -> Host:
    name = _parse_name(words[0])
    rest = words[1:]
    if not rest or "=" in rest[0]:
        raise _Refused(f"{name} has no address", f"write its address: {name} 192.0.2.10:9100")
    _parse_address(rest[0], "node address")
    agent_address = None
    if len(rest) > 1 and "=" not in rest[1]:
        agent_address = rest[1]
        _parse_address(agent_address, "agent address")
    return Host(
        name=name,
        node_address=rest[0],
        agent_address=agent_address,
        labels=MappingProxyType(_parse_labels(rest[2 if agent_address else 1 :])),
        line=number,
    )


def _parse_name(word: str) -> str:
    if not _NAME.fullmatch(word):
        raise _Refused(
            f"{_shown(word)} is no host name",
            "use 1 to 50 letters, digits, '_', '.' or '-', a letter or digit first: web-1",
        )
    if word.isdigit():
        raise _Refused(
            f"the name {word} is all digits, which commands read as minutes",
            "put a letter into it: host-7",
        )
    if word.lower() in RESERVED_NAMES:
        raise _Refused(f"the name {word} is reserved", f"choose another: {word}-1")
    return word


def _parse_address(word: str, what: str) -> tuple[str, int]:
    right = f"write {_ADDRESS_FORM}"
    if "/" in word or "@" in word:
        raise _Refused(f"the {what} {_shown(word)} is more than host and port", right)
    host, colon, port = word.rpartition(":")
    if not colon or word.endswith("]"):
        raise _Refused(f"the {what} {_shown(word)} has no port", f"{right}: 9100 is usual")
    if not _PORT.fullmatch(port) or int(port) > _LAST_PORT:
        raise _Refused(f"the port {_shown(port)} is no number from 1 to {_LAST_PORT}", right)
    if host.startswith("[") and host.endswith("]"):
        bare = host[1:-1]
        if not _is_ip(bare, ipaddress.IPv6Address):
            raise _Refused(f"{_shown(bare)} is no IPv6 address", right)
        return bare, int(port)
    if ":" in host:
        raise _Refused(f"the {what} {_shown(word)} has too many colons", f"brackets? {right}")
    if not _is_ip(host, ipaddress.IPv4Address) and not _is_dns_name(host):
        raise _Refused(f"{_shown(host)} is neither an IP address nor a DNS name", right)
    return host, int(port)


def _is_ip(text: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> bool:
    # A zone (fe80::1%eth0) has no place in a URL that Prometheus could build.
    try:
        return "%" not in text and bool(kind(text))
    except ValueError:
        return False


def _is_dns_name(text: str) -> bool:
    labels = text.split(".")
    # The last label decides: 300.1.1.1 is a mistyped number, not a name.
    return (
        len(text) <= _LONGEST_DNS_NAME
        and all(_DNS_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )


def _parse_labels(words: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise _Refused(
                f"{_shown(word)} stands where only key=value may",
                "write: name node_address [agent_address] [key=value ...]",
            )
        _refuse_key(key, labels)
        if not value or len(value) > LONGEST_VALUE:
            raise _Refused(
                f"the value of {_shown(key)} has {len(value)} characters",
                f"give it 1 to {LONGEST_VALUE}, without blanks: group=db",
            )
        labels[key] = value
    if len(labels) > MOST_LABELS:
        raise _Refused(f"{len(labels)} labels", f"keep to {MOST_LABELS} at most")
    return labels


def _refuse_key(key: str, earlier: Mapping[str, str]) -> None:
    if not _KEY.fullmatch(key):
        raise _Refused(f"{_shown(key)} is no label name", "use letters, digits and '_': group=db")
    if key in RESERVED_KEYS or key.startswith("__"):
        raise _Refused(f"the label {_shown(key)} is reserved", "choose another, such as group=db")
    if key in earlier:
        raise _Refused(f"the label {_shown(key)} stands twice", "keep one of the two")


def _refuse_twins(host: Host, seen: dict[str, str]) -> None:
    """Refuse a name or an address that an earlier line has; remember both otherwise."""
    owner = seen.get(f"name {host.name.lower()}")
    if owner:
        raise _Refused(
            f"the name {host.name} is taken by {owner}", "names differ by more than their case"
        )
    own = [host.node_address] + ([host.agent_address] if host.agent_address else [])
    canonical = [_canonical(address) for address in own]
    for address, key in zip(own, canonical, strict=True):
        if key in seen:
            raise _Refused(
                f"the address {_shown(address)} is taken by {seen[key]}",
                "give each host and each agent an address of its own",
            )
    if len(set(canonical)) < len(canonical):
        raise _Refused(
            f"{host.name} has one address for its exporter and its agent",
            "give them different ports",
        )
    seen.update(
        dict.fromkeys([f"name {host.name.lower()}", *canonical], f"{host.name}, line {host.line}")
    )


def _canonical(address: str) -> str:
    host, port = _parse_address(address, "address")
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        host = host.lower()
    return f"address {host} {port}"


def _shown(text: str) -> str:
    """Quote a word, shortened: a reason is one line, even where every character is escaped."""
    longest = 60
    quoted = repr(text)
    return quoted if len(quoted) <= longest else quoted[:longest] + "..."
