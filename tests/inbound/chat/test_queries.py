"""Questions of one's own, as people in the chat see the answers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.access import Person, Role, parse_scope
from bridge.core.answers import Answer, Kind, Value
from bridge.core.formatted import Content
from bridge.core.series import Series
from bridge.errors import BridgeError, Late, Mistake, Outage, TooMuch
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.queries import Queries
from bridge.limits import CAPTION_CHARACTERS, MESSAGE_CHARACTERS
from bridge.views.query_table import write_answer
from tests.fakes.chat import NOON, STRANGER, VIEWER, FakeChat
from tests.fakes.prometheus import FakePrometheus

DB_VIEWER = 21
SECOND = 1749463200.0


@dataclass
class World:
    chat: FakeChat
    prometheus: FakePrometheus

    async def hear(self, text: str, user_id: int = VIEWER) -> str:
        [said] = await self.chat.say(text, user_id)
        return said.text


@pytest.fixture
def world() -> World:
    commands, prometheus = Commands(), FakePrometheus()
    chat = FakeChat(commands)
    for each in Queries(prometheus=prometheus).commands:
        commands.add(each)
    chat.people.known[DB_VIEWER] = Person(
        user_id=DB_VIEWER, role=Role.VIEWER, scope=parse_scope(["group=db"])
    )
    return World(chat, prometheus)


def vector(*values: tuple[dict[str, str], float], **more: object) -> Answer:
    found = tuple(Value(labels=labels, at=SECOND, value=value) for labels, value in values)
    return Answer(kind=Kind.VECTOR, values=found, **more)  # type: ignore[arg-type]


async def test_a_table_says_once_what_all_rows_share(world: World) -> None:
    world.prometheus.answer = vector(
        ({"__name__": "up", "job": "node", "host": "Server"}, 1.0),
        ({"__name__": "up", "job": "node", "host": "Agent1"}, 0.0),
        ({"__name__": "up", "job": "node", "host": "Agent2"}, 12345.678),
    )
    assert (await world.hear('/query up{job="node"}')).splitlines() == [
        'up{job="node"}',
        'up{job="node"}',
        "       1  Server",
        "       0  Agent1",
        "12,345.7  Agent2",
        "🕙 10:00:00 UTC",
    ]
    assert world.prometheus.asked == ['up{job="node"}']


async def test_rows_are_told_apart_by_what_differs(world: World) -> None:
    world.prometheus.answer = vector(
        ({"__name__": "a", "x": "1", "y": "2"}, 1.0), ({"__name__": "b", "x": "3"}, 2.5)
    )
    assert "  1  a x=1, y=2\n2.5  b x=3" in await world.hear("/query x")


async def test_a_query_goes_to_prometheus_byte_for_byte(world: World) -> None:
    await world.hear('/query  sum by (host)\n  (rate(x{a="b  c"}[5m]))  ')
    assert world.prometheus.asked == ['sum by (host)\n  (rate(x{a="b  c"}[5m]))']


async def test_curly_quotes_of_a_phone_are_straightened(world: World) -> None:
    await world.hear("/query up{job=“node”}")
    await world.hear('/query up{job="“node”"}')
    assert world.prometheus.asked == ['up{job="node"}', 'up{job="“node”"}']


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(kind=Kind.SCALAR, values=(Value(labels={}, at=SECOND, value=0.1 + 0.2),)), "0.3"),
        (Answer(kind=Kind.STRING, text="hello <b>"), "hello <b>"),
        (vector(({"host": "Server"}, math.nan)), '{host="Server"}\nNaN'),
        (vector(({"a": "1"}, math.inf), ({"a": "2"}, -math.inf)), "+Inf  1\n-Inf  2"),
        (vector(), "no data"),
        (Answer(kind=Kind.MATRIX), "no data"),
        (vector(({}, 3.0)), "\n3\n"),
    ],
)
async def test_every_kind_of_answer_is_shown(world: World, answer: Answer, said: str) -> None:
    world.prometheus.answer = answer
    assert said in await world.hear("/query x")


async def test_a_range_shows_the_last_of_each_and_how_many_there_are(world: World) -> None:
    points = tuple((SECOND + number, float(number)) for number in range(20))
    world.prometheus.answer = Answer(
        kind=Kind.MATRIX,
        series=(
            Series(labels={"host": "a"}, points=points),
            Series(labels={"host": "b"}, points=points[:1]),
            Series(labels={"host": "c"}, points=()),
        ),
    )
    assert "19  a (20 samples)\n 0  b" in await world.hear("/query up[5m]")


async def test_a_long_answer_is_a_file_with_its_beginning_as_caption(world: World) -> None:
    rows = [({"host": f"host-{number:04}", "job": "node"}, number / 3) for number in range(500)]
    world.prometheus.answer = vector(*rows, left_out=4500)
    [said] = await world.chat.say("/query x", VIEWER)
    assert len(said.text) <= CAPTION_CHARACTERS
    assert "host-0000" in said.text
    assert "488 rows more are in the file" in said.text
    assert "4500 series more were left out" in said.text
    attachment = said.content.attachment
    assert attachment is not None
    assert attachment.name == "query.txt"
    text = attachment.content.decode("utf-8-sig")
    assert '{host="host-0499", job="node"} 166.33333333333334' in text
    assert text.splitlines()[0] == "x"


async def test_what_was_cut_is_at_least_so_much(world: World) -> None:
    world.prometheus.answer = vector(({"a": "b"}, 1.0), left_out=1, is_cut=True)
    assert "at least 1 series more was left out" in await world.hear("/query x")


async def test_warnings_are_shown(world: World) -> None:
    world.prometheus.answer = vector(({"a": "b"}, 1.0), warnings=("half is missing",))
    assert "⚠️ half is missing" in await world.hear("/query x")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            Mistake("Prometheus says: %(said)s", said='1:4: parse error: unexpected "}"'),
            'error: unexpected "}"',
        ),
        (TooMuch("the query is too long"), "the query is too long"),
        (Late("Prometheus", "no whole answer within 8 s"), "Prometheus cannot be asked now."),
        (Outage("Prometheus", "refuses the question (503)"), "refuses the question (503)"),
    ],
)
async def test_what_goes_wrong_is_told(world: World, fault: BridgeError, said: str) -> None:
    world.prometheus.fault = fault
    assert said in await world.hear("/query up}")


async def test_a_query_without_one_yields_usage(world: World) -> None:
    for text in ("/query", "/query   \n "):
        said = await world.hear(text)
        assert "/query <promql>" in said
        assert '/query up{job="node"}' in said
    assert world.prometheus.asked == []


async def test_a_person_or_chat_with_limits_is_refused(world: World) -> None:
    for text in ("/query up", "/query"):
        assert "limited to some hosts" in await world.hear(text, DB_VIEWER)
    assert world.prometheus.asked == []


async def test_a_stranger_is_refused(world: World) -> None:
    assert "no access" in await world.hear("/query up", STRANGER)
    assert world.prometheus.asked == []


async def test_the_same_again_is_a_button_as_long_as_it_fits_one(world: World) -> None:
    [said] = await world.chat.say("/query up", VIEWER)
    assert said.buttons == {"🔄": "query up"}
    [said] = await world.chat.say("/query " + "up or " * 20 + "up", VIEWER)
    assert said.buttons == {}


LABELS = st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=300), max_size=6)
CHAT = FakeChat(Commands())
ANSWERS = st.builds(
    Answer,
    kind=st.just(Kind.VECTOR),
    values=st.lists(
        st.builds(Value, labels=LABELS, at=st.just(SECOND), value=st.floats()), max_size=60
    ).map(tuple),
    left_out=st.integers(0, 10**9),
    is_cut=st.booleans(),
    warnings=st.lists(st.text(max_size=300), max_size=3).map(tuple),
)


@settings(deadline=None)
@given(
    answer=ANSWERS, promql=st.text(max_size=4000), language=st.sampled_from(["en", "ru", "zh_TW"])
)
def test_whatever_prometheus_answers_fits_a_message(
    answer: Answer, promql: str, language: str
) -> None:
    voice = CHAT.places.voices.create(language, CHAT.places.zone, NOON)
    content: Content = write_answer(voice, promql, answer)
    most = CAPTION_CHARACTERS if content.attachment else MESSAGE_CHARACTERS
    assert 0 < len(content.text) <= most
    assert CHAT.faults == []
