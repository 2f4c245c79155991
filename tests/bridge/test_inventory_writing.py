"""The inventory is a person's own file: one line of it changes, and nothing else does."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import inventory_writing, limits
from bridge.core.inventory import parse_inventory
from bridge.core.inventory_lines import place_agent, put_agent, put_host, remove_host
from bridge.errors import BridgeError, Missing, Mistake, Outage
from bridge.inventory_writing import InventoryWriter

TEXT = (
    "# ours\r\n"
    "\r\n"
    "web-1 192.0.2.1:9100 group=web # the old one\n"
    "\tdb-1\t192.0.2.2:9100  192.0.2.2:8001\tgroup=db\r"
    "  # web-1 192.0.2.9:9100\n"
    "last 192.0.2.3:9100"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "agents.txt"
    path.write_bytes(TEXT.encode())
    return path


def look(folder: Path) -> list[str]:
    """What is in a folder."""
    return [each.name for each in folder.iterdir()]


def identify(path: Path) -> tuple[int, int]:
    """Tell a file from any that was written in its place."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def read(path: Path) -> str:
    return path.read_bytes().decode()


def lines(text: str) -> list[str]:
    """Every line with its end, as the inventory counts them."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)


# ---- the text --------------------------------------------------------------------------------


def test_an_address_is_put_behind_the_exporters_and_the_rest_of_the_line_stays() -> None:
    written = place_agent(TEXT, "WEB-1", "192.0.2.1:8001")
    assert written == TEXT.replace(
        "web-1 192.0.2.1:9100 group", "web-1 192.0.2.1:9100 192.0.2.1:8001 group"
    )
    moved = place_agent(TEXT, "db-1", "192.0.2.2:8002")
    assert moved == TEXT.replace("192.0.2.2:8001", "192.0.2.2:8002")
    assert place_agent(TEXT, "db-1", None) == TEXT.replace("  192.0.2.2:8001", "")
    assert place_agent(TEXT, "last", "192.0.2.3:8001") == f"{TEXT} 192.0.2.3:8001"
    assert place_agent(TEXT, "db-1", "192.0.2.2:8001") == TEXT


def test_a_host_is_added_at_the_end_as_the_file_ends_its_lines() -> None:
    added = put_host(TEXT, "new", node_address="192.0.2.4:9100", labels={"group": "x"})
    assert added == f"{TEXT}\nnew 192.0.2.4:9100 group=x\n"
    assert put_host("a 1.1.1.1:1\r\n", "b", node_address="1.1.1.2:1").endswith(
        "\r\nb 1.1.1.2:1\r\n"
    )
    assert put_host("", "b", node_address="1.1.1.2:1") == "b 1.1.1.2:1\n"
    assert put_host("\ufeff", "b", node_address="1.1.1.2:1") == "\ufeffb 1.1.1.2:1\n"
    assert put_host("# x", "b", node_address="1.1.1.2:1") == "# x\nb 1.1.1.2:1\n"


def test_a_host_is_taken_out_with_its_line_and_no_comment_of_another() -> None:
    assert remove_host(TEXT, "db-1") == TEXT.replace(
        "\tdb-1\t192.0.2.2:9100  192.0.2.2:8001\tgroup=db\r", ""
    )
    assert remove_host(TEXT, "last") == TEXT.removesuffix("last 192.0.2.3:9100")
    assert remove_host("\ufeffa 1.1.1.1:1\nb 1.1.1.2:1\n", "a") == "\ufeffb 1.1.1.2:1\n"


def test_an_agent_is_put_into_its_hosts_line_or_into_one_of_its_own() -> None:
    places = {"node_address": "192.0.2.1:9100", "agent_address": "192.0.2.1:8001"}
    assert put_agent(TEXT, "web-1", **places) == place_agent(TEXT, "web-1", "192.0.2.1:8001")
    assert put_agent("", "web-1", **places) == "web-1 192.0.2.1:9100 192.0.2.1:8001\n"


@pytest.mark.parametrize(
    ("name", "node", "agent"),
    [
        ("web-1", "192.0.2.9:9100", None),
        ("WEB-1", "192.0.2.9:9100", None),
        ("new", "192.0.2.1:9100", None),
        ("new", "192.0.2.9:9100", "192.0.2.2:8001"),
        ("new", "192.0.2.9:9100", "192.0.2.9:9100"),
        ("all", "192.0.2.9:9100", None),
        ("", "192.0.2.9:9100", None),
        ("#new", "192.0.2.9:9100", None),
        ("two words", "192.0.2.9:9100", None),
        ("a\nb", "192.0.2.9:9100", None),
        ("new", "192.0.2.9:9100\nx 192.0.2.8:9100", None),
        ("new", "192.0.2.9:9100 #", None),
        ("new", "192.0.2.9:9100 group=x", None),
        ("new", "nowhere", None),
        ("new\ud800", "192.0.2.9:9100", None),
    ],
)
def test_a_line_that_would_be_wrong_is_not_written(name: str, node: str, agent: str | None) -> None:
    with pytest.raises(Mistake):
        put_host(TEXT, name, node_address=node, agent_address=agent)


@pytest.mark.parametrize(
    "address",
    ["192.0.2.2:8001", "192.0.2.1:9100", "x", "", "a:1 b=c", "a:1\n", "a:1 #", "a:1\tq=1"],
)
def test_an_agents_address_that_would_be_wrong_is_not_written(address: str) -> None:
    with pytest.raises(Mistake):
        place_agent(TEXT, "web-1", address)


def test_a_host_that_is_not_there_is_missing() -> None:
    with pytest.raises(Missing):
        place_agent(TEXT, "web-9", None)
    with pytest.raises(Missing):
        remove_host(TEXT, "web-9")


def test_a_file_with_bad_lines_is_left_to_its_owner() -> None:
    bad = TEXT + "\nbad line here\n"
    changes: tuple[Callable[[], str], ...] = (
        lambda: put_host(bad, "new", node_address="192.0.2.4:9100"),
        lambda: place_agent(bad, "web-1", "192.0.2.1:8001"),
        lambda: remove_host(bad, "web-1"),
    )
    for change in changes:
        with pytest.raises(Mistake, match="line 7"):
            change()


BLANKS = st.text(" \t", max_size=3)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
NOISE = st.one_of(
    BLANKS,
    st.builds(
        lambda blanks, words: f"{blanks}#{words}",
        BLANKS,
        st.text(st.characters(blacklist_characters="\r\n\x00", blacklist_categories=())),
    ),
)


@st.composite
def inventories(draw: st.DrawFn) -> tuple[str, int]:
    """A file as people write it, and how many hosts it has."""
    number = draw(st.integers(1, 5))
    written = []
    for host in range(number):
        written += draw(st.lists(NOISE, max_size=2))
        blank = draw(st.sampled_from([" ", "\t", "  "]))
        agent = draw(st.sampled_from(["", f"{blank}10.0.0.{host}:8001"]))
        label = draw(st.sampled_from(["", " group=db", "\tkey=щ"]))
        comment = draw(st.sampled_from(["", " # note", "\t#x 10.9.9.9:1"]))
        written.append(f"{draw(BLANKS)}h{host}x 10.0.0.{host}:9100{agent}{label}{comment}")
    written += draw(st.lists(NOISE, max_size=2))
    text = "".join(line + draw(ENDS) for line in written[:-1]) + written[-1]
    text += draw(st.sampled_from(["", "\n", "\r\n"]))
    return draw(st.sampled_from(["", "\ufeff"])) + text, number


@given(inventories(), st.data())
def test_whatever_the_file_every_other_line_stays_to_the_byte(
    made: tuple[str, int], data: st.DataObject
) -> None:
    text, number = made
    chosen = data.draw(st.integers(0, number - 1))
    name, before = f"h{chosen}x", lines(text)
    host = parse_inventory(text).find(name)
    assert host is not None
    at = host.line - 1

    placed = lines(place_agent(text, name, "10.1.1.1:8001"))
    assert placed[:at] + placed[at + 1 :] == before[:at] + before[at + 1 :]
    found = parse_inventory("".join(placed)).find(name)
    assert found is not None
    assert (found.agent_address, found.labels) == ("10.1.1.1:8001", host.labels)
    bare = place_agent(text, name, None)
    assert place_agent("".join(placed), name, None) == bare

    removed = remove_host(text, name)
    mark = "\ufeff" if at == 0 and text.startswith("\ufeff") else ""
    assert removed == mark + "".join(before[:at] + before[at + 1 :])
    added = put_host(text, "fresh", node_address="10.2.2.2:9100")
    assert added.startswith(text)
    assert remove_host(added, "fresh").rstrip("\r\n") == text.rstrip("\r\n")


# ---- the file --------------------------------------------------------------------------------


async def test_a_host_is_added_completed_and_removed(path: Path) -> None:
    writer = InventoryWriter(path)
    await writer.add("new", node_address="192.0.2.4:9100")
    await writer.complete("new", "192.0.2.4:8001")
    assert read(path) == f"{TEXT}\nnew 192.0.2.4:9100 192.0.2.4:8001\n"
    await writer.remove("new")
    assert read(path) == f"{TEXT}\n"


async def test_what_cannot_be_changed_leaves_the_very_file(path: Path) -> None:
    writer, before = InventoryWriter(path), identify(path)
    for work in (
        writer.add("web-1", node_address="192.0.2.9:9100"),
        writer.complete("web-1", "nowhere"),
        writer.remove("web-9"),
        writer.check_agent("x", node_address="192.0.2.1:9100", agent_address="192.0.2.9:1"),
    ):
        with pytest.raises(BridgeError):
            await work
    await writer.check_agent("x", node_address="192.0.2.9:9100", agent_address="192.0.2.9:1")
    await writer.complete("db-1", "192.0.2.2:8001")
    assert identify(path) == before
    assert look(path.parent) == [path.name]


async def test_the_mode_and_the_link_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "hosts", tmp_path / "agents.txt"
    real.write_text("web-1 192.0.2.1:9100\n")
    real.chmod(0o640)
    link.symlink_to("real/hosts")
    await InventoryWriter(link).complete("web-1", "192.0.2.1:8001")
    assert link.is_symlink()
    assert link.readlink() == Path("real/hosts")
    assert real.read_text() == "web-1 192.0.2.1:9100 192.0.2.1:8001\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


async def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    with pytest.raises(Missing):
        await InventoryWriter(path).remove("web-1")
    assert not path.exists()
    await InventoryWriter(path).put_agent(
        "web-1", node_address="192.0.2.1:9100", agent_address="192.0.2.1:8001"
    )
    assert path.read_text() == "web-1 192.0.2.1:9100 192.0.2.1:8001\n"


async def test_bytes_that_are_no_text_stay_in_their_comment(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    path.write_bytes(b"# caf\xe9\nweb-1 192.0.2.1:9100\n")
    await InventoryWriter(path).complete("web-1", "192.0.2.1:8001")
    assert path.read_bytes() == b"# caf\xe9\nweb-1 192.0.2.1:9100 192.0.2.1:8001\n"


async def test_many_writers_lose_nothing_of_each_other(path: Path) -> None:
    writers = [InventoryWriter(path) for _ in range(12)]
    await asyncio.gather(
        *(
            writer.add(f"new-{number}", node_address=f"10.0.0.{number}:9100")
            for number, writer in enumerate(writers)
        )
    )
    names = {host.name for host in parse_inventory(read(path)).hosts}
    assert names == {"web-1", "db-1", "last", *(f"new-{number}" for number in range(12))}
    assert look(path.parent) == [path.name]


async def test_what_a_person_saves_meanwhile_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = iter([f"{TEXT}\nhand 192.0.2.7:9100\n"])
    put = inventory_writing._take_after

    def take_after(descriptor: int, status: os.stat_result | None) -> None:
        put(descriptor, status)
        for text in saved:
            path.write_bytes(text.encode())

    monkeypatch.setattr(inventory_writing, "_take_after", take_after)
    await InventoryWriter(path).add("new", node_address="192.0.2.4:9100")
    names = [host.name for host in parse_inventory(read(path)).hosts]
    assert names == ["web-1", "db-1", "last", "hand", "new"]


async def test_a_writer_that_never_ends_is_not_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INVENTORY_TURN_SECONDS", 0)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        with pytest.raises(Outage, match="another program"):
            await InventoryWriter(path).remove("web-1")
    finally:
        os.close(folder)
    assert read(path) == TEXT


async def test_a_write_that_fails_leaves_the_file_and_nothing_beside_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Outage, match="no space left"):
        await InventoryWriter(path).remove("web-1")
    assert read(path) == TEXT
    assert look(path.parent) == [path.name]


async def test_a_file_far_too_long_is_no_inventory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INVENTORY_BYTES", 10)
    with pytest.raises(Outage, match="no inventory"):
        await InventoryWriter(path).remove("web-1")
