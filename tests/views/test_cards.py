# ruff: noqa: RUF001 - Russian letters and en dashes are what is tested
from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bridge.core.cards import CardFacts, Member, UnreadableFacts
from bridge.core.formatted import Entity, Formatted, utf16_length
from bridge.limits import MESSAGE_CHARACTERS, MESSAGE_ENTITIES
from bridge.views.cards import LADDER, CardRenderer
from bridge.views.locale import LANGUAGES, load_translators
from bridge.views.templates import LOCALES

NOW = datetime(2026, 11, 20, 14, 6, 22, tzinfo=UTC)
SINCE = datetime(2026, 11, 20, 14, 2, 10, tzinfo=UTC)
PROMETHEUS = "http://prometheus.example.com:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1"
ALERTMANAGER = "http://alerts.example.com:9093"

Make = Callable[[Path | None], CardRenderer]
Faults = list[tuple[str, Exception]]

DOWN = Member(
    labels={
        "alertname": "AgentDown",
        "host": "Server",
        "instance": "10.0.0.1:9100",
        "severity": "critical",
        "job": "node",
    },
    annotations={"summary": "Server does not answer", "value": "0"},
    started_at=SINCE,
    ended_at=None,
    generator_url=PROMETHEUS,
)
DISK = dataclasses.replace(
    DOWN,
    labels={**DOWN.labels, "alertname": "DiskFull", "severity": "warning", "mountpoint": "/data"},
    annotations={"summary": "/data is 93 % full"},
)


def over(member: Member) -> Member:
    return dataclasses.replace(member, ended_at=NOW)


def labelled(member: Member = DOWN, **labels: str) -> Member:
    return dataclasses.replace(member, labels={**member.labels, **labels})


def annotated(member: Member = DOWN, **annotations: str) -> Member:
    return dataclasses.replace(member, annotations={**member.annotations, **annotations})


def facts(*members: Member, truncated: int = 0, source: str = ALERTMANAGER) -> CardFacts:
    return CardFacts(members=members, group_labels={}, source=source, truncated=truncated)


def render(renderer: CardRenderer, card: CardFacts, language: str = "en") -> Formatted:
    return renderer.render_card(card, language=language, zone=UTC, now=NOW)


def spelled(formatted: Formatted, kind: str) -> list[str]:
    """List the texts that bear one kind of entity."""
    units = formatted.text.encode("utf-16-le")
    return [
        units[2 * each.offset : 2 * each.end].decode("utf-16-le")
        for each in formatted.entities
        if each.kind == kind
    ]


def links(formatted: Formatted) -> dict[str | None, str]:
    shown = spelled(formatted, "text_link")
    addresses = [each.url for each in formatted.entities if each.kind == "text_link"]
    return dict(zip(addresses, shown, strict=True))


def test_one_firing_alert_says_what_where_how_bad_and_since_when(renderer: CardRenderer) -> None:
    card = render(renderer, facts(DOWN))
    assert card.text.splitlines() == [
        "🔴 FIRING  Server · AgentDown",
        "Server does not answer",
        "critical · since 14:02:10 UTC",
        "value 0",
        "instance 10.0.0.1:9100 · job=node",
        "Query · Alertmanager",
    ]
    assert links(card) == {PROMETHEUS: "Query", f"{ALERTMANAGER}/": "Alertmanager"}
    assert spelled(card, "bold") == ["FIRING", "AgentDown"]
    assert spelled(card, "code") == ["Server", "0", "10.0.0.1:9100", "job=node"]


def test_a_resolved_alert_says_how_long_it_lasted(renderer: CardRenderer) -> None:
    lines = render(renderer, facts(over(DOWN))).text.splitlines()
    assert lines[0] == "✅ RESOLVED  Server · AgentDown"
    assert lines[2] == "critical · lasted 4 min 12 s · 14:02:10–14:06:22 UTC"


def test_an_alert_that_was_over_at_once_lasted_no_time(renderer: CardRenderer) -> None:
    moment = dataclasses.replace(DOWN, ended_at=SINCE)
    assert "lasted 0 s · 14:02:10–14:02:10 UTC" in render(renderer, facts(moment)).text


def test_times_are_the_chats(renderer: CardRenderer) -> None:
    taipei = ZoneInfo("Asia/Taipei")
    card = renderer.render_card(facts(DOWN), language="zh_TW", zone=taipei, now=NOW)
    assert "嚴重 · 自 22:02:10 CST 起" in card.text


