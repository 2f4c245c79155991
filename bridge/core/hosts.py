"""Which host a person means: by its name in any case, its address, or a pressed button.

Only the hosts that a scope covers are looked at, from the first step on: a hidden host is told
from nonsense by nothing, neither a sentence nor a suggestion.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from heapq import nlargest
from typing import Final

from bridge.core.access import Scope, visible
from bridge.core.inventory import Host, Inventory, find_named, parse_address
from bridge.core.keyboards import is_host_name, name_host
from bridge.core.typed import show_word
from bridge.errors import Expired, Missing, Mistake

MOST_NAMED: Final = 5
"""Hosts that a sentence names: what the eye takes in at once."""
_LONGEST_WORD: Final = 260
"""The longest address with its port; nothing longer can name a host, or is worth comparing."""
_COMPARED: Final = 100  # chosen: takes 2 ms


def find_host(inventory: Inventory, scope: Scope, word: str) -> Host:
    """Find the host that a word means: a name, an address, or what a button has in its place.

    Raises:
        Missing: there is none; the sentence names the nearest.
        Mistake: the address is that of several.
        Expired: the button is older than the list.
    """
    hosts = visible(inventory.hosts, scope)
    if is_host_name(word):
        return _find_pressed(hosts, word)
    named = find_named(hosts, word)
    if named is not None:
        return named
    at = _find_addressed(hosts, word)
    if len(at) > 1:
        raise Mistake(
            "%(word)s is the address of %(names)s; write a name",
            word=show_word(word),
            names=_listed(at),
        )
    if not at:
        raise _missing(hosts, word)
    return at[0]


def default_host(inventory: Inventory, configured: str | None, scope: Scope) -> Host:
    """Give the host of a command that names none: the configured one, else the first.

    Raises:
        Missing: there are no hosts.
    """
    hosts = visible(inventory.hosts, scope)
    if not hosts:
        raise Missing("there are no hosts here yet")
    return find_named(hosts, configured or "") or hosts[0]


def _find_pressed(hosts: Iterable[Host], word: str) -> Host:
    for host in hosts:
        if name_host(host.name) == word:
            return host
    raise Expired("the list of hosts has changed since; ask again")


def _find_addressed(hosts: Iterable[Host], word: str) -> list[Host]:
    """Find by the address of the exporter, with its port or without."""
    if len(word) > _LONGEST_WORD:
        return []
    try:
        bare, port = parse_address(word)
    except ValueError:
        wanted = _canonical(word)
        return [host for host in hosts if _split(host.node_address)[0] == wanted]
    whole = (_canonical(bare), str(port))
    return [host for host in hosts if _split(host.node_address) == whole]


def _split(address: str) -> tuple[str, str]:
    """Split an address that the inventory has read: no more than that, there may be thousands."""
    bare, _, port = address.rpartition(":")
    return (_canonical(bare) if bare.startswith("[") else bare.lower()), port


def _canonical(bare: str) -> str:
    """Write an address in the one form that all its spellings share."""
    try:
        return str(ipaddress.ip_address(bare.removeprefix("[").removesuffix("]")))
    except ValueError:
        return bare.lower().removesuffix(".")


def _missing(hosts: Sequence[Host], word: str) -> Missing:
    shown = show_word(word)
    near = _nearest(hosts, word)
    if near:
        return Missing(
            "there is no host %(word)s; did you mean %(names)s?", word=shown, names=_listed(near)
        )
    if 0 < len(hosts) <= MOST_NAMED:
        return Missing("there is no host %(word)s; try %(names)s", word=shown, names=_listed(hosts))
    return Missing("there is no host %(word)s; /agents lists them all", word=shown)


def _nearest(hosts: Sequence[Host], word: str) -> list[Host]:
    """Choose the hosts that were probably meant: what the word begins or is part of goes first."""
    typed = word.lower()
    if len(typed) > _LONGEST_WORD:
        return []
    names = {host.name.lower(): host for host in hosts}
    begun = [name for name in names if name.startswith(typed)]
    within = [name for name in names if typed in name]
    chosen = list(dict.fromkeys([*begun, *within, *_close(typed, names)]))[:MOST_NAMED]
    if chosen:
        return [names[name] for name in chosen]
    addresses = {host.node_address: host for host in hosts}
    return [addresses[near] for near in _close(typed, addresses)]


def _close(typed: str, words: Iterable[str]) -> list[str]:
    """Compare closely with those only that share most pairs of letters: thousands take too long."""
    pairs = _pairs(typed)
    likely = nlargest(_COMPARED, words, key=lambda each: len(pairs & _pairs(each)))
    return get_close_matches(typed, likely, n=MOST_NAMED)


def _pairs(word: str) -> set[str]:
    return {word[at : at + 2] for at in range(len(word) - 1)}


def _listed(hosts: Iterable[Host]) -> str:
    """Name the first hosts; an ellipsis stands for the others."""
    names = [host.name for host in hosts]
    return ", ".join(names[:MOST_NAMED] + ["…"] * (len(names) > MOST_NAMED))
