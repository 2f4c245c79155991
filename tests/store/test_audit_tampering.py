"""Somebody was at the audit: it is found, and never signed away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, delete, func, select, text, update

from bridge.core.audit_check import Soundness
from bridge.store.audit_seal import HEAD_FILE
from bridge.store.tables import audit
from tests.store.audits import Desk


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