def test_a_card_of_another_day_carries_the_date(renderer: CardRenderer) -> None:
    tomorrow = NOW + timedelta(days=1)
    card = renderer.render_card(facts(DOWN), language="en", zone=UTC, now=tomorrow)
    assert "since 2026-11-20 14:02:10 UTC" in card.text


@pytest.mark.parametrize(
    ("severity", "mark"),
    [("critical", "🔴"), ("warning", "🟡"), ("info", "🔵"), ("page", "⚠️"), ("", "⚠️")],
)
def test_the_first_character_says_how_bad(renderer: CardRenderer, severity: str, mark: str) -> None:
    card = render(renderer, facts(labelled(severity=severity)))
    assert card.text.startswith(f"{mark} FIRING")
    assert severity in card.text


def test_the_setup_guides_test_alert_is_shown_as_promised(renderer: CardRenderer) -> None:
    member = Member(
        labels={"alertname": "TestAlert", "instance": "test:8001", "severity": "warning"},
        annotations={
            "summary": "This is a test alert",
            "description": "Testing Telegram integration",
        },
        started_at=SINCE,
        ended_at=None,
    )
    card = render(renderer, facts(member))
    for words in ("🟡", "FIRING", "TestAlert", "test:8001", "warning", "This is a test alert"):
        assert words in card.text
    assert card.text.count("test:8001") == 1
    assert spelled(card, "expandable_blockquote") == ["Testing Telegram integration"]
    assert "RESOLVED" in render(renderer, facts(over(member))).text


def test_an_alert_without_labels_is_unknown_but_shown(renderer: CardRenderer) -> None:
    nothing = Member(labels={}, annotations={}, started_at=SINCE, ended_at=None)
    shown = {
        language: render(renderer, facts(nothing), language).text.splitlines()[0]
        for language in LANGUAGES
    }
    assert shown == {
        "en": "⚠️ FIRING  Unknown alert",
        "zh_TW": "⚠️ 告警中  未知告警",
        "ru": "⚠️ ТРЕВОГА  Неизвестное оповещение",
    }


def test_a_runbook_that_is_an_address_is_a_link(renderer: CardRenderer) -> None:
    card = render(renderer, facts(annotated(runbook_url="https://wiki.example.com/down")))
    assert links(card)["https://wiki.example.com/down"] == "Runbook"


def test_a_runbook_that_is_a_path_is_shown_as_one(renderer: CardRenderer) -> None:
    card = render(renderer, facts(annotated(runbook="docs/runbooks/agent_down.md")))
    assert "Runbook docs/runbooks/agent_down.md" in card.text
    assert "docs/runbooks/agent_down.md" in spelled(card, "code")


def test_addresses_telegram_would_not_follow_are_left_out(renderer: CardRenderer) -> None:
    member = dataclasses.replace(DOWN, generator_url="http://localhost:9090/graph")
    card = render(renderer, facts(member, source="http://web-1:9093"))
    assert links(card) == {}
    assert "Query" not in card.text
    assert "Alertmanager" not in card.text


def test_a_group_shows_the_worst_mark_and_how_many(renderer: CardRenderer) -> None:
    members = (DOWN, DISK, labelled(DISK, mountpoint="/var"), over(labelled(alertname="HighLoad")))
    text = render(renderer, facts(*members)).text
    assert text.startswith("🔴 FIRING  Server · 3 firing, 1 over\n\n🔴 AgentDown\n")
    assert [line for line in text.splitlines() if line[:1] in "🔴🟡✅" and line][1:] == [
        "🔴 AgentDown",
        "🟡 DiskFull",
        "🟡 DiskFull",
        "✅ HighLoad",
    ]
    assert "mountpoint=/data" in text
    assert "mountpoint=/var" in text


def test_a_group_of_several_hosts_names_each(renderer: CardRenderer) -> None:
    text = render(renderer, facts(DOWN, labelled(host="web-2"))).text
    assert text.startswith("🔴 FIRING  AgentDown · 2 firing\n")
    assert "🔴 AgentDown Server\n" in text
    assert "🔴 AgentDown web-2\n" in text


