"""Every command through a local Telegram: each role and a stranger, in each language."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from agent.wire import Event, Told, Verb
from bridge import limits
from bridge.clients.authority import open_authority
from bridge.core.access import Role
from bridge.core.agents import Newcomer
from bridge.core.answers import Answer, Kind, Value
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.preferences import change_preferences
from bridge.drawing import Drawing
from bridge.hands import WayToHosts
from bridge.inbound.chat.command import Command
from bridge.limits import Pace
from bridge.store.agents import Agents
from bridge.views.voice import Voice, Voices
from tests.fakes.declared import declare
from tests.fakes.hands import done
from tests.fakes.local_telegram import ADA, ON_CALL, LocalTelegram, open_local_telegram
from tests.fakes.machines import know_agent, know_host, know_machine, know_numbers
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.webhooks import alert, webhook
from tests.fakes.whole_bridge import WholeBridge, open_whole_bridge

BORIS, CHEN, MALLORY = 1002, 1003, 1666
PEOPLE: dict[int, Role | None] = {
    ADA: Role.ADMIN,
    BORIS: Role.OPERATOR,
    CHEN: Role.VIEWER,
    MALLORY: None,
}
LANGUAGES = {"en": r"[A-Za-z]", "ru": r"[Ѐ-ӿ]", "zh_TW": r"[一-鿿]"}
INVENTORY = (
    "web-1 192.0.2.10:9100 192.0.2.10:8001 group=web\n"
    "db-1 192.0.2.11:9100 192.0.2.11:8001 group=db\n"
)
GUEST = 52341678


@dataclass(frozen=True)
class Row:
    """A call, and what its answer holds whatever the language."""

    words: str = ""
    holds: str = ""
    picture: bool = False
    before: str = ""
    """What an admin says first."""
    file: bool = False
    is_warning: bool = False
    """Whether the answer begins with a warning: a question, or that it cannot be done."""
    is_number: bool = False
    """Whether the answer may be made of names and figures alone."""


TABLE: dict[str, Row] = {
    "start": Row(holds="Opswire"),
    "help": Row(holds="/whoami"),
    "whoami": Row(holds=r"\b1\d{3}\b"),
    "about": Row(holds="Apache-2.0"),
    "more_info_GitHub": Row(holds="Apache-2.0"),
    "agents": Row(holds=r"web-1.* actions\n[\s\S]*db-1.* actions$"),
    "hosts": Row("all", holds="web-1"),
    "status": Row("WEB-1", holds=r"web-1[\s\S]*bookworm[\s\S]*nginx[\s\S]*ada"),
    "stat": Row(),
    "mon_cpu": Row("web-1", holds=r"30[.,]\d* ?%"),
    "mon_cpu_local": Row("192.0.2.10", holds=r"30[.,]\d* ?%"),
    "mon_mem": Row("web-1", holds=r"90[.,]\d* ?%"),
    "mon_mem_local": Row("web-1", holds=r"90[.,]\d* ?%"),
    "mon_disk": Row("192.0.2.10:9100", holds=r"95[.,]\d* ?%"),
    "mon_disk_local": Row("web-1", holds=r"95[.,]\d* ?%"),
    "mon_net": Row("web-1", holds=r"12[.,]50"),
    "cpu": Row("web-1", holds=r"30[.,]\d* ?%"),
    "ram": Row("web-1", holds=r"7[.,]20", is_number=True),
    "disk": Row("web-1", holds=r"95[.,]\d* ?%", is_number=True),
    "uptime": Row("web-1", holds=r"web-1"),
    "query": Row('up{job="node"}', holds="42", is_number=True),
    "mon_cpu_picture": Row("web-1 60", holds="web-1", picture=True),
    "mon_mem_picture": Row("web-1 1000 60", holds="web-1", picture=True),
    "mon_disk_picture": Row("web-1 1h", holds="web-1", picture=True),
    "mon_net_picture": Row("web-1 1d", holds="web-1", picture=True),
    "mon_load_picture": Row("web-1 7d", holds="web-1", picture=True),
    "graph": Row("web-1", holds="web-1", picture=True, is_number=True),
    "graph_query": Row("host:cpu_busy_percent:rate2m{} 60", picture=True, is_number=True),
    "alerts": Row("web-1", holds="AgentDown"),
    "list": Row("{card}", holds="1", file=True),
    "chart": Row("{card}", holds="web-1", picture=True),
    "op_exec": Row("web-1 df -h", holds="all is well"),
    "bash": Row("web-1 df -h", holds="all is well"),
    "broadcast": Row("group=web uptime", holds="all is well"),
    "op_port": Row("web-1", holds="8080", is_number=True),
    "op_stop": Row("web-1 8080", holds="8080", is_warning=True),
    "top": Row("web-1 mem 3", holds="nginx"),
    "login": Row("web-1 status", holds="auth.log"),
    "yes": Row("nonsense", is_warning=True),
    "no": Row("nonsense", is_warning=True),
    "stop": Row("4711", is_warning=True),
    "output": Row("4711", is_warning=True),
    "add": Row("web-9 192.0.2.99", holds="opswire1"),
    "reinstall": Row("web-1", holds="opswire1"),
    "delete": Row("db-1", holds="db-1", is_warning=True),
    "subscribe": Row(holds=r"\b1\d{3}\b"),
    "unsubscribe": Row(before="/addsub {me}"),
    "subscriptions": Row(holds=str(ON_CALL)),
    "settings": Row("quiet 22:00-07:00", holds="22:00-07:00"),
    "set": Row("quiet 22:00-07:00", holds="22:00-07:00"),
    "addsub": Row("-1002000000001 group=db", holds=r"-1002000000001[\s\S]*group=db"),
    "rmsub": Row("-1002000000001", before="/addsub -1002000000001", holds="-1002000000001"),
    "users": Row(holds=str(ADA)),
    "adduser": Row(f"{GUEST} viewer group=db", holds=str(GUEST)),
    "rmuser": Row(str(GUEST), before=f"/adduser {GUEST} viewer", holds=str(GUEST)),
    "stats": Row(holds="Opswire"),
    "audit": Row("5", before=f"/adduser {GUEST} viewer", holds="/adduser"),
}


@dataclass
class Scene:
    """A bridge with numbers and pictures, a local Telegram, and the people in it."""

    bridge: WholeBridge
    local: LocalTelegram
    voices: Voices
    card: str
    """The number of the card that stands in the group."""

    async def speak(self, language: str) -> Voice:
        """Have every chat choose a language; give the voice it is spoken to with."""
        assert self.bridge.bridge.talk is not None
        now = datetime.now(UTC)  # noqa: TID251 - a test's own
        for here in (*PEOPLE, ON_CALL):
            change = partial(
                change_preferences, words=["language", language], languages=tuple(LANGUAGES)
            )
            await self.bridge.bridge.stores.chats.choose(Destination(here), change, now=now)
        return self.voices.create(language, UTC, now)

    async def say(self, text: str, person: int, chat: int | None = None) -> Any:
        """Say something; give the next thing the bot says there."""
        where = person if chat is None else chat
        await self.rest()
        before = await self.newest(where)
        await self.local.post("/say", chat_id=where, person_id=person, text=text)
        return await self.answer(where, before)

    async def rest(self) -> None:
        """Wait until all has come that anybody said before, and what followed from it."""
        assert self.bridge.bridge.talk is not None
        async with asyncio.timeout(60):
            # What is worked on sets no event when it is over.
            while self.bridge.bridge.talk._poller._entered:  # noqa: ASYNC110 - above
                await asyncio.sleep(0.02)
        await self.bridge.settled()

    async def newest(self, chat: int) -> int:
        """Give the number of the newest message of a chat."""
        numbers = [each["message_id"] for each in await self.local.messages(chat)]
        return max(numbers, default=0)

    async def answer(self, chat: int, before: int) -> Any:
        """Wait for the next thing the bot says in a chat; a card is nobody's answer."""
        async with asyncio.timeout(300):
            while True:
                found = [
                    each
                    for each in await self.local.messages(chat)
                    if each["message_id"] > before and each["text"] != "⏳" and not is_card(each)
                ]
                if found:
                    return found[0]
                await asyncio.sleep(0.02)

    async def settled(self, message: Any, holds: str) -> Any:
        """Give a message as it stands once it holds what is waited for; some grow to their end."""
        now = message
        with suppress(TimeoutError):  # what it lacks is said by whoever asked for it
            async with asyncio.timeout(60):
                while not re.search(holds, read(now)):
                    await asyncio.sleep(0.02)
                    there = await self.local.messages(message["chat_id"])
                    [now] = [e for e in there if e["message_id"] == message["message_id"]]
        return now


