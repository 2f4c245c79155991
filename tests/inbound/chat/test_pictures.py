"""Pictures, as people in the chat ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.core.access import Person, Role, parse_scope
from bridge.core.answers import Answer, Kind
from bridge.core.inventory import parse_inventory
from bridge.core.keyboards import name_host
from bridge.core.promql import Unit
from bridge.core.series import Series
from bridge.errors import BridgeError, Late, Mistake, Outage, TooMuch
from bridge.inbound.chat.command import Commands
from bridge.inbound.chat.hosts import Hosts
from bridge.inbound.chat.pictures import Pictures, Times
from tests.fakes.artist import PICTURE, FakeArtist
from tests.fakes.chat import NOON, STRANGER, VIEWER, FakeChat, Said
from tests.fakes.machines import GIB, know_host, know_machine, know_numbers
from tests.fakes.prometheus import FakePrometheus

DB_VIEWER = 21
SECOND = NOON.timestamp()
PICTURES = ("mon_cpu_picture", "mon_mem_picture", "mon_disk_picture", "mon_net_picture")
EVERY = (*PICTURES, "mon_load_picture")


@dataclass
class World:
    chat: FakeChat
    prometheus: FakePrometheus
    artist: FakeArtist

    async def ask(self, text: str, user_id: int = VIEWER) -> Said:
        [said] = await self.chat.say(text, user_id)
        return said


@pytest.fixture
def world() -> World:
    commands, prometheus, artist = Commands(), FakePrometheus(), FakeArtist()
    chat = FakeChat(commands)
    family = Pictures(
        Hosts(inventory=lambda: chat.inventory),
        prometheus=prometheus,
        artist=artist,
        times=Times(scrape=timedelta(seconds=15), retention=timedelta(days=180)),
    )
    for each in family.commands:
        commands.add(each)
    chat.people.known[DB_VIEWER] = Person(
        user_id=DB_VIEWER, role=Role.VIEWER, scope=parse_scope(["group=db"])
    )
    for name, cpu in (("Server", 30.0), ("Agent1", 41.0), ("Agent2", 52.0)):
        know_host(prometheus, name, NOON)
        know_numbers(prometheus, name, NOON, cpu=cpu)
        know_machine(prometheus, name, NOON)
    return World(chat, prometheus, artist)


def clock(text: str) -> datetime:
    """Read `09:55` of the day of the tests, or `8 19:30` of another of that month."""
    day, _, shown = text.rpartition(" ")
    hour, minute = map(int, shown.split(":"))
    return datetime(2025, 6, int(day or 9), hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "host", "start", "end"),
    [
        ("", "Server", "09:55", "10:00"),
        ("5", "Server", "09:55", "10:00"),
        ("30", "Server", "09:30", "10:00"),
        ("1440", "Server", "8 10:00", "10:00"),
        ("1d", "Server", "8 10:00", "10:00"),
        ("Agent1", "Agent1", "09:55", "10:00"),
        ("agent1", "Agent1", "09:55", "10:00"),
        ("146.190.147.94:9100", "Agent1", "09:55", "10:00"),
        ("146.190.147.94", "Agent1", "09:55", "10:00"),
        ("Agent1 30", "Agent1", "09:30", "10:00"),
        ("Agent1 1h30m", "Agent1", "08:30", "10:00"),
        ("1940 10", "Server", "8 19:30", "8 19:50"),
        ("1000 10", "Server", "09:50", "10:00"),
        ("0005 10", "Server", "8 23:55", "00:15"),
        ("Agent1 1940 10", "Agent1", "8 19:30", "8 19:50"),
    ],
)
async def test_the_words_choose_host_and_window(
    world: World, words: str, host: str, start: str, end: str
) -> None:
    said = await world.ask(f"/mon_cpu_picture {words}")
    assert said.content.photo == PICTURE
    chart = world.artist.chart
    assert chart.host == host
    assert (chart.start, chart.end) == (clock(start).timestamp(), clock(end).timestamp())
    assert f'host="{host}"' in world.prometheus.asked[0]
    assert said.text.startswith(f"{host} · CPU used\n")


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize(
    "words",
    [
        "0",
        "-5",
        "Agent1 abc",
        "Agent1 1.5",
        "2400 10",
        "1260 10",
        "5 5",
        "Agent1 1940 10 x",
        "999999999999999999999",
        "181d",
        "²",
        "Agent1 0",
        "940 10",
    ],
)
async def test_what_makes_no_sense_yields_usage_and_is_asked_of_nobody(
    world: World, command: str, words: str
) -> None:
    said = await world.ask(f"/{command} {words}")
    assert f"/{command} [host] [[hhmm] minutes]" in said.text
    assert f"/{command} Server 60" in said.text
    assert said.content.photo is None
    assert world.prometheus.asked == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Agent9", "there is no host Agent9; did you mean Agent"),
        ("10.0.0.1:9100 0940 10", "there is no host 10.0.0.1:9100"),
        ('x",foo=~".*: 5', "there is no host"),
    ],
)
async def test_unknown_hosts_are_not_asked_about(world: World, words: str, said: str) -> None:
    assert said in (await world.ask(f"/mon_cpu_picture {words}")).text
    assert world.prometheus.asked == []


@pytest.mark.parametrize(
    ("command", "title", "unit", "told"),
    [
        ("mon_cpu_picture", "CPU used", Unit.PERCENT, "last 30.00 % · min 30.00 % · mean 30.00 %"),
        ("mon_mem_picture", "memory used", Unit.PERCENT, "threshold 85.00 %"),
        ("mon_disk_picture", "disk used", Unit.PERCENT, "/: last 95.00 %"),
        ("mon_net_picture", "network traffic", Unit.BITS, "sent: last 3.00 kbit/s"),
        ("mon_load_picture", "load per core", Unit.NUMBER, "last 0.25"),
    ],
)
async def test_every_metric_is_drawn_and_told_below(
    world: World, command: str, title: str, unit: Unit, told: str
) -> None:
    said = await world.ask(f"/{command} server 60")
    chart = world.artist.chart
    assert (chart.title, chart.unit) == (title, unit)
    assert told in said.text
    assert "\n09:00:00–10:00:00 UTC\n" in said.text  # noqa: RUF001 - a dash
    assert len(world.prometheus.asked) == 1


async def test_the_axis_and_the_words_are_those_of_the_chat(world: World) -> None:
    world.chat.places.zone = ZoneInfo("Asia/Taipei")
    world.chat.places.language = "ru"
    said = await world.ask("/mon_cpu_picture 1800 10")
    assert world.artist.chart.zone == "Asia/Taipei"
    assert "17:50:00–18:00:00 CST" in said.text  # noqa: RUF001 - a dash
    assert "30,00 %" in said.text
    assert world.artist.chart.title == world.chat.places.voices.create("ru", UTC, NOON).say(
        "CPU used"
    )


async def test_where_no_font_can_write_the_language_the_picture_is_english(world: World) -> None:
    world.chat.places.language = "zh_TW"
    world.artist.languages = ("en",)
    said = await world.ask("/mon_net_picture")
    assert world.artist.chart.title == "network traffic"
    assert [curve.name for curve in world.artist.chart.curves] == ["received", "sent"]
    assert "network" not in said.text
    assert "received" not in said.text


async def test_without_data_it_says_when_there_last_was_some(world: World) -> None:
    world.prometheus.samples = [
        replace(each, is_gone=each.name != "up", at=NOON - timedelta(hours=7))
        for each in world.prometheus.samples
    ]
    world.prometheus.history = timedelta(hours=1)
    said = await world.ask("/mon_cpu_picture 60")
    assert said.content.photo is None
    assert (
        "Prometheus has nothing of Server in this time; the last is of 03:00:00 UTC (7 h ago)."
        in (said.text)
    )
    assert world.artist.wanted == []
    world.prometheus.samples.clear()
    said = await world.ask("/mon_cpu_picture 60")
    assert "nothing of Server in this time, nor in the last month." in said.text


async def test_before_a_host_was_there_its_picture_says_that_it_is_now(world: World) -> None:
    world.prometheus.history = timedelta(hours=1)
    said = await world.ask("/mon_cpu_picture 0300 30")
    assert "nothing of Server in this time; now it does." in said.text


async def test_a_host_that_is_down_says_so_in_place_of_an_empty_picture(world: World) -> None:
    world.prometheus.samples.clear()
    know_host(world.prometheus, "Server", NOON, is_up=False, since=timedelta(hours=2))
    said = await world.ask("/mon_cpu_picture 60")
    assert "Server is down since 08:00:00 UTC (2 h)." in said.text


@pytest.mark.parametrize("command", [*EVERY, "graph", "graph_query up"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Outage("Prometheus", "cannot be asked (ConnectionError)"), "Prometheus cannot be asked"),
        (Late("Prometheus", "no whole answer within 8 s"), "no whole answer within 8 s"),
    ],
)
async def test_a_prometheus_that_is_down_is_named(
    world: World, command: str, fault: BridgeError, said: str
) -> None:
    world.prometheus.fault = fault
    assert said in (await world.ask(f"/{command}")).text


@pytest.mark.parametrize("command", [*EVERY, "graph", "graph_query up"])
async def test_where_drawing_fails_the_numbers_are_told_all_the_same(
    world: World, command: str
) -> None:
    world.artist.fault = Outage("the drawing of pictures", "failed")
    if command.startswith("graph_query"):
        world.prometheus.answer = matrix(({"host": "a"}, [1.0]))
    said = await world.ask(f"/{command}")
    assert said.content.photo is None
    assert "The picture itself could not be drawn." in said.text
    assert "last" in said.text or "RAM 7.20 GiB of 8.00 GiB" in said.text


async def test_where_too_many_pictures_are_drawn_one_is_asked_to_wait(world: World) -> None:
    world.artist.fault = TooMuch("too many pictures are being drawn; ask again in a moment")
    assert "ask again in a moment" in (await world.ask("/mon_cpu_picture")).text


async def test_buttons_offer_other_spans_and_metrics_and_the_same_again(world: World) -> None:
    said = await world.ask("/mon_cpu_picture agent1 0940 10")
    where = name_host("Agent1")
    assert said.buttons == {
        "1 h": f"mon_cpu_picture {where} 60",
        "6 h": f"mon_cpu_picture {where} 360",
        "24 h": f"mon_cpu_picture {where} 1440",
        "7 d": f"mon_cpu_picture {where} 10080",
        "30 d": f"mon_cpu_picture {where} 43200",
        "memory": f"mon_mem_picture {where} 0940 10",
        "disk": f"mon_disk_picture {where} 0940 10",
        "network": f"mon_net_picture {where} 0940 10",
        "load": f"mon_load_picture {where} 0940 10",
        "🔄": f"mon_cpu_picture {where} 0940 10",
    }
    for pressed in said.buttons.values():
        [after] = await world.chat.press(pressed, VIEWER, has_photo=True)
        assert after.telegram_id == 400, "the picture is exchanged in its place"
        assert after.content.photo == PICTURE


@pytest.mark.parametrize("span", ["60", "360", "1440", "10080", "43200", "259200"])
async def test_no_span_asks_for_more_points_than_prometheus_gives(world: World, span: str) -> None:
    await world.ask(f"/mon_cpu_picture {span}")
    start, end, step = world.prometheus.ranges[-1]
    assert (end - start) / step.total_seconds() <= 1000
    assert step >= timedelta(seconds=15)


async def test_memory_is_a_pie(world: World) -> None:
    said = await world.ask("/graph agent2")
    assert said.content.photo == PICTURE
    pie = world.artist.pie
    assert pie.host == "Agent2"
    assert [(each.name, round(each.value / GIB, 2)) for each in pie.slices] == [
        ("used", 7.2),
        ("free", 0.8),
    ]
    assert said.text.startswith("Agent2 · RAM 7.20 GiB of 8.00 GiB (90.00 %)")


async def test_a_pie_of_nothing_is_a_sentence(world: World) -> None:
    world.prometheus.samples = [
        each for each in world.prometheus.samples if "MemTotal" not in each.name
    ]
    said = await world.ask("/graph")
    assert said.content.photo is None
    assert "Prometheus has no data about Server, memory used" in said.text
    world.prometheus.samples.clear()
    know_host(world.prometheus, "Server", NOON, is_up=False, since=timedelta(hours=2))
    assert "Server is down since" in (await world.ask("/graph")).text


def matrix(*series: tuple[dict[str, str], Sequence[float]], **more: object) -> Answer:
    found = tuple(
        Series(labels=labels, points=tuple((SECOND + n, value) for n, value in enumerate(values)))
        for labels, values in series
    )
    return Answer(kind=Kind.MATRIX, series=found, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "promql", "minutes"),
    [
        ("up", "up", 60),
        ("up 30", "up", 30),
        ("up * 30", "up * 30", 60),
        ("rate(x[5m])  7d", "rate(x[5m])", 10080),
        ("up{job=“node”} 5", 'up{job="node"}', 5),
    ],
)
async def test_a_query_is_drawn_over_the_minutes_behind_it(
    world: World, text: str, promql: str, minutes: int
) -> None:
    world.prometheus.answer = matrix(
        ({"host": "a"}, [1.0, 2.0]), ({"host": "b"}, [0.5, float("nan")]), left_out=7
    )
    said = await world.ask(f"/graph_query {text}")
    assert world.prometheus.asked == [promql]
    start, end, _ = world.prometheus.ranges[0]
    assert abs((end - start) - 60 * minutes) <= 0.6 * minutes
    assert said.content.photo == PICTURE
    assert "a: last 2 · min 1 · mean 1.5 · max 2" in said.text
    assert "and 7 lines more" in said.text
    assert said.buttons["🔄"] == f"graph_query {promql} {minutes}"


async def test_a_query_without_an_answer_says_so(world: World) -> None:
    world.prometheus.answer = matrix()
    said = await world.ask("/graph_query nothing")
    assert said.content.photo is None
    assert "no data" in said.text


async def test_a_query_that_makes_no_sense_is_told_in_prometheus_s_words(world: World) -> None:
    world.prometheus.fault = Mistake("Prometheus says: %(said)s", said="parse error at char 3")
    said = await world.ask("/graph_query up{")
    assert "Prometheus says: parse error at char 3" in said.text
    assert "/graph_query <promql> [minutes]" in said.text


async def test_a_query_too_long_for_buttons_has_none(world: World) -> None:
    world.prometheus.answer = matrix(({"a": "b"}, [1.0]))
    said = await world.ask("/graph_query " + "up or " * 20 + "up")
    assert said.content.photo == PICTURE
    assert said.buttons == {}


async def test_people_and_chats_with_limits_draw_their_own_hosts_only(world: World) -> None:
    assert "limited to some hosts" in (await world.ask("/graph_query up", DB_VIEWER)).text
    for command in (*EVERY, "graph"):
        for word in ("Server", name_host("Server"), "10.107.26.176"):
            said = await world.ask(f"/{command} {word}", DB_VIEWER)
            assert said.content.photo is None
    assert world.prometheus.asked == []
    said = await world.ask("/mon_cpu_picture", DB_VIEWER)
    assert said.text.startswith("Agent1 · ")


@pytest.mark.parametrize("command", EVERY)
async def test_what_prometheus_warns_of_names_no_hidden_host(world: World, command: str) -> None:
    world.prometheus.warnings = ("Server: the store of 10.107.26.176 did not answer",)
    said = await world.ask(f"/{command} Agent1 60", DB_VIEWER)
    assert said.content.photo == PICTURE
    assert "Server" not in said.text
    assert "⚠️ Prometheus says that this may not be all." in said.text
    said = await world.ask(f"/{command} Agent1 60")
    assert "⚠️ Server: the store of 10.107.26.176 did not answer" in said.text


@pytest.mark.parametrize("text", [*(f"/{each} Agent1 60" for each in EVERY), "/graph_query up 60"])
async def test_nothing_to_draw_may_be_because_of_what_prometheus_warns_of(
    world: World, text: str
) -> None:
    world.prometheus.answer = matrix(warnings=("one of two stores did not answer",))
    said = await world.ask(text)
    assert said.content.photo is None
    assert "⚠️ one of two stores did not answer" in said.text


@pytest.mark.parametrize("host", ["Agent1", "bare"])
async def test_the_pie_s_caption_has_what_prometheus_warns_of(world: World, host: str) -> None:
    world.chat.inventory = parse_inventory("Agent1 192.0.2.1:9100\nbare 192.0.2.2:9100")
    world.prometheus.warnings = tuple(f"{number}{'w' * 290}" for number in range(5))
    said = await world.ask(f"/graph {host}")
    assert "⚠️ 0www" in said.text
    assert said.content.photo is None or len(said.text) <= 1024


async def test_a_stranger_is_refused(world: World) -> None:
    said = await world.ask("/mon_cpu_picture", STRANGER)
    assert "no access" in said.text
    assert world.prometheus.asked == []


async def test_a_caption_fits_however_many_lines_there_are(world: World) -> None:
    series = [({"host": "h" * 200 + str(number), "x": "y" * 500}, [1.0]) for number in range(40)]
    world.prometheus.answer = matrix(*series, left_out=9999, warnings=("w" * 300,) * 3)
    said = await world.ask("/graph_query " + "x" * 3000)
    assert len(said.text) <= 1024
    assert said.content.photo == PICTURE