def test_a_group_that_is_over_says_how_long_all_of_it_lasted(renderer: CardRenderer) -> None:
    early = dataclasses.replace(DISK, started_at=SINCE - timedelta(hours=1), ended_at=SINCE)
    lines = render(renderer, facts(over(DOWN), early)).text.splitlines()
    assert lines[0] == "✅ RESOLVED  Server · 2 over"
    assert lines[1] == "lasted 1 h 4 min · 13:02:10–14:06:22 UTC"


def test_alerts_that_alertmanager_left_out_are_counted(renderer: CardRenderer) -> None:
    card = facts(DOWN, DISK, truncated=12)
    assert "Alertmanager left out 12 more" in render(renderer, card).text
    assert "Alertmanager не передал ещё 12 оповещений" in render(renderer, card, "ru").text


def test_a_card_of_no_alerts_is_still_a_card(renderer: CardRenderer) -> None:
    text = render(renderer, facts(truncated=3)).text
    assert text.startswith("⚠️ FIRING  no alerts\n")
    assert "Alertmanager left out 3 more" in text


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 активная"),
        (3, "3 активные"),
        (5, "5 активных"),
        (21, "21 активная"),
    ],
)
def test_russian_counts_are_declined(renderer: CardRenderer, count: int, words: str) -> None:
    members = [labelled(mountpoint=str(number)) for number in range(count)]
    text = render(renderer, facts(*members, over(DISK)), "ru").text
    assert text.startswith(f"🔴 ТРЕВОГА  Server · {words}, 1 завершена")


@pytest.mark.parametrize("count", [1, 2, 9, 30, 31, 50, 51, 200, 2000])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_group_is_too_large_and_nobody_is_cut_silently(
    renderer: CardRenderer, faults: Faults, count: int, language: str
) -> None:
    members = [labelled(host=f"web-{number}", device=f"sd{number}") for number in range(count)]
    card = render(renderer, facts(*members), language)
    assert len(card) <= MESSAGE_CHARACTERS
    assert len(card.entities) <= MESSAGE_ENTITIES
    shown = sum(f"web-{number}" in spelled(card, "code") for number in range(count))
    assert shown == count or str(count - shown) in card.text
    assert shown >= min(count, 10)
    assert faults == []


def test_the_ladder_goes_down_to_a_line_that_always_fits(renderer: CardRenderer) -> None:
    long = "x" * 100_000
    members = [
        annotated(labelled(host=long + str(number), mountpoint=long), summary=long, value=long)
        for number in range(200)
    ]
    card = render(renderer, facts(*members))
    assert len(card) <= MESSAGE_CHARACTERS
    assert card.text.startswith("🔴 FIRING  AgentDown · 200 firing")
    assert LADDER[-1].kind == "line"


def test_an_over_long_value_is_shortened_visibly(renderer: CardRenderer) -> None:
    card = render(renderer, facts(annotated(value="9" * 100_140)))
    assert f"{'9' * 200}… (+99,940 characters)" in card.text


def test_the_preview_of_a_push_says_host_what_and_how_bad(renderer: CardRenderer) -> None:
    for card in (facts(DOWN), facts(over(DOWN)), facts(DOWN, DISK), facts(over(DOWN), over(DISK))):
        preview = render(renderer, card).text[:100]
        assert preview[0] in "🔴✅"
        assert "Server" in preview
        assert "AgentDown" in preview


def test_an_unknown_language_is_english(renderer: CardRenderer) -> None:
    assert render(renderer, facts(DOWN), "tlh") == render(renderer, facts(DOWN), "en")


def test_what_cannot_be_read_is_shown_as_it_came(renderer: CardRenderer) -> None:
    unreadable = UnreadableFacts(
        raw='{"labels": "<b>"}', fault="its labels are not an object", source=ALERTMANAGER
    )
    card = renderer.render_unreadable(unreadable, language="en", zone=UTC, now=NOW)
    assert card.text.startswith("⚠️ UNREADABLE")
    assert "its labels are not an object" in card.text
    assert spelled(card, "pre") == ['{"labels": "<b>"}']
    russian = renderer.render_unreadable(unreadable, language="ru", zone=UTC, now=NOW)
    assert "его метки — не объект JSON" in russian.text


def test_something_unreadable_and_long_is_counted(renderer: CardRenderer) -> None:
    unreadable = UnreadableFacts(raw="9" * 100_000, fault="it is not an object")
    card = renderer.render_unreadable(unreadable, language="en", zone=UTC, now=NOW)
    assert len(card) <= MESSAGE_CHARACTERS
    assert "… (+97,000 characters)" in card.text


