"""Cards and answers lead to Grafana: the right dashboard, host, panel and time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import CardFacts, ListFacts, Member
from bridge.core.formatted import Content
from bridge.core.outbox import Form
from bridge.core.promql import CPU, DISK, LOAD, MEMORY, METRICS, NETWORK, SWAP
from bridge.views.dashboards import FLEET, HOST, ITSELF, PANELS, Dashboards, find_dashboards
from bridge.views.links import canonical_link
from bridge.views.locale import LANGUAGES
from bridge.views.renderer import MessageRenderer, create_message_renderer
from bridge.views.voice import Voices
from tests.views.samples import NOW, SINCE, alert, show

SHIPPED = Path(__file__).resolve().parents[2] / "grafana" / "dashboards"
GRAFANA = "https://grafana.example.com/watch"
WORDS = {"en": "Dashboard", "zh_TW": "儀表板", "ru": "Дашборд"}


def fail(name: str, fault: Exception) -> None:
    pytest.fail(f"{name}: {fault}")


@pytest.fixture
def linking() -> MessageRenderer:
    return create_message_renderer(fail, None, GRAFANA)


def card(*members: Member) -> CardFacts:
    return CardFacts(members=members, group_labels={})


def links(content: Content, language: str = "en") -> list[str]:
    """Give where the words for a dashboard lead."""
    text, word = content.text.text, WORDS[language]
    units = text.encode("utf-16-le")
    return [
        str(each.url)
        for each in content.text.entities
        if each.kind == "text_link"
        and units[2 * each.offset : 2 * each.end].decode("utf-16-le") == word
    ]


def milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_firing_alert_leads_to_its_panel_from_before_it_began_until_now(
    linking: MessageRenderer, language: str
) -> None:
    member = alert(name="AgentHighCPU", severity="warning", resource="cpu")
    [url] = links(show(linking, card(member), language), language)
    assert url.startswith(f"{GRAFANA}/d/opswire-host/host?")
    assert asked(url) == {
        "var-host": "web-1",
        "from": milliseconds(SINCE - timedelta(minutes=15)),
        "to": "now",
        "viewPanel": str(PANELS[CPU.key]),
    }


def test_an_alert_that_is_over_leads_to_the_time_around_it(linking: MessageRenderer) -> None:
    began = NOW - timedelta(hours=3)
    [url] = links(show(linking, card(alert(started_at=began, ended_at=NOW))))
    around = timedelta(minutes=90)
    assert asked(url)["from"] == milliseconds(began - around)
    assert asked(url)["to"] == milliseconds(NOW + around)


def test_after_an_alert_of_weeks_a_few_hours_more_are_shown(linking: MessageRenderer) -> None:
    began = NOW - timedelta(days=30)
    [url] = links(show(linking, card(alert(started_at=began, ended_at=NOW))))
    assert asked(url)["from"] == milliseconds(began - timedelta(hours=6))


@pytest.mark.parametrize(
    ("resource", "key"),
    [
        ("cpu", CPU.key),
        ("memory", MEMORY.key),
        ("mem", MEMORY.key),
        ("swap", SWAP.key),
        ("disk", DISK.key),
        ("load", LOAD.key),
    ],
)
def test_the_panel_is_that_of_what_runs_short(
    linking: MessageRenderer, resource: str, key: str
) -> None:
    [url] = links(show(linking, card(alert(resource=resource))))
    assert asked(url)["viewPanel"] == str(PANELS[key])


def test_an_alert_about_no_metric_leads_to_the_whole_dashboard(linking: MessageRenderer) -> None:
    [url] = links(show(linking, card(alert())))
    assert "viewPanel" not in asked(url)


def test_alerts_of_a_group_have_each_their_own_panel(linking: MessageRenderer) -> None:
    members = (alert("web-1", resource="disk"), alert("web-2", resource="load"))
    urls = links(show(linking, card(*members)))
    assert [asked(url)["var-host"] for url in urls] == ["web-1", "web-2"]
    assert [asked(url)["viewPanel"] for url in urls] == ["31", "22"]


@pytest.mark.parametrize("count", [40, 200])
def test_a_group_that_is_told_in_short_leads_to_the_fleet_or_its_one_host(
    linking: MessageRenderer, count: int
) -> None:
    many = [alert(f"web-{number}") for number in range(count)]
    [url] = links(show(linking, card(*many)))
    assert url.startswith(f"{GRAFANA}/d/opswire-fleet/fleet?from=")
    same = [alert(mountpoint=f"/{number}") for number in range(count)]
    [url] = links(show(linking, card(*same)))
    assert asked(url)["var-host"] == "web-1"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_storm_leads_to_the_fleet_from_before_its_first_alert(
    linking: MessageRenderer, language: str
) -> None:
    facts = BoardFacts(
        state=BoardState.STORM,
        opened_at=NOW,
        over_at=None,
        arrived=400,
        members=tuple(alert(f"web-{number}", f"A{number % 41}") for number in range(400)),
    )
    content = show(linking, facts, language)
    [url] = links(content, language)
    assert url.startswith(f"{GRAFANA}/d/opswire-fleet/fleet?from=")
    assert asked(url)["from"] == milliseconds(SINCE - timedelta(minutes=15))
    assert "\n\n\n" not in content.text.text


def test_what_is_about_no_host_has_no_dashboard(linking: MessageRenderer) -> None:
    member = Member(
        labels={"alertname": "Test", "instance": "x"},
        annotations={},
        started_at=SINCE,
        ended_at=None,
    )
    assert links(show(linking, card(member))) == []
    many = [alert(host="", mountpoint=f"/{number}") for number in range(60)]
    assert links(show(linking, card(*many))) == []


def test_the_file_of_a_card_says_the_address_too(linking: MessageRenderer) -> None:
    attachment = show(linking, ListFacts(card=card(alert(resource="cpu")))).attachment
    assert attachment is not None
    assert f"  Dashboard: {GRAFANA}/d/opswire-host/host?var-host=web-1&" in (
        attachment.content.decode()
    )


def test_without_a_grafana_nothing_changes(renderer: MessageRenderer) -> None:
    for facts in (
        card(alert()),
        card(alert("web-1"), alert("web-2")),
        ListFacts(card=card(alert())),
    ):
        content = show(renderer, facts)
        assert "Dashboard" not in content.text.text
        assert content.attachment is None or b"Dashboard" not in content.attachment.content


@pytest.mark.parametrize("address", ["http://localhost:3000", "http://grafana:3000"])
def test_an_address_that_telegram_makes_no_link_of_is_left_out_and_said_in_the_log(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find_dashboards(address) == Dashboards()
    assert "Telegram makes no links to GRAFANA_URL" in capsys.readouterr().out
    assert links(show(create_message_renderer(fail, None, address), card(alert()))) == []


def test_a_plain_card_has_no_links(linking: MessageRenderer) -> None:
    assert show(linking, card(alert()), form=Form.PLAIN).text.entities == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_lead_to_what_they_are_about(language: str) -> None:
    voice = Voices(fail, None, Dashboards(GRAFANA)).create(language, UTC, NOW)
    for name, url in (
        ("picture", voice.dashboards.find_metric("web-1", NETWORK.key, SINCE, NOW)),
        ("stats", voice.dashboards.find_itself()),
    ):
        assert url.startswith(GRAFANA), name
    url = voice.dashboards.find_metric("web-1", NETWORK.key, SINCE, NOW)
    assert asked(url) == {
        "var-host": "web-1",
        "from": milliseconds(SINCE),
        "to": milliseconds(NOW),
        "viewPanel": str(PANELS[NETWORK.key]),
    }
    assert asked(voice.dashboards.find_host("web-1")) == {
        "var-host": "web-1",
        "from": "now-1h",
        "to": "now",
    }


HOSTS = st.text(max_size=40) | st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010))
MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(HOSTS, MOMENTS, MOMENTS | st.none())
def test_whatever_an_alert_says_its_address_is_one_that_telegram_keeps(
    host: str, began: datetime, ended: datetime | None
) -> None:
    member = alert(host, started_at=began, ended_at=ended)
    for url in (
        Dashboards(GRAFANA).find_member(member),
        Dashboards(GRAFANA).find_members([member, alert()]),
    ):
        assert url == "" or canonical_link(url) == url
        assert bool(url) == bool(host) or url.startswith(f"{GRAFANA}/d/{HOST}?var-host=web-1&")
        assert (
            asked(url).get("var-host", "web-1") in {host, "web-1"} or "?" in asked(url)["var-host"]
        )


def test_a_name_that_makes_an_address_too_long_for_a_link_has_none() -> None:
    assert Dashboards(GRAFANA).find_member(alert("x" * 100)) != ""
    assert Dashboards(GRAFANA).find_member(alert("x" * 3000)) == ""
    assert Dashboards(GRAFANA).find_members([alert("x" * 3000)]) == ""


@pytest.mark.parametrize("where", [FLEET, HOST, ITSELF])
def test_each_dashboard_that_is_linked_is_shipped(where: str) -> None:
    uid, name = where.split("/")
    shipped = json.loads((SHIPPED / f"{name}.json").read_text())
    assert shipped["uid"] == uid
    names = {each["name"] for each in shipped["templating"]["list"]}
    assert where != HOST or "host" in names


@pytest.mark.parametrize("key", PANELS)
def test_each_panel_that_is_linked_draws_that_metric_and_its_threshold(key: str) -> None:
    shipped = json.loads((SHIPPED / "host.json").read_text())
    [panel] = [each for each in shipped["panels"] if each["id"] == PANELS[key]]
    drawn = " ".join(target["expr"] for target in panel["targets"])
    metric = METRICS[key]
    for line in metric.lines:
        assert f"{line.series}{{" in drawn
    assert f"{metric.threshold}{{" in drawn or not metric.threshold