class FakeLines:
    """Hosts that answer every order."""

    facts: ClassVar[dict[Verb, dict[str, Any]]] = {
        Verb.PORTS: {
            "ports": [
                {
                    "port": 8080,
                    "protocol": "tcp",
                    "addresses": ["*"],
                    "processes": [{"pid": 7, "name": "nginx"}],
                }
            ]
        },
        Verb.TOP: {
            "processes": [{"pid": 7, "name": "nginx", "user": "www", "cpu": 3.5, "memory": 4096}]
        },
        Verb.LOGINS: {"state": "watching", "source": "/var/log/auth.log", "since": 1.0},
        Verb.SESSIONS: {"sessions": [{"user": "ada", "line": "pts/0", "host": "192.0.2.7"}]},
        Verb.DESCRIBE: {"ceiling": "actions"},
    }

    def create_order(
        self, host: str, verb: Verb, arguments: object, *, job: str, now: datetime
    ) -> tuple[Verb, str]:
        del host, arguments, now
        return verb, job

    async def ask(
        self, host: str, address: str, key: bytes, order: tuple[Verb, str], *, patience: float
    ) -> AsyncGenerator[Event, None]:
        del host, address, key, patience
        verb, job = order
        if verb is Verb.RUN:
            for event in done("all is well\n", job=job):
                yield event
        else:
            yield Told(job=job, at=0, facts=self.facts[verb])

    async def forget(self, address: str) -> None:
        del address