@pytest.mark.parametrize(
    "template",
    [
        "{{ nothing_of_the_kind }}",
        "{{ card.nothing_of_the_kind }}",
        "{% if %}",
        "<host>",
        "{{ 1 / 0 }}",
        " \n ",
        "{{ 'long ' * 2000 }}",
        "{% for i in range(300) %}<b>b</b> {% endfor %}",
        "{{ ''.__class__.__mro__ }}",
        "\xff not utf-8",
    ],
)
def test_a_persons_own_template_that_fails_is_passed_over_and_reported_once(
    create_renderer: Make, faults: Faults, tmp_path: Path, template: str
) -> None:
    (tmp_path / "card.j2").write_text(template, encoding="latin-1")
    (tmp_path / "unreadable.j2").write_text(template, encoding="latin-1")
    own, shipped = create_renderer(tmp_path), create_renderer(None)
    unreadable = UnreadableFacts(raw="1", fault="it is not an object")
    for _ in range(3):
        assert render(own, facts(DOWN)) == render(shipped, facts(DOWN))
        assert own.render_unreadable(
            unreadable, language="en", zone=UTC, now=NOW
        ) == shipped.render_unreadable(unreadable, language="en", zone=UTC, now=NOW)
    assert [name for name, _ in faults] == ["card.j2", "unreadable.j2"]


def test_a_persons_own_template_comes_first(
    create_renderer: Make, faults: Faults, tmp_path: Path
) -> None:
    (tmp_path / "card.j2").write_text(
        '{% import "parts.j2" as parts with context %}'
        "{{ parts.state(card.is_firing) }}: <i>{{ card.host }}</i>",
        encoding="utf-8",
    )
    assert render(create_renderer(tmp_path), facts(DOWN)) == Formatted(
        "FIRING: Server", (Entity("italic", 8, 6),)
    )
    assert faults == []


def test_a_mended_template_is_used_again_and_its_next_fault_reported(
    create_renderer: Make, faults: Faults, tmp_path: Path
) -> None:
    # A changed template is known by its file's time, which quick writes may share.
    renderer, template = create_renderer(tmp_path), tmp_path / "card.j2"
    for turn, text in enumerate(("<oops>", "mine", "<again>")):
        template.write_text(text, encoding="utf-8")
        os.utime(template, (turn, turn))
        render(renderer, facts(DOWN))
    assert [str(error) for _, error in faults] == [
        "<oops> is no markup of ours",
        "<again> is no markup of ours",
    ]


def test_with_every_template_broken_the_alert_still_arrives(faults: Faults) -> None:
    broken = CardRenderer(
        [], load_translators(LOCALES), lambda name, error: faults.append((name, error))
    )
    assert render(broken, facts(DOWN)) == broken.render_plain(facts(DOWN))


def test_a_plain_card_has_no_entities_and_all_that_matters(renderer: CardRenderer) -> None:
    plain = renderer.render_plain(facts(DOWN, over(DISK), truncated=2))
    assert plain.entities == ()
    assert plain.text.splitlines() == [
        "🔴 FIRING  Server · 1 firing, 1 over",
        "🔴 Server · AgentDown",
        "Server does not answer",
        "critical · since 2026-11-20 14:02:10 UTC",
        "value: 0",
        "instance: 10.0.0.1:9100",
        "✅ Server · DiskFull",
        "/data is 93 % full",
        "warning · lasted 4m12s, until 2026-11-20 14:06:22 UTC",
        "instance: 10.0.0.1:9100",
        "Alertmanager left out 2 more",
    ]


def test_a_plain_card_of_any_size_fits_and_counts_the_rest(renderer: CardRenderer) -> None:
    members = [labelled(host=f"web-{number}" * 30) for number in range(2000)]
    plain = renderer.render_plain(facts(*members))
    assert len(plain) <= MESSAGE_CHARACTERS
    shown = plain.text.count("since ")
    assert f"and {2000 - shown} more" in plain.text
    assert utf16_length(plain.text) > 2000


def test_something_unreadable_has_a_plain_form_too(renderer: CardRenderer) -> None:
    plain = renderer.render_plain(UnreadableFacts(raw="[1]", fault="it is not an object"))
    assert plain == Formatted("⚠️ UNREADABLE  it is not an object\n[1]")
