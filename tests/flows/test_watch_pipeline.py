from __future__ import annotations

from datetime import timedelta

import pytest

from bridge import limits
from bridge.core.watchdog import Watchdog
from bridge.errors import Outage
from bridge.flows.watch_pipeline import watch_pipeline
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.notebook import Notebook

PATIENCE = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)


class Watch:
    """A bridge that looks as often as the real one, and may be started again."""

    def __init__(self) -> None:
        self.book = Notebook()
        self.clock = FakeClock()
        self.watchdog = Watchdog(PATIENCE)

    def restart(self) -> None:
        self.watchdog = Watchdog(PATIENCE)

    async def look(self) -> None:
        await watch_pipeline(
            self.watchdog, memory=self.book, notices=self.book, now=self.clock.now()
        )

    async def pass_by(self, span: timedelta, *, barking: bool) -> None:
        for _ in range(span // limits.WATCHDOG_PASS):
            if barking:
                self.watchdog.saw(self.clock.now())
            await self.look()
            self.clock.advance(limits.WATCHDOG_PASS)


async def test_the_chats_hear_of_the_silence_and_read_of_its_end_in_the_same_message() -> None:
    watch = Watch()
    await watch.pass_by(10 * MINUTE, barking=True)
    assert watch.book.notices == []
    last = watch.clock.now() - limits.WATCHDOG_PASS
    await watch.pass_by(10 * MINUTE, barking=False)
    [silent] = watch.book.notices
    assert (silent.since, silent.until) == (last, None)
    back = watch.clock.now()
    await watch.pass_by(MINUTE, barking=True)
    [over] = watch.book.notices
    assert (over.since, over.until) == (last, back)


async def test_a_bridge_that_was_away_itself_waits_for_the_whole_patience() -> None:
    watch = Watch()
    await watch.pass_by(MINUTE, barking=True)
    watch.clock.advance(timedelta(days=1))
    watch.restart()
    await watch.pass_by(PATIENCE, barking=False)
    assert watch.book.notices == []
    await watch.pass_by(MINUTE, barking=False)
    assert len(watch.book.notices) == 1


async def test_a_crash_between_telling_and_remembering_tells_no_second_silence() -> None:
    watch = Watch()
    await watch.pass_by(MINUTE, barking=True)
    watch.watchdog.saw(watch.clock.now())  # not on disk yet
    await watch.pass_by(PATIENCE, barking=False)
    assert watch.book.notices == []
    real_put = watch.book.put_notice

    async def told_and_gone(*arguments: object, **named: object) -> None:
        await real_put(*arguments, **named)  # type: ignore[arg-type]  # passed on as they came
        raise RuntimeError("killed")

    watch.book.put_notice = told_and_gone  # type: ignore[method-assign]  # the crash
    with pytest.raises(RuntimeError):
        await watch.pass_by(MINUTE, barking=False)
    watch.book.put_notice = real_put  # type: ignore[method-assign]
    watch.restart()
    await watch.pass_by(2 * PATIENCE, barking=False)
    assert len(watch.book.notices) == 1


async def test_a_store_that_fails_delays_the_telling_and_loses_none() -> None:
    watch = Watch()
    await watch.pass_by(MINUTE, barking=True)
    watch.book.takes_notices = False
    with pytest.raises(Outage):
        await watch.pass_by(2 * PATIENCE, barking=False)
    watch.book.takes_notices = True
    await watch.look()
    assert len(watch.book.notices) == 1


async def test_a_bridge_that_folds_nothing_tells_no_silence_of_what_the_other_hears() -> None:
    hearing, deaf = Watch(), Watch()
    deaf.book = hearing.book
    for _ in range(80):
        await hearing.pass_by(limits.WATCHDOG_PASS, barking=True)
        await deaf.pass_by(limits.WATCHDOG_PASS, barking=False)
    assert hearing.book.notices == []
    for _ in range(40):
        await deaf.pass_by(limits.WATCHDOG_PASS, barking=False)
        await hearing.pass_by(limits.WATCHDOG_PASS, barking=False)
    assert [notice.until for notice in hearing.book.notices] == [None]
    for _ in range(4):
        await deaf.pass_by(limits.WATCHDOG_PASS, barking=False)
        await hearing.pass_by(limits.WATCHDOG_PASS, barking=True)
    [over] = hearing.book.notices
    assert over.until is not None
    assert not deaf.watchdog.is_silent


async def test_a_store_that_cannot_be_read_starts_no_patience_anew() -> None:
    watch = Watch()
    await watch.pass_by(MINUTE, barking=True)
    real_get = watch.book.get

    async def refuse(name: str) -> object:
        raise Outage("database", f"no {name}")

    watch.book.get = refuse  # type: ignore[method-assign]  # the outage
    for _ in range(2 * PATIENCE // limits.WATCHDOG_PASS):
        with pytest.raises(Outage):
            await watch.look()
        watch.clock.advance(limits.WATCHDOG_PASS)
    watch.book.get = real_get  # type: ignore[method-assign]
    await watch.look()
    assert len(watch.book.notices) == 1


async def test_hours_of_barking_cost_two_writes_a_minute_at_most() -> None:
    watch = Watch()
    await watch.pass_by(timedelta(hours=1), barking=True)
    assert watch.book.writes <= 2 * 60 + 1
    assert watch.clock.now() == NOON + timedelta(hours=1)
