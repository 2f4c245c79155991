"""Bridges that die at one await after the other, between a chat and hosts that live on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.wire import Ended, Event, Output, Refused, Started, Told, Verb, Why
from bridge.core.access import Actor, Role
from bridge.core.audience import Destination
from bridge.core.formatted import Content
from bridge.core.inventory import Host, parse_inventory
from bridge.core.outbox import Outcome, Sent
from bridge.core.questions import Deed, Wish
from bridge.inbound.chat.closing import Closing
from bridge.inbound.chat.command import Asked
from bridge.inbound.chat.everywhere import Everywhere
from bridge.inbound.chat.job_desk import RunDesk
from bridge.inbound.chat.live_jobs import LiveJobs
from bridge.inbound.chat.resuming import Resuming
from bridge.inbound.chat.running_jobs import RunningJobs
from bridge.store import lanes
from bridge.store.database import Database
from bridge.store.jobs import Jobs
from bridge.views.voice import Voice, Voices
from tests.fakes.chat import NOON

INVENTORY = parse_inventory(
    "\n".join(
        f"{name} 192.0.2.{number}:9100 192.0.2.{number}:8001"
        for number, name in enumerate(("a", "b", "c"), 1)
    )
)
ADA = 7


class Doom:
    """Counts the awaits of one bridge, and stops everything of it at one of them."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.passed = 0
        self.is_dead = False

    def pass_point(self) -> None:
        self.passed += 1
        self.is_dead = self.is_dead or self.passed == self._at


class Doomed(Coroutine[Any, Any, Any]):
    """A part of a bridge: once that is dead, it is never heard of again."""

    def __init__(self, inner: Coroutine[Any, Any, Any], doom: Doom) -> None:
        self._inner = inner
        self._doom = doom

    def send(self, value: Any) -> Any:
        if self._doom.is_dead:
            return _wait_for_ever()
        waits_for = self._inner.send(value)
        self._doom.pass_point()
        return waits_for

    def throw(self, kind: Any, value: Any = None, trace: Any = None) -> Any:
        del trace
        if self._doom.is_dead:
            return _wait_for_ever()
        waits_for = self._inner.throw(kind if value is None else value)
        self._doom.pass_point()
        return waits_for

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()


def _wait_for_ever() -> Any:
    return next(asyncio.get_running_loop().create_future().__await__())


class AtOnce(Executor):
    """Has done what it is given when it answers.

    How often somebody looks whether a thread is done depends on the disk, and so would the number
    of awaits.
    """

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        done = Future[Any]()
        try:
            done.set_result(call(*given, **named))
        except BaseException as fault:  # noqa: BLE001 - it is for whoever asked
            done.set_exception(fault)
        return done