async def let_in(whole: WholeBridge, now: datetime) -> None:
    """Let an agent of each host in, as enrolment does."""
    agents = Agents(whole.bridge.stores.database)
    for number, host in enumerate(("web-1", "db-1")):
        address = f"192.0.2.1{number}:8001"
        entry = Entry(at=now, who=None, what="enrol", on=host)
        await agents.put_code(host, host=host, address=address, by=None, entry=entry, now=now)
        newcomer = Newcomer(
            host=host, key=bytes([number]) * 32, serial=str(number), address=address
        )
        await agents.use_code(host, newcomer, entry=entry, now=now)


def know_two_hosts(prometheus: FakePrometheus, now: datetime) -> None:
    for name in ("web-1", "db-1"):
        know_host(prometheus, name, now)
        know_agent(prometheus, name, now)
        know_numbers(prometheus, name, now)
        know_machine(prometheus, name, now)


class Knowing(FakePrometheus):
    """Knows the same of every moment that it is asked about."""

    async def fetch_values(self, promql: str, at: datetime | None = None) -> Answer:
        del at
        self._note(promql)
        return Answer(kind=Kind.VECTOR, values=(Value(labels={"host": "web-1"}, at=0, value=42),))


@pytest.fixture(scope="module")
def impatience() -> Iterator[None]:
    """Lift what a person would have to wait for: paces, and the silence towards strangers."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CHAT_CALLS", "GROUP_CALLS", "OVERALL_CALLS"):
            patch.setattr(limits, name, Pace(10_000, timedelta(seconds=1)))
        # Answers have what the cards' share leaves.
        patch.setattr(limits, "GROUP_CARD_CALLS", Pace(5_000, timedelta(seconds=1)))
        patch.setattr(limits, "STRANGER_CALLS", Pace(10_000, timedelta(seconds=1)))
        patch.setattr(limits, "REFUSAL_AGAIN", timedelta(0))
        for name in ("CHART_PATIENCE_SECONDS", "CHART_SECONDS", "CHART_WORKER_SECONDS"):
            patch.setattr(limits, name, 240)
        patch.setattr(limits, "ANSWER_PATIENCE", timedelta(minutes=5))
        patch.setattr(limits, "ANSWER_LONGEST", timedelta(minutes=10))
        patch.setattr(limits, "INSIDE_WITHIN", timedelta(minutes=1))
        patch.setattr(limits, "JOB_RINGS_AFTER", timedelta(hours=1))
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory, impatience: None) -> AsyncIterator[Scene]:
    del impatience
    folder = tmp_path_factory.mktemp("every")
    (folder / "agents.txt").write_text(INVENTORY)
    settings = {"ALLOWED_USERS": str(ADA), "AGENTS_FILE": str(folder / "agents.txt")}
    prometheus = Knowing()
    now = datetime.now(UTC)  # noqa: TID251 - a certificate is good from now on
    authority = open_authority(folder / "keys", door="127.0.0.1:8003", now=now)
    lines: Any = FakeLines()
    way = WayToHosts(authority=authority, lines=lines)
    know_two_hosts(prometheus, datetime.now(UTC))  # noqa: TID251 - as fresh as its readers
    async with (
        open_local_telegram(folder / "telegram") as local,
        Drawing(folder / "charts", samples={"ru": "загрузка", "zh_TW": "記憶體"}) as artist,
        open_whole_bridge(folder / "bridge", local, prometheus, artist, way, **settings) as bridge,
    ):
        await let_in(bridge, datetime.now(UTC))  # noqa: TID251 - as its readers

        fault: list[tuple[str, Exception]] = []
        scene = Scene(bridge, local, Voices(lambda *told: fault.append(told)), "")
        fires = alert("AgentDown", host="web-1")
        fires["labels"]["resource"] = "cpu"
        await bridge.post(webhook(fires))
        await bridge.settled()
        [card] = await local.messages(ON_CALL)
        scene.card = card["inline_keyboard"][0][0]["callback_data"].split()[1]
        await local.post(f"/chats/{ON_CALL}/members", person_id=MALLORY, present=True)
        await scene.say(f"/adduser {BORIS} operator", ADA)
        await scene.say(f"/adduser {CHEN} viewer", ADA)
        yield scene
        refused = [call["method"] for call in await local.calls() if not call["ok"]]
        # The menu of somebody who has never written to the bot comes once they have.
        assert set(refused) <= {"setMyCommands"}
        assert fault == []
        assert "opswire_template_faults_total{" not in await bridge.figures()


with tempfile.TemporaryDirectory() as declared_in:
    DECLARED = declare(Path(declared_in))


def find(called: str) -> Command:
    command = DECLARED.find(called)
    assert command is not None
    return command


def test_the_table_has_every_command_and_alias() -> None:
    assert set(TABLE) == {name for each in DECLARED for name in (each.name, *each.aliases)}


def is_card(message: Any) -> bool:
    """Say whether a message is an alert's own: it comes by itself to a chat that subscribes."""
    buttons = [each for row in message["inline_keyboard"] or () for each in row]
    return bool(buttons) and str(buttons[0].get("callback_data", "")).startswith("list ")


