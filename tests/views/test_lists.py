# ruff: noqa: RUF001 - Russian letters and en dashes are what is tested
from __future__ import annotations

import dataclasses

import pytest

from bridge.core.cards import CardFacts, Ending, ListFacts, Member
from bridge.limits import CAPTION_CHARACTERS, FILE_BYTES
from bridge.views.lists import encode, name_file
from bridge.views.locale import LANGUAGES
from bridge.views.markup import legible
from bridge.views.renderer import MessageRenderer
from tests.views.samples import NOW, alert, lines, show

PERIOD = "14:02:10–14:06:22 UTC"


def whole(*members: Member) -> ListFacts:
    card = CardFacts(
        members=members,
        group_labels={"alertname": "AgentDown"},
        receiver="telegram",
        source="http://alerts.example.com:9093",
        truncated=2,
    )
    return ListFacts(card=card)


def written(renderer: MessageRenderer, facts: ListFacts, language: str = "en") -> str:
    attachment = show(renderer, facts, language).attachment
    assert attachment is not None
    return attachment.content.decode()


def test_the_caption_counts_and_says_as_of_when(renderer: MessageRenderer) -> None:
    members = [alert(f"web-{number}") for number in range(118)]
    members += [alert(f"db-{number}", ended_at=NOW) for number in range(2)]
    assert lines(renderer, whole(*members)) == [
        "🔴 The whole card: 120 alerts, 118 firing, 2 over · as of 14:06:22 UTC"
    ]


def test_the_file_holds_everything_that_is_known_of_every_alert(renderer: MessageRenderer) -> None:
    first = dataclasses.replace(
        alert(mountpoint="/data", feed="node"),
        annotations={"summary": "It is full", "description": "One\nTwo", "dashboard": "d-1"},
        generator_url="http://localhost:9090/graph",
    )
    lost = alert("web-2", ended_at=NOW, ending=Ending.UNREACHABLE)
    assert written(renderer, whole(first, lost)).splitlines() == [
        "🔴 FIRING",
        "2 alerts: 1 firing, 1 without data · as of 14:06:22 UTC",
        "Alertmanager left out 2 more",
        "group:",
        "    alertname = AgentDown",
        "receiver: telegram",
        "Alertmanager: http://alerts.example.com:9093",
        "",
        "🔴 AgentDown · web-1",
        "  critical · since 14:02:10 UTC (4 min)",
        "  labels:",
        "    alertname = AgentDown",
        "    host = web-1",
        "    severity = critical",
        "    feed = node",
        "    mountpoint = /data",
        "  annotations:",
        "    dashboard = d-1",
        "    description = One",
        "        Two",
        "    summary = It is full",
        "  Query: http://localhost:9090/graph",
        "",
        "⚪ AgentDown · web-2",
        f"  critical · no data: the host does not answer · fired for 4 min 12 s · {PERIOD}",
        "  labels:",
        "    alertname = AgentDown",
        "    host = web-2",
        "    severity = critical",
        "  annotations:",
        "    summary = web-2 does not answer",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [0, 1, 3_000])
def test_a_list_is_a_caption_and_a_file_of_any_length(
    renderer: MessageRenderer, language: str, count: int
) -> None:
    members = [alert(f"web-{number}", other="x" * 2_000) for number in range(count)]
    content = show(renderer, whole(*members), language)
    assert 0 < len(content.text) <= CAPTION_CHARACTERS
    assert content.attachment is not None
    text = content.attachment.content.decode()
    assert text.count("x" * 2_000) == count
    assert {f"    host = web-{number}" for number in range(count)} <= set(text.splitlines())


def test_a_hundred_kilobytes_in_one_value_are_not_cut(renderer: MessageRenderer) -> None:
    assert "9" * 100_000 in written(renderer, whole(alert(value="9" * 100_000)))


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("web-1", "alerts-web-1.txt"),
        ("10.0.0.1:9100", "alerts-10.0.0.1-9100.txt"),
        ("../../etc/passwd", "alerts-etc-passwd.txt"),
        ("主機 一", "alerts.txt"),
        ("", "alerts.txt"),
        ("x" * 300, f"alerts-{'x' * 40}.txt"),
        ('a"\r\nb', "alerts-a-b.txt"),
    ],
)
def test_a_file_has_a_name_every_system_takes(subject: str, name: str) -> None:
    assert name_file(subject) == name


def test_a_file_is_named_after_its_host_else_after_its_alert(renderer: MessageRenderer) -> None:
    def name(*members: Member) -> str:
        attachment = show(renderer, whole(*members)).attachment
        assert attachment is not None
        return attachment.name

    assert name(alert(), alert(name="Other")) == "alerts-web-1.txt"
    assert name(alert(), alert("web-2")) == "alerts-AgentDown.txt"
    assert name(alert(), alert("web-2", "Other")) == "alerts.txt"


def test_a_file_telegram_would_not_take_is_cut_and_the_rest_counted() -> None:
    content = encode("ж" * FILE_BYTES)
    assert len(content) < FILE_BYTES + 100
    assert content.decode().endswith(f"… (+{FILE_BYTES} B)\n")


def test_what_acts_unseen_in_a_file_is_written_out() -> None:
    assert legible("a\x1b[31m\u202eb\x00\r\nc\td") == "a\\u001b[31m\\u202eb\\u0000\nc\td"
    assert legible("👨\u200d👩\u200d👧 é ж 日本") == "👨\u200d👩\u200d👧 é ж 日本"
    assert legible("\ud800") == "\ufffd"
