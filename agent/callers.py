"""Who calls at a door that stands open to others, and how many of them there is room for."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import Final

_PREFIX: Final = 64  # bits of an IPv6 address that one household has to itself


def name_caller(written: str) -> str:
    """Name who calls: an IPv4 address, or the part of an IPv6 address that is one customer's."""
    try:
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return written
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{int(address) >> _PREFIX:x}"


class Crowd:
    """Counts who is there: of one caller no more than so many, and of all of them neither."""

    def __init__(self, *, most: int, most_of_one: int) -> None:
        self.most = most
        self.most_of_one = most_of_one
        self._there: Counter[str] = Counter()
        self._all = 0

    def enter(self, who: str) -> bool:
        """Let somebody in; say whether there was room."""
        if self._all >= self.most or self._there[who] >= self.most_of_one:
            return False
        self._there[who] += 1
        self._all += 1
        return True

    def leave(self, who: str) -> None:
        """Give the room back."""
        self._all -= 1
        self._there[who] -= 1
        if not self._there[who]:
            del self._there[who]
