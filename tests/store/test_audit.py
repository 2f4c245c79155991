from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, func, insert, select, text, update

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.audit import Entry, Outcome, read_head
from bridge.core.audit_check import Soundness, Verdict
from bridge.errors import Mistake, Outage, Refused
from bridge.store.audit import Audit, put_entry
from bridge.store.audit_seal import HEAD_FILE, KEY_FILE, Safe
from bridge.store.database import Database
from bridge.store.tables import audit, heartbeat
from tests.fakes.clock import NOON

DAY = timedelta(days=1)


@dataclass
class Desk:
    """A bridge's audit, and somebody who can write its database but not its folder."""

    database: Database
    folder: Path
    audit: Audit = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not kept."""
        self.audit = Audit(self.database, self.folder)

    async def write(self, *commands: str, at: datetime = NOON) -> None:
        for each in commands:
            await self.audit.put(entry(each, at=at))

    async def seal(self) -> Verdict:
        return await self.audit.seal(now=NOON)

    async def purge(self, before: datetime) -> int:
        return await self.audit.purge(before=before, now=NOON)

    async def told(self) -> list[tuple[int, str]]:
        return [(number, each.what) for number, each in reversed(await self.audit.newest(1000))]

    async def tamper(self, act: Callable[[Connection], object]) -> None:
        await self.database.write(act)

    @property
    def count(self) -> int:
        """How many entries the signed head knows."""
        return read_head((self.folder / HEAD_FILE).read_text()).place.number


def entry(what: str, *, at: datetime = NOON) -> Entry:
    return Entry(at=at, who=1001, name="Ada", chat=Destination(-2001, 7), what=what, on="web-1")


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    folder = tmp_path / "state"
    folder.mkdir()
    return Desk(database, folder)


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


# ---- somebody was at the database ------------------------------------------------------------


def edit(connection: Connection) -> None:
    number = connection.execute(select(func.min(audit.c.id) + 1)).scalar_one()
    kept = connection.execute(select(audit.c.entry).where(audit.c.id == number)).scalar_one()
    connection.execute(
        update(audit).where(audit.c.id == number).values(entry={**kept, "on": "web-2"})
    )


def spoil(connection: Connection) -> None:
    number = connection.execute(select(func.min(audit.c.id) + 1)).scalar_one()
    connection.execute(
        text("UPDATE audit SET entry = '{' WHERE id = :number").bindparams(number=number)
    )


def cut_tail(connection: Connection) -> None:
    number = connection.execute(select(func.max(audit.c.id))).scalar_one()
    connection.execute(delete(audit).where(audit.c.id == number))


def cut_start(connection: Connection) -> None:
    number = connection.execute(select(func.min(audit.c.id))).scalar_one()
    connection.execute(delete(audit).where(audit.c.id == number))


def remove_one(connection: Connection) -> None:
    number = connection.execute(select(func.min(audit.c.id) + 1)).scalar_one()
    connection.execute(delete(audit).where(audit.c.id == number))


def remove_all(connection: Connection) -> None:
    connection.execute(delete(audit))


def swap(connection: Connection) -> None:
    for before, after in ((1, -1), (2, 1), (-1, 2)):
        connection.execute(update(audit).where(audit.c.id == before).values(id=after))


TAMPERINGS = (edit, spoil, cut_tail, cut_start, remove_one, remove_all, swap)


@pytest.mark.parametrize("act", TAMPERINGS, ids=lambda act: act.__name__)
async def test_tampering_is_found_and_never_signed(
    desk: Desk, act: Callable[[Connection], object]
) -> None:
    await desk.write("a", "b", "c", "d")
    await desk.seal()
    head = (desk.folder / HEAD_FILE).read_text()
    await desk.tamper(act)
    assert (await desk.audit.verify()).soundness is Soundness.TAMPERED
    desk.restart()
    for _ in range(2):
        verdict = await desk.seal()
        assert verdict.soundness is Soundness.TAMPERED
        # What happens is written down all the same, and neither hides nor heals it.
        await desk.write("later")
    assert (desk.folder / HEAD_FILE).read_text() == head
    assert (await desk.audit.verify()).soundness is Soundness.TAMPERED


@pytest.mark.parametrize("act", [cut_tail, remove_all], ids=lambda act: act.__name__)
async def test_a_cut_tail_is_noticed_by_the_running_bridge(
    desk: Desk, act: Callable[[Connection], object]
) -> None:
    await desk.write("a", "b", "c", "d")
    await desk.seal()
    await desk.tamper(act)
    assert (await desk.seal()).soundness is Soundness.TAMPERED
    await desk.write("instead")
    assert (await desk.seal()).soundness is Soundness.TAMPERED
    assert desk.count == 4


async def test_a_chain_that_is_spoilt_still_lists_what_can_be_read(desk: Desk) -> None:
    await desk.write("a", "b", "c")
    await desk.tamper(spoil)
    await desk.write("d")
    told = [each for _, each in await desk.audit.newest(10)]
    assert [each.what for each in told] == ["d", "c", "?", "a"]
    assert "no entry of ours" in told[2].detail


async def test_moved_rows_are_the_same_chain(desk: Desk) -> None:
    await desk.write("a", "b")
    await desk.seal()
    await desk.tamper(lambda c: c.execute(update(audit).values(id=audit.c.id + 1000)))
    assert (await desk.seal()).soundness is Soundness.SOUND
    assert (await desk.audit.verify()).soundness is Soundness.SOUND


# ---- purging ---------------------------------------------------------------------------------


async def test_old_entries_are_let_go_of_and_a_signed_entry_says_so(desk: Desk) -> None:
    await desk.write("a", "b", at=NOON - 2 * DAY)
    await desk.write("c")
    await desk.seal()
    assert await desk.purge(NOON - DAY) == 2
    assert await desk.purge(NOON - DAY) == 0
    assert await desk.told() == [(3, "c"), (4, "audit purge")]
    [(_, purged), _] = await desk.audit.newest(2)
    assert purged.detail == "2 entries, up to entry 2"
    desk.restart()
    for verdict in (await desk.audit.verify(), await desk.seal()):
        assert verdict.soundness is Soundness.SOUND
        assert verdict.entries == 2
    assert desk.count == 4


async def test_everything_may_be_old(desk: Desk) -> None:
    await desk.write("a", "b", at=NOON - 2 * DAY)
    await desk.seal()
    await desk.purge(NOON - DAY)
    assert await desk.told() == [(3, "audit purge")]
    desk.restart()
    assert (await desk.seal()).soundness is Soundness.SOUND
    await desk.purge(NOON + DAY)
    assert await desk.told() == [(4, "audit purge")]
    desk.restart()
    assert (await desk.seal()).soundness is Soundness.SOUND


async def test_what_was_purged_while_the_head_lagged_is_explained(desk: Desk) -> None:
    await desk.write("a", at=NOON - 3 * DAY)
    await desk.seal()
    await desk.write("b", "c", at=NOON - 2 * DAY)
    await desk.purge(NOON - DAY)
    desk.restart()
    assert (await desk.seal()).soundness is Soundness.SOUND


async def test_a_large_past_goes_in_portions(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AUDIT_PURGED_AT_ONCE", 2)
    await desk.write(*"abcde", at=NOON - 2 * DAY)
    await desk.seal()
    assert [await desk.purge(NOON - DAY) for _ in range(4)] == [2, 2, 1, 0]
    desk.restart()
    assert (await desk.seal()).soundness is Soundness.SOUND


async def test_a_column_that_somebody_edited_makes_nothing_old(desk: Desk) -> None:
    await desk.write("a", "b")
    await desk.seal()
    await desk.tamper(lambda c: c.execute(update(audit).values(at=NOON - 900 * DAY)))
    assert await desk.purge(NOON - DAY) == 0


async def test_only_who_has_the_key_can_purge(desk: Desk) -> None:
    await desk.write("a", "b", "c")
    await desk.seal()
    stranger = Desk(desk.database, desk.folder.parent / "elsewhere")
    stranger.folder.mkdir()
    assert await stranger.purge(NOON + DAY) == 0
    await stranger.seal()
    await stranger.purge(NOON + DAY)
    desk.restart()
    verdict = await desk.audit.verify()
    assert verdict.soundness is Soundness.UNKNOWN
    assert "whose key is not here" in verdict.sentence


# ---- several bridges, and restored backups ---------------------------------------------------


async def test_each_bridge_keeps_a_head_of_its_own(desk: Desk, tmp_path: Path) -> None:
    await desk.write("a", "b")
    await desk.seal()
    second = Desk(desk.database, tmp_path / "second")
    second.folder.mkdir()
    await second.seal()
    await second.write("c")
    for each in (desk, second):
        await each.seal()
        assert each.count == 3
        assert (await each.audit.verify()).soundness is Soundness.SOUND
    await desk.tamper(cut_tail)
    for each in (desk, second):
        assert (await each.audit.verify()).soundness is Soundness.TAMPERED


async def test_a_bridge_that_comes_later_says_since_when_it_looks(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.write("a", at=NOON - 2 * DAY)
    await desk.write("b")
    await desk.seal()
    await desk.purge(NOON - DAY)
    second = Desk(desk.database, tmp_path / "second")
    second.folder.mkdir()
    assert (await second.seal()).soundness is Soundness.SOUND
    assert await desk.told() == [(2, "b"), (3, "audit purge"), (4, "audit taken up")]
    for each in (desk, second):
        each.restart()
        assert (await each.seal()).soundness is Soundness.SOUND


async def test_with_the_files_of_the_first_bridge_a_second_one_can_tell_everything(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.write("a", at=NOON - 2 * DAY)
    await desk.write("b")
    await desk.seal()
    second = Desk(desk.database, tmp_path / "second")
    second.folder.mkdir()
    for name in (KEY_FILE, HEAD_FILE):
        (second.folder / name).write_bytes((desk.folder / name).read_bytes())
    await desk.purge(NOON - DAY)
    assert (await second.seal()).soundness is Soundness.SOUND


@pytest.mark.parametrize("grown", ["", "e", "efgh"])
async def test_a_restored_backup_is_tampering_until_somebody_states_it(
    desk: Desk, grown: str
) -> None:
    """Also when the bridge has gone on with it meanwhile, past what the head knew."""
    await desk.write("a", "b", "c", "d")
    await desk.seal()
    backup = 2
    await desk.tamper(lambda c: c.execute(delete(audit).where(audit.c.id > backup)))
    await desk.write(*grown)
    assert (await desk.seal()).soundness is Soundness.TAMPERED
    number = await desk.audit.mark_restored(name="ada at the console", now=NOON)
    assert number == 3 + len(grown)
    told = [*"ab", *grown, "audit mark-restored"]
    assert await desk.told() == list(enumerate(told, start=1))
    [(_, marked)] = await desk.audit.newest(1)
    assert marked.name == "ada at the console"
    assert marked.detail == "the signed head knew 4 entries"
    for verdict in (await desk.audit.verify(), await desk.seal()):
        assert verdict.soundness is Soundness.SOUND
    await desk.write("f")
    await desk.seal()
    assert desk.count == number + 1


async def test_a_head_that_was_lost_is_signed_anew_with_a_statement(desk: Desk) -> None:
    await desk.write("a", at=NOON - 2 * DAY)
    await desk.write("b")
    await desk.seal()
    await desk.purge(NOON - DAY)
    for name in (KEY_FILE, HEAD_FILE):
        (desk.folder / name).unlink()
    (desk.folder / KEY_FILE).write_text("ab" * 32)
    desk.restart()
    assert (await desk.seal()).soundness is Soundness.UNKNOWN
    await desk.audit.mark_restored(name="ada", now=NOON)
    assert (await desk.seal()).soundness is Soundness.SOUND
    assert (await desk.audit.verify()).soundness is Soundness.SOUND


async def test_a_sound_audit_has_nothing_to_mark_and_a_broken_one_cannot_be(desk: Desk) -> None:
    await desk.write("a", "b", "c")
    await desk.seal()
    with pytest.raises(Mistake, match="nothing to mark"):
        await desk.audit.mark_restored(name="ada", now=NOON)
    await desk.tamper(edit)
    with pytest.raises(Refused, match="more than a restored backup: entry 2 was edited"):
        await desk.audit.mark_restored(name="ada", now=NOON)


async def test_what_is_kept_is_what_the_digest_covers(desk: Desk) -> None:
    await desk.write("a")
    row = await desk.database.read(lambda c: c.execute(select(audit)).one())
    assert row.at == NOON
    assert row.entry["what"] == "a"
    assert json.dumps(row.entry, sort_keys=True, separators=(",", ":")) == (
        await desk.database.read(lambda c: c.execute(text("SELECT entry FROM audit")).scalar_one())
    )
