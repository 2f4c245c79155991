"""What is old goes with a signed word; several bridges, and restored backups, have a past too."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Text, delete, select, text, type_coerce, update

from bridge import limits
from bridge.core.audit import START, Place, make_link, read_entry
from bridge.core.audit_check import Soundness
from bridge.errors import Mistake, Refused
from bridge.store.audit_seal import HEAD_FILE, KEY_FILE
from bridge.store.tables import audit
from tests.fakes.clock import NOON
from tests.store.audits import DAY, Desk
from tests.store.test_audit_tampering import cut_tail, edit, remove_one, spoil, swap

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


def redate(at: datetime, *, is_thorough: bool) -> Callable[[Connection], None]:
    """Date the first two entries back; whoever is thorough makes all digests anew."""

    def act(connection: Connection) -> None:
        after = START
        for row in connection.execute(select(audit).order_by(audit.c.id)).all():
            number, said = read_entry(json.dumps(row.entry))
            link = make_link(replace(said, at=at) if number <= 2 else said, after=after)
            digests = {"previous": link.previous, "digest": link.digest} if is_thorough else {}
            values = {"entry": type_coerce(link.text, Text), **digests}
            connection.execute(update(audit).where(audit.c.id == row.id).values(**values))
            after = Place(number, link.digest)

    return act


@pytest.mark.parametrize("is_thorough", [False, True])
async def test_entries_that_somebody_dated_back_are_not_signed_away(
    desk: Desk, *, is_thorough: bool
) -> None:
    await desk.write("a", "b")
    await desk.seal()
    await desk.tamper(redate(NOON - 900 * DAY, is_thorough=is_thorough))
    with pytest.raises(Refused, match=r"entry [12] "):
        await desk.purge(NOON - DAY)
    desk.restart()
    for verdict in (await desk.seal(), await desk.audit.verify()):
        assert verdict.soundness is Soundness.TAMPERED
    assert [what for _, what in await desk.told()] == ["a", "b"]


@pytest.mark.parametrize("act", [edit, spoil, remove_one, swap])
async def test_nothing_is_let_go_of_where_somebody_was_at_it(
    desk: Desk, act: Callable[[Connection], None]
) -> None:
    await desk.write(*"abcdef", at=NOON - 2 * DAY)
    await desk.seal()
    await desk.tamper(act)
    kept = await desk.told()
    with pytest.raises(Refused, match="the audit is not purged"):
        await desk.purge(NOON - DAY)
    assert await desk.told() == kept


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
