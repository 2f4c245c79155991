from __future__ import annotations

import os
from pathlib import Path

from bridge.inventory_file import InventoryFile


def write(path: Path, text: str) -> None:
    """Put another file in its place, as the generator's users do."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def names(file: InventoryFile) -> list[str]:
    return [host.name for host in file.inventory.hosts]


def test_hosts_are_found_by_their_names_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    write(path, "Web-1 192.0.2.1:9100 group=web\n")
    found = InventoryFile(path).find("wEB-1")
    assert found is not None
    assert dict(found.labels) == {"group": "web"}
    assert InventoryFile(path).find("web-2") is None


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    file = InventoryFile(path)
    assert names(file) == []
    write(path, "web-1 192.0.2.1:9100\n")
    assert names(file) == ["web-1"]
    write(path, "web-2 192.0.2.2:9100\n")
    assert names(file) == ["web-2"]
    assert file.find("web-1") is None


def test_a_file_of_the_same_age_and_size_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    write(path, "web-1 192.0.2.1:9100\n")
    file = InventoryFile(path)
    before = file.inventory
    assert file.inventory is before
    os.utime(path, ns=(1, 1))
    assert file.inventory is not before


def test_what_was_known_stays_while_the_file_is_broken_or_gone(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    write(path, "web-1 192.0.2.1:9100\n")
    file = InventoryFile(path)
    assert names(file) == ["web-1"]
    write(path, "web-1\n")
    assert names(file) == ["web-1"]
    path.unlink()
    assert names(file) == ["web-1"]
    write(path, "web-3 192.0.2.3:9100\n")
    assert names(file) == ["web-3"]


def test_bytes_that_are_no_text_leave_what_was_known(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    write(path, "web-1 192.0.2.1:9100\n")
    file = InventoryFile(path)
    assert names(file) == ["web-1"]
    path.write_bytes(b"\xff\xfe\x00 x")
    assert names(file) == ["web-1"]