class QuickDatabase(Database):
    """A database that never keeps anybody waiting."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        for lane in (self._writer, self._keeper):
            lane.shutdown()
            lane._thread = AtOnce()  # type: ignore[assignment]  # as good as a pool here
        self._readers.shutdown()
        self._readers = AtOnce()  # type: ignore[assignment]  # the same

    async def write_on(self) -> None:
        """Let what is on its way to the disk get there."""
        for lane in (self._writer, self._keeper):
            await lane.finish()


@dataclass
class Telegram:
    """Shows messages, whoever sends them; an edit that the dead have sent is shown as well."""

    texts: dict[int, list[str]] = field(default_factory=dict)
    """Message → everything that it has said."""
    files: list[bytes] = field(default_factory=list)
    buttons: dict[int, Any] = field(default_factory=dict)

    async def say(
        self, content: Content, where: Destination, *, reply_to: int | None, is_loud: bool
    ) -> Outcome:
        del where, reply_to, is_loud
        return await self._show(len(self.texts) + 1000, content)

    async def change(self, content: Content, where: Destination, telegram_id: int) -> Outcome:
        del where
        return await self._show(telegram_id, content)

    async def _show(self, telegram_id: int, content: Content) -> Outcome:
        await asyncio.sleep(0)
        if content.attachment is not None:
            self.files.append(content.attachment.content)
            await asyncio.sleep(0)
            return Sent(2000 + len(self.files))
        said = self.texts.setdefault(telegram_id, [])
        if said[-1:] != [content.text.text]:
            said.append(content.text.text)
        self.buttons[telegram_id] = content.keyboard
        await asyncio.sleep(0)
        return Sent(telegram_id)


@dataclass
class Hosts:
    """Hosts with agents, which end a job that nobody hears any more, and remember it."""

    is_long: bool = False
    """Whether a command runs until somebody stops it."""
    jobs: dict[str, Why | None] = field(default_factory=dict)
    """What ran, and how it ended."""
    starts: int = 0
    closed: int = 0
    cancelled: set[str] = field(default_factory=set)

    async def ask(
        self, host: Host, verb: Verb, *, job: str, within: timedelta, **arguments: Any
    ) -> AsyncGenerator[Event, None]:
        del host, within
        await asyncio.sleep(0)  # on its way
        match verb:
            case Verb.RUN:
                async for event in self._run(job):
                    yield event
            case Verb.FOLLOW:
                for event in self._follow(job):
                    yield event
            case Verb.CANCEL:
                is_live = arguments["of"] in self.jobs and self.jobs[arguments["of"]] is None
                if is_live:
                    self.cancelled.add(arguments["of"])
                yield Told(job=job, at=0, facts={"stopped": is_live})
            case Verb.CLOSE:
                self.closed += 1
                await asyncio.sleep(0)
                yield Told(job=job, at=0, facts={"free": True, "ended": [{"pid": 5, "name": "nc"}]})

    async def _run(self, job: str) -> AsyncGenerator[Event, None]:
        assert job not in self.jobs, "nothing runs twice"
        self.starts += 1
        self.jobs[job] = None
        await asyncio.sleep(0)
        yield Started(at=0, shown="df")
        yield Output(at=0, is_error=False, text="fine\n")
        await asyncio.sleep(0)
        while self.is_long and job not in self.cancelled:  # noqa: ASYNC110 - counted turns
            await asyncio.sleep(0)
        why = Why.STOPPED if job in self.cancelled else Why.DONE
        self.jobs[job] = why
        await asyncio.sleep(0)
        yield _end(job, why)

    def _follow(self, job: str) -> list[Event]:
        if job not in self.jobs:
            return [Refused(job=job, at=0, rule="unknown", sentence="no such job is known here")]
        why = self.jobs[job] = self.jobs[job] or Why.GONE  # whoever heard it is dead
        return [Started(at=0, shown="df"), _end(job, why)]


def _end(job: str, why: Why) -> Ended:
    code = 0 if why is Why.DONE else None
    return Ended(job=job, at=0, why=why, code=code, seconds=1, bytes=5, digest="ab")


class Life:
    """One run of a bridge."""

    def __init__(self, stage: Stage, number: int) -> None:
        self._stage = stage
        desk = RunDesk(
            hands=stage.hosts,
            speaker=stage.telegram,
            kept=Jobs(stage.database, owner=f"life {number}"),
            inventory=lambda: INVENTORY,
            find_voice=stage.find_voice,
            start=asyncio.ensure_future,
            clock=lambda: stage.now,
            sleep=lambda _: asyncio.sleep(0),
        )
        self.live = LiveJobs(desk)
        self.running = RunningJobs(desk, self.live)
        self.closing = Closing(desk=desk, live=self.live)
        self.everywhere = Everywhere(desk=desk, live=self.live, ask_first=_never_ask)
        self.resuming = Resuming(desk, self.live)


def _never_ask(_: Asked, wish: Wish) -> Content:
    raise AssertionError(wish)


@dataclass
class Stage:
    """What outlives bridges: the store, the chat, the hosts."""

    database: QuickDatabase
    voices: Voices
    message_id: int
    telegram: Telegram = field(default_factory=Telegram)
    hosts: Hosts = field(default_factory=Hosts)
    now: datetime = NOON
    lives: int = 0
    dead: list[tuple[Doom, list[asyncio.Task[Any]]]] = field(default_factory=list)

    async def find_voice(self, _: Destination) -> Voice:
        await asyncio.sleep(0)
        return self._create_voice()

    def _create_voice(self) -> Voice:
        return self.voices.create("en", UTC, self.now)

    def ask(self, command: str) -> Asked:
        """Let somebody ask for something; no two stages have the same message."""
        actor = Actor(
            user_id=ADA, role=Role.OPERATOR, chat=Destination(ADA), is_private=True, name="Ada"
        )
        return Asked(
            actor=actor,
            voice=self._create_voice(),
            command=command,
            text=f"{self.message_id}",
            message_id=self.message_id,
            is_pressed=command == "op_stop",
        )

    @property
    def what(self) -> str:
        """What the audit has to tell of it by."""
        return f" {self.message_id}"

    async def bury(self) -> None:
        """Let the dead go, once nothing is looked at any more."""
        for doom, tasks in self.dead:
            doom.is_dead = False
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.01)

    async def live(self, story: Any, *, until: int = 0) -> Doom:
        """Let a bridge live a story, until it is over or the bridge is dead."""
        doom, tasks = Doom(until), list[asyncio.Task[Any]]()
        self.lives += 1
        life = Life(self, self.lives * 100_000 + self.message_id)
        async with _watched(doom, tasks):
            asyncio.ensure_future(story(life))  # noqa: RUF006 - the factory keeps it
            async with asyncio.timeout(60):
                while not doom.is_dead and not all(each.done() for each in tasks):  # noqa: ASYNC110 - as often as the bridge itself
                    await asyncio.sleep(0)
                await self.database.write_on()
        if doom.is_dead:
            self.dead.append((doom, tasks))
            return doom
        for each in tasks:
            if not each.cancelled():
                each.result()
        return doom


@asynccontextmanager
async def _watched(doom: Doom, tasks: list[asyncio.Task[Any]]) -> AsyncIterator[None]:
    """Doom every task that is made meanwhile; the store's own write on, as a disk does."""
    loop = asyncio.get_running_loop()

    def create(on: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        if work.cr_code.co_filename == lanes.__file__:
            return asyncio.Task(work, loop=on, **named)
        task = asyncio.Task(Doomed(work, doom), loop=on, **named)
        tasks.append(task)
        return task

    loop.set_task_factory(create)
    try:
        yield
    finally:
        loop.set_task_factory(None)


def wish(*hosts: str) -> Wish:
    return Wish(deed=Deed.BROADCAST, needs=Role.OPERATOR, hosts=hosts, command="df")
