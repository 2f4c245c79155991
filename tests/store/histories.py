"""Random histories of alerts, chats and clocks, and what must hold in all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import select

from bridge.core.audience import Destination
from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import CardFacts
from bridge.core.outbox import Claimed, Failed, Outcome, Reason, Sent
from bridge.store.tables import boards, card_episodes, cards, episodes, messages
from tests.fakes.clock import NOON
from tests.fakes.webhooks import alert, webhook
from tests.store.stage import ADA, BOB, HOUR, MINUTE, OPS, SECOND, Stage

TOPIC = Destination(-300, 9)
AFTER_MOVE = -1_000_100
SEVERITIES = ("critical", "warning", "info")


@dataclass
class Subject:
    """One alert as it really is."""

    host: str
    severity: str
    starts: datetime | None = None
    ends: datetime | None = None

    @property
    def is_firing(self) -> bool:
        """Say whether it fires."""
        return self.starts is not None and self.ends is None

    def written(self) -> dict[str, Any]:
        """Write it as Alertmanager does."""
        assert self.starts is not None
        return alert(host=self.host, severity=self.severity, starts=self.starts, ends=self.ends)


@dataclass
class History:
    """One random history; everything in it follows from the seed."""

    stage: Stage
    chance: Random
    groups: dict[str, list[Subject]] = field(default_factory=dict)
    addressed: dict[str, Destination] = field(default_factory=dict)
    last_body: dict[str, Any] = field(default_factory=dict)
    under_way: dict[int, Claimed] = field(default_factory=dict)
    """Chat → what is being sent to it."""
    told: dict[int, CardFacts | BoardFacts] = field(default_factory=dict)
    """Message → what it says."""
    truth_at: datetime = NOON
    """Prometheus's clock; only the bridge's jumps."""
    has_moved: bool = False

    def begin(self, groups: int, members: int) -> None:
        """Draw who there is."""
        for number in range(groups):
            name = f"g{number}"
            self.groups[name] = [
                Subject(f"{name}-{each}", self.chance.choice(SEVERITIES))
                for each in range(self.chance.randint(1, members))
            ]
            if self.chance.random() < 0.2:
                self.addressed[name] = TOPIC

    async def run(self, steps: int) -> None:
        """Let that many things happen."""
        for _ in range(steps):
            await self._step()
            account = await self.stage.records.balance()
            assert account.total == 0, account

    async def _step(self) -> None:
        what = self.chance.random()
        if what < 0.25:
            await self._change(self.chance.choice(list(self.groups)))
        elif what < 0.28:
            for name in self.chance.sample(list(self.groups), len(self.groups) // 2):
                await self._change(name)
        elif what < 0.33 and self.last_body:
            await self._post(self.chance.choice(list(self.last_body)))
        elif what < 0.58:
            await self._claim()
        elif what < 0.83:
            await self._end_attempt()
        elif what < 0.98:
            self._pass(timedelta(seconds=self.chance.choice((0.3, 1, 1, 3, 7, 20, 90))))
        else:
            await self._strange()

    async def _strange(self) -> None:
        what = self.chance.randrange(6)
        if what == 0:
            self._pass(self.chance.choice((-HOUR, -5 * MINUTE, HOUR, 3 * HOUR)))
        elif what == 1:
            for here in await self.stage.destinations.broken():
                await self.stage.destinations.mend(here, now=self.stage.now)
        elif what == 2:
            here = self.chance.choice((OPS, ADA, TOPIC, BOB))
            here = await self.stage.destinations.moved(here)
            await self.stage.destinations.break_off(
                here, self.chance.choice(("chat_refuses", "topic_gone")), "", now=self.stage.now
            )
        elif what == 3 and not self.has_moved:
            self.has_moved = True
            await self.stage.destinations.move(OPS.chat_id, AFTER_MOVE, now=self.stage.now)
        elif what == 4:
            self.under_way.clear()  # ended and started again
            await self.stage.outbox.release()
            self._pass(2 * MINUTE)
        else:
            await self.stage.records.purge(before=self.stage.now - timedelta(days=180))

    async def _change(self, name: str) -> None:
        """Let some of a group fire or end, and tell."""
        self.truth_at += SECOND
        subjects = self.groups[name]
        changed = self.chance.sample(subjects, self.chance.randint(1, len(subjects)))
        told = [each for each in subjects if each.is_firing and self.chance.random() < 0.7]
        for subject in changed:
            if subject.is_firing:
                subject.ends = self.truth_at
            else:
                if subject.starts is None or self.chance.random() < 0.8:
                    subject.starts = self.truth_at
                subject.ends = None
            if subject not in told:
                told.append(subject)
        self.last_body[name] = webhook(*(each.written() for each in told), group=name)
        await self._post(name)

    async def _post(self, name: str) -> None:
        await self.stage.put(self.last_body[name], to=self.addressed.get(name))
        if self.chance.random() < 0.9:
            await self.stage.fold()

    async def _claim(self) -> None:
        for message in await self.stage.claim(*self.under_way):
            chat = message.destination.chat_id
            assert chat not in self.under_way
            self.under_way[chat] = message

    async def _end_attempt(self) -> None:
        if not self.under_way:
            return
        chat = self.chance.choice(list(self.under_way))
        message = self.under_way.pop(chat)
        await self._settle(message, self._draw(message))

    async def _settle(self, message: Claimed, outcome: Outcome) -> None:
        if isinstance(outcome, Sent) and isinstance(message.facts, CardFacts | BoardFacts):
            self.told[message.id] = message.facts
        await self.stage.settle(message, outcome, is_whole=self.chance.random() < 0.9)

    def _draw(self, message: Claimed) -> Outcome:
        shown = Sent(message.telegram_id or next(self.stage.numbers))
        if self.chance.random() < 0.8:
            return shown
        failures: list[Outcome] = [
            Failed(Reason.OUTAGE),
            Failed(Reason.RATE_LIMIT, wait=timedelta(seconds=self.chance.choice((1, 30, 300)))),
            Failed(Reason.BAD_MESSAGE),
            Failed(Reason.UNFORESEEN),
        ]
        if message.telegram_id is not None:
            failures.append(Failed(Reason.MESSAGE_GONE))
        if self.chance.random() < 0.2:
            failures.append(Failed(Reason.CHAT_REFUSES))
        return self.chance.choice(failures)

    def _pass(self, span: timedelta) -> None:
        self.stage.wait(span)
        self.truth_at += max(span, SECOND)

    async def settle_down(self) -> None:
        """Let everything be well again until nothing is left to do."""
        stage = self.stage
        await stage.fold()
        for message in self.under_way.values():
            await self._settle(message, Sent(message.telegram_id or next(stage.numbers)))
        self.under_way.clear()
        for here in await stage.destinations.broken():
            await stage.destinations.mend(here, now=stage.now)
        for _ in range(3000):
            while claimed := await stage.claim():
                for message in claimed:
                    await self._settle(message, Sent(message.telegram_id or next(stage.numbers)))
            stands = select(boards.c.id).where(boards.c.closed_at.is_(None)).limit(1)
            row = await stage.database.read(lambda c: c.execute(stands).first())  # noqa: B023
            if row is None and not (await stage.outbox.depth()).waiting:
                return
            stage.wait(2 * SECOND)
        raise AssertionError("it does not come to rest")

    async def judge(self) -> None:
        """Hold what the chats show against what is true."""
        assert (await self.stage.records.balance()).total == 0
        await self._judge_books()
        await self._judge_truth()

    async def _judge_books(self) -> None:
        """Every card, or the board that covers it, says last how each of its episodes is."""
        wanted = (
            select(
                episodes.c.id,
                episodes.c.ended_at,
                messages.c.id.label("message"),
                messages.c.is_covered,
                cards.c.board_id,
            )
            .join(card_episodes, card_episodes.c.episode_id == episodes.c.id)
            .join(cards, cards.c.id == card_episodes.c.card_id)
            .join(messages, messages.c.card_id == cards.c.id)
            .where(messages.c.kind == "card")
        )
        of_boards = select(messages.c.board_id, messages.c.id).where(messages.c.kind == "board")
        rows = await self.stage.database.read(lambda c: c.execute(wanted).all())
        boards_of = dict(await self.stage.database.read(lambda c: c.execute(of_boards).all()))
        for row in rows:
            teller = boards_of[row.board_id] if row.is_covered else row.message
            facts = self.told[teller]
            state = {each.episode_id: each.ended_at for each in facts.members}
            assert state.get(row.id, "absent") == row.ended_at, (row, facts)

    async def _judge_truth(self) -> None:
        """Every chat that should hear shows how each alert really is, and nothing else."""
        places = select(
            messages.c.id, messages.c.chat_id, messages.c.thread_id, messages.c.telegram_id
        )
        rows = await self.stage.database.read(lambda c: c.execute(places).all())
        here = {row.id: Destination(row.chat_id, row.thread_id) for row in rows}
        # What a group showed before it became another cannot be edited any more.
        lost = {row.id for row in rows if row.telegram_id is None}
        seen: set[tuple[Destination, str, bool]] = set()
        for number, facts in self.told.items():
            if number not in here:
                continue
            for member in facts.members:
                seen.add((here[number], member.host, member.is_firing))
            if isinstance(facts, BoardFacts) and number not in lost:
                assert facts.state is BoardState.CLOSED
        for name, subjects in self.groups.items():
            given = self.addressed.get(name)
            audience = [given] if given else [*self.stage.hearing.subscribed]
            for subject in subjects:
                if subject.starts is None:
                    continue
                for each in audience:
                    place = await self.stage.destinations.moved(each)
                    assert (place, subject.host, subject.is_firing) in seen, (place, subject)
                    if not subject.is_firing:
                        self._judge_stale(place, subject, here)

    def _judge_stale(
        self, place: Destination, subject: Subject, here: dict[int, Destination]
    ) -> None:
        """Nothing that is kept true says that something over still fires."""
        for number, facts in self.told.items():
            if here.get(number) == place and isinstance(facts, CardFacts):
                firing = {each.host for each in facts.firing}
                assert subject.host not in firing, (subject, facts)