def read(message: Any) -> str:
    return str(message["text"] or message["caption"] or "")


def require_good(message: Any, row: Row, language: str, called: str) -> None:
    """Require that an answer is one: whole, in the language, with what was asked for."""
    text = read(message)
    where = f"/{called} in {language}: {text!r}"
    assert row.is_warning or not re.search(r"^[🚫⚠🔎]", text), where
    assert not re.search(r"^💥|%\(|\{\{|None\b|Traceback", text), where
    assert re.search(row.holds, text), where
    assert (bool(message["photo"]), bool(message["document"])) == (row.picture, row.file), where
    spoken = re.sub(r"/\w+|Opswire", "", text)
    if row.is_number:
        return
    assert re.search(LANGUAGES[language], spoken), where
    if language == "en":
        assert not re.search(r"[Ѐ-ӿ一-鿿]", spoken.replace("Русский", "")), where


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("called", TABLE)
async def test_every_command_answers_whoever_may_and_refuses_the_others(
    scene: Scene, called: str, language: str
) -> None:
    command, row = find(called), TABLE[called]
    voice = await scene.speak(language)
    needs = command.needs
    # A card's buttons hold in the chat where the card stands.
    chat = ON_CALL if "{card}" in row.words else None
    for person, role in PEOPLE.items():
        may = needs is None or (role is not None and role.rank >= needs.rank)
        if may and row.before:
            await scene.say(row.before.replace("{me}", str(person)), ADA)
            await scene.bridge.settled()
        words = row.words.replace("{card}", scene.card)
        said = await scene.say(f"/{called} {words}".strip(), person, chat)
        if may:
            said = await scene.settled(said, row.holds)
            require_good(said, row, language, called)
        elif role is None:
            refused = "🚫 You have no access here. /whoami shows how to ask for it."
            assert read(said) == voice.say(refused)
        else:
            refused = "🚫 That needs the role %(role)s."
            assert needs is not None
            assert read(said) == voice.say(refused, role=needs.value)
