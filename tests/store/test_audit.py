from __future__ import annotations

import asyncio
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, text

from bridge.core.audit import Entry, Outcome
from bridge.core.audit_check import Soundness
from bridge.errors import Outage
from bridge.store.audit import put_entry
from bridge.store.audit_seal import HEAD_FILE, KEY_FILE, Safe
from bridge.store.database import Database
from bridge.store.tables import heartbeat
from tests.fakes.clock import NOON
from tests.store.audits import Desk, entry

# ---- writing and listing ---------------------------------------------------------------------


async def test_entries_are_listed_newest_first_as_they_were_written(desk: Desk) -> None:
    odd = Entry(
        at=NOON + timedelta(microseconds=1),
        who=None,
        name="\0\ud800 é",
        what="/silence",
        on="a\nb",
        outcome=Outcome.REFUSED,
        detail="no right",
    )
    await desk.write("/adduser", "/rmuser")
    await desk.audit.put(odd)
    assert await desk.audit.newest(2) == ((3, odd), (2, entry("/rmuser")))


async def test_an_entry_stands_or_falls_with_what_it_tells_of(desk: Desk) -> None:
    def work(connection: Connection) -> None:
        connection.execute(insert(heartbeat).values(id=7, beat_at=NOON)).close()
        put_entry(connection, entry("beat"))

    def fail(connection: Connection) -> None:
        put_entry(connection, entry("never"))
        connection.execute(text("INSERT nonsense"))

    await desk.database.write(work)
    with pytest.raises(Outage):
        await desk.database.write(fail)
    assert await desk.told() == [(1, "beat")]
    assert (await desk.seal()).soundness is Soundness.SOUND


async def test_several_writers_make_one_chain(desk: Desk, url: str, tmp_path: Path) -> None:
    """Two bridges on one database, or a bridge and the console beside it."""
    other = Database(url)
    await other.open()
    second = Desk(other, tmp_path / "other")
    try:
        for _ in range(5):
            await asyncio.gather(*(each.write("one", "two") for each in (desk, second) * 3))
        assert [number for number, _ in await desk.told()] == list(range(1, 61))
        assert (await desk.seal()).soundness is Soundness.SOUND
    finally:
        await other.close()


# ---- the signed head -------------------------------------------------------------------------


async def test_the_head_counts_and_is_for_its_owner_alone(desk: Desk) -> None:
    await desk.seal()
    assert desk.count == 0
    await desk.write("a", "b")
    await desk.seal()
    assert desk.count == 2
    for name in (KEY_FILE, HEAD_FILE):
        assert stat.S_IMODE((desk.folder / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in desk.folder.iterdir()) == [
        "audit.head",
        "audit.key",
        "audit.lock",
    ]


async def test_many_entries_cost_one_writing_of_the_head_and_none_costs_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    put = Safe.put

    def count(safe: Safe, *words: object, **named: object) -> bool:
        written.append(1)
        return put(safe, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Safe, "put", count)
    await desk.write(*map(str, range(50)))
    for _ in range(5):
        await desk.seal()
    assert len(written) == 1


async def test_a_crash_before_the_head_is_written_is_not_taken_for_tampering(desk: Desk) -> None:
    await desk.write("a", "b")
    await desk.seal()
    await desk.write("c", "d")
    # Here the bridge dies: two entries are on disk that the head does not know.
    desk.restart()
    assert (await desk.audit.verify()).soundness is Soundness.SOUND
    assert desk.count == 2
    assert (await desk.seal()).soundness is Soundness.SOUND
    assert desk.count == 4


@pytest.mark.parametrize("step", ["mkstemp", "fsync", "replace"])
async def test_a_crash_at_any_step_of_writing_the_head_leaves_the_former_one(
    desk: Desk, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.write("a")
    await desk.seal()

    class Dies(Exception):
        pass

    def die(*_: object, **__: object) -> None:
        raise Dies

    await desk.write("b", "c")
    with monkeypatch.context() as patch:
        owner = {
            "mkstemp": "tempfile.mkstemp",
            "fsync": "os.fsync",
            "replace": "pathlib.Path.replace",
        }
        patch.setattr(owner[step], die)
        with pytest.raises(Dies):
            await desk.seal()
    assert desk.count == 1
    desk.restart()
    assert (await desk.audit.verify()).soundness is Soundness.SOUND
    await desk.seal()
    assert desk.count == 3


async def test_a_crash_right_after_the_key_was_made_is_forgotten(desk: Desk) -> None:
    Safe(desk.folder).open()
    assert (await desk.seal()).soundness is Soundness.SOUND
    assert desk.count == 0


async def test_the_head_never_goes_back_when_console_and_bridge_seal_at_once(desk: Desk) -> None:
    await desk.write("a")
    await desk.seal()
    late = Safe(desk.folder).open()
    await desk.write("b")
    await desk.seal()
    assert late.head is not None
    assert not Safe(desk.folder).put(late.head, instead_of=late)
    assert desk.count == 2


async def test_a_folder_that_cannot_be_written_is_an_outage(
    database: Database, tmp_path: Path
) -> None:
    desk = Desk(database, tmp_path / "absent")
    with pytest.raises(Outage, match="audit"):
        await desk.seal()


@pytest.mark.parametrize("key", ["", "zz", "é" * 64])
async def test_a_key_that_is_none_is_an_outage_with_its_path(desk: Desk, key: str) -> None:
    (desk.folder / KEY_FILE).write_text(key)
    with pytest.raises(Outage, match=r"audit\.key holds no key"):
        await desk.seal()


async def test_a_head_that_is_missing_is_never_quietly_made_anew(desk: Desk) -> None:
    await desk.write("a")
    await desk.seal()
    head = desk.folder / HEAD_FILE
    head.unlink()
    for _ in range(2):
        desk.restart()
        verdict = await desk.seal()
        assert verdict.soundness is Soundness.UNKNOWN
        assert "no signed head that can be read" in verdict.sentence
        assert (await desk.audit.verify()).soundness is Soundness.UNKNOWN
        head.write_text("{}")
    assert head.read_text() == "{}"


async def test_without_a_key_nothing_can_be_verified_and_none_is_made(desk: Desk) -> None:
    await desk.write("a")
    with pytest.raises(Outage, match=r"no audit\.key"):
        await desk.audit.verify()
    assert list(desk.folder.iterdir()) == []
