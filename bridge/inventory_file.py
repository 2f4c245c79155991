"""The inventory as its file has it now: read again whenever it has changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bridge.core.inventory import Host, Inventory, InventoryError, parse_inventory
from bridge.logs import create_log

_NOTHING: Final = Inventory(hosts=())
_log = create_log(__name__)


class InventoryFile:
    """Knows the hosts; a file that cannot be read or understood leaves those known before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._inventory = _NOTHING
        self._by_name: Mapping[str, Host] = {}

    @property
    def inventory(self) -> Inventory:
        """All hosts."""
        self._look()
        return self._inventory

    def find(self, name: str) -> Host | None:
        """Find a host by its name, whatever the case."""
        self._look()
        return self._by_name.get(name.lower())

    def _look(self) -> None:
        """Read the file if it is another than the one read last; asked by several threads."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen == self._seen:
                return
            self._seen = seen
            self._take(parse_inventory(self._path.read_text("utf-8", errors="surrogateescape")))
        except OSError as fault:
            if self._seen is not None:
                self._seen = None
                _log.warning("the inventory cannot be read", action="inventory", fault=str(fault))
        except InventoryError as fault:
            _log.warning(
                "the inventory has bad lines; the one before is used",
                action="inventory",
                lines=[str(each) for each in fault.bad_lines[:10]],
            )

    def _take(self, inventory: Inventory) -> None:
        self._by_name = {host.name.lower(): host for host in inventory.hosts}
        self._inventory = inventory
