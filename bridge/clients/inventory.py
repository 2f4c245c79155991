"""The inventory's file, read again when it changes; a bad one leaves the last good one standing."""

from __future__ import annotations

from pathlib import Path

from bridge.core.inventory import Inventory, InventoryError, parse_inventory
from bridge.logs import create_log

_log = create_log(__name__)
_Mark = tuple[int, int, int]


class InventoryFile:
    """`agents.txt` as it stands."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: _Mark | None = None
        self._inventory = Inventory(hosts=())

    def read(self) -> Inventory:
        """Give the hosts of the file, or of its last version that could be read."""
        try:
            found = self._path.stat()
            mark = (found.st_mtime_ns, found.st_size, found.st_ino)
            if mark != self._mark:
                self._mark = mark
                text = self._path.read_bytes().decode("utf-8", errors="surrogateescape")
                self._inventory = parse_inventory(text)
        except InventoryError as fault:
            _log.warning(
                "the inventory has bad lines; the one before stays",
                action="inventory",
                lines=[str(bad) for bad in fault.bad_lines],
            )
        except OSError as fault:
            if self._mark is not None:
                self._mark = None
                _log.warning("the inventory cannot be read", action="inventory", why=str(fault))
        return self._inventory
