# ruff: noqa: RUF001 - Russian letters and en dashes are what is tested
from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bridge.core.cards import CardFacts, Change, Ending, Member, Muting, UnreadableFacts
from bridge.core.formatted import Content, Entity, Formatted, utf16_length
from bridge.core.outbox import Facts, Form, Reason
from bridge.limits import MESSAGE_CHARACTERS, MESSAGE_ENTITIES
from bridge.views.cards import LADDER
from bridge.views.locale import LANGUAGES, load_translators
from bridge.views.renderer import MessageRenderer
from bridge.views.templates import LOCALES

NOW = datetime(2026, 11, 20, 14, 6, 22, tzinfo=UTC)
SINCE = datetime(2026, 11, 20, 14, 2, 10, tzinfo=UTC)
PROMETHEUS = "http://prometheus.example.com:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1"
ALERTMANAGER = "http://alerts.example.com:9093"

Make = Callable[[Path | None], MessageRenderer]
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


def show(
    renderer: MessageRenderer, facts: Facts, language: str = "en", form: Form = Form.FORMATTED
) -> Content:
    return renderer.render(facts, form, language=language, zone=UTC, now=NOW)


def render(renderer: MessageRenderer, facts: Facts, language: str = "en") -> Formatted:
    return show(renderer, facts, language).text


def render_plain(renderer: MessageRenderer, facts: Facts) -> Formatted:
    return show(renderer, facts, form=Form.PLAIN).text


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


def test_one_firing_alert_says_what_where_how_bad_and_since_when(renderer: MessageRenderer) -> None:
    card = render(renderer, facts(DOWN))
    assert card.text.splitlines() == [
        "🔴 FIRING  Server · AgentDown",
        "Server does not answer",
        "critical · since 14:02:10 UTC (4 min)",
        "value 0",
        "instance 10.0.0.1:9100 · job=node",
        "Query · Alertmanager",
    ]
    assert links(card) == {PROMETHEUS: "Query", f"{ALERTMANAGER}/": "Alertmanager"}
    assert spelled(card, "bold") == ["FIRING", "AgentDown"]
    assert spelled(card, "code") == ["Server", "0", "10.0.0.1:9100", "job=node"]


def test_a_resolved_alert_says_how_long_it_lasted(renderer: MessageRenderer) -> None:
    lines = render(renderer, facts(over(DOWN))).text.splitlines()
    assert lines[0] == "✅ RESOLVED  Server · AgentDown"
    assert lines[2] == "critical · lasted 4 min 12 s · 14:02:10–14:06:22 UTC"


def test_an_alert_that_was_over_at_once_lasted_no_time(renderer: MessageRenderer) -> None:
    moment = dataclasses.replace(DOWN, ended_at=SINCE)
    assert "lasted 0 s · 14:02:10–14:02:10 UTC" in render(renderer, facts(moment)).text


def test_times_are_the_chats(renderer: MessageRenderer) -> None:
    taipei = ZoneInfo("Asia/Taipei")
    card = renderer.render(facts(DOWN), Form.FORMATTED, language="zh_TW", zone=taipei, now=NOW)
    assert "嚴重 · 自 22:02:10 CST 起" in card.text.text


def test_a_card_of_another_day_carries_the_date(renderer: MessageRenderer) -> None:
    tomorrow = NOW + timedelta(days=1)
    card = renderer.render(facts(DOWN), Form.FORMATTED, language="en", zone=UTC, now=tomorrow)
    assert "since 2026-11-20 14:02:10 UTC (1 d" in card.text.text


@pytest.mark.parametrize(
    ("severity", "mark"),
    [("critical", "🔴"), ("warning", "🟡"), ("info", "🔵"), ("page", "⚠️"), ("", "⚠️")],
)
def test_the_first_character_says_how_bad(
    renderer: MessageRenderer, severity: str, mark: str
) -> None:
    card = render(renderer, facts(labelled(severity=severity)))
    assert card.text.startswith(f"{mark} FIRING")
    assert severity in card.text


def test_the_setup_guides_test_alert_is_shown_as_promised(renderer: MessageRenderer) -> None:
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


def test_an_alert_without_labels_is_unknown_but_shown(renderer: MessageRenderer) -> None:
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


def test_a_runbook_that_is_an_address_is_a_link(renderer: MessageRenderer) -> None:
    card = render(renderer, facts(annotated(runbook_url="https://wiki.example.com/down")))
    assert links(card)["https://wiki.example.com/down"] == "Runbook"


def test_a_runbook_that_is_a_path_is_shown_as_one(renderer: MessageRenderer) -> None:
    card = render(renderer, facts(annotated(runbook="docs/runbooks/agent_down.md")))
    assert "Runbook docs/runbooks/agent_down.md" in card.text
    assert "docs/runbooks/agent_down.md" in spelled(card, "code")


def test_addresses_telegram_would_not_follow_are_left_out(renderer: MessageRenderer) -> None:
    member = dataclasses.replace(DOWN, generator_url="http://localhost:9090/graph")
    card = render(renderer, facts(member, source="http://web-1:9093"))
    assert links(card) == {}
    assert "Query" not in card.text
    assert "Alertmanager" not in card.text


def test_a_group_shows_the_worst_mark_and_how_many(renderer: MessageRenderer) -> None:
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


def test_a_group_of_several_hosts_names_each(renderer: MessageRenderer) -> None:
    text = render(renderer, facts(DOWN, labelled(host="web-2"))).text
    assert text.startswith("🔴 FIRING  AgentDown · 2 firing\n")
    assert "🔴 AgentDown Server\n" in text
    assert "🔴 AgentDown web-2\n" in text


def test_a_group_that_is_over_says_how_long_all_of_it_lasted(renderer: MessageRenderer) -> None:
    early = dataclasses.replace(DISK, started_at=SINCE - timedelta(hours=1), ended_at=SINCE)
    lines = render(renderer, facts(over(DOWN), early)).text.splitlines()
    assert lines[0] == "✅ RESOLVED  Server · 2 over"
    assert lines[1] == "lasted 1 h 4 min · 13:02:10–14:06:22 UTC"


def test_alerts_that_alertmanager_left_out_are_counted(renderer: MessageRenderer) -> None:
    card = facts(DOWN, DISK, truncated=12)
    assert "Alertmanager left out 12 more" in render(renderer, card).text
    assert "Alertmanager не передал ещё 12 оповещений" in render(renderer, card, "ru").text


def test_a_card_of_no_alerts_is_still_a_card(renderer: MessageRenderer) -> None:
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
def test_russian_counts_are_declined(renderer: MessageRenderer, count: int, words: str) -> None:
    members = [labelled(mountpoint=str(number)) for number in range(count)]
    text = render(renderer, facts(*members, over(DISK)), "ru").text
    assert text.startswith(f"🔴 ТРЕВОГА  Server · {words}, 1 завершена")


@pytest.mark.parametrize("count", [1, 2, 9, 30, 31, 50, 51, 200, 2000])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_group_is_too_large_and_nobody_is_cut_silently(
    renderer: MessageRenderer, faults: Faults, count: int, language: str
) -> None:
    members = [labelled(host=f"web-{number}", device=f"sd{number}") for number in range(count)]
    card = render(renderer, facts(*members), language)
    assert len(card) <= MESSAGE_CHARACTERS
    assert len(card.entities) <= MESSAGE_ENTITIES
    shown = sum(f"web-{number}" in spelled(card, "code") for number in range(count))
    assert shown == count or f"{count - shown:,}" in card.text.replace("\u00a0", ",")
    assert shown >= min(count, 10)
    assert faults == []


@pytest.mark.parametrize("ended", [31, 60, 3000])
@pytest.mark.parametrize("firing", [1, 5, 10])
def test_what_fires_is_told_whole_however_much_has_ended_beside_it(
    renderer: MessageRenderer, firing: int, ended: int
) -> None:
    lasting = annotated(DISK, description="Delete what is old.", runbook_url="https://r.example/d")
    flaps = [dataclasses.replace(DOWN, ended_at=NOW + timedelta(each)) for each in range(ended)]
    card = render(renderer, facts(*[lasting] * firing, *flaps))
    assert card.text.count("/data is 93 % full") == firing
    assert card.text.count("Delete what is old.") == firing
    shown = card.text.count("Server does not answer")
    assert f"and {ended - shown:,} more" in card.text
    assert len(card) <= MESSAGE_CHARACTERS
    assert len(card.entities) <= MESSAGE_ENTITIES


def test_the_ladder_goes_down_to_a_line_that_always_fits(renderer: MessageRenderer) -> None:
    long = "x" * 100_000
    members = [
        annotated(labelled(host=long + str(number), mountpoint=long), summary=long, value=long)
        for number in range(200)
    ]
    card = render(renderer, facts(*members))
    assert len(card) <= MESSAGE_CHARACTERS
    assert card.text.startswith("🔴 FIRING  AgentDown · 200 firing")
    assert LADDER[-1].kind == "line"


def test_an_over_long_value_is_shortened_visibly(renderer: MessageRenderer) -> None:
    card = render(renderer, facts(annotated(value="9" * 100_140)))
    assert f"{'9' * 200}… (+99,940 characters)" in card.text


def test_the_preview_of_a_push_says_host_what_and_how_bad(renderer: MessageRenderer) -> None:
    for card in (facts(DOWN), facts(over(DOWN)), facts(DOWN, DISK), facts(over(DOWN), over(DISK))):
        preview = render(renderer, card).text[:100]
        assert preview[0] in "🔴✅"
        assert "Server" in preview
        assert "AgentDown" in preview


def test_an_unknown_language_is_english(renderer: MessageRenderer) -> None:
    assert render(renderer, facts(DOWN), "tlh") == render(renderer, facts(DOWN), "en")


def test_what_cannot_be_read_is_shown_as_it_came(renderer: MessageRenderer) -> None:
    unreadable = UnreadableFacts(
        raw='{"labels": "<b>"}', fault="its labels are not an object", source=ALERTMANAGER
    )
    card = render(renderer, unreadable)
    assert card.text.startswith("⚠️ UNREADABLE")
    assert "its labels are not an object" in card.text
    assert spelled(card, "pre") == ['{"labels": "<b>"}']
    russian = render(renderer, unreadable, "ru")
    assert "его метки — не объект JSON" in russian.text


def test_something_unreadable_and_long_is_counted(renderer: MessageRenderer) -> None:
    unreadable = UnreadableFacts(raw="9" * 100_000, fault="it is not an object")
    card = render(renderer, unreadable)
    assert len(card) <= MESSAGE_CHARACTERS
    assert "… (+97,000 characters)" in card.text


@pytest.mark.parametrize(
    ("ending", "head", "words"),
    [
        (None, "✅ RESOLVED", "critical · lasted 4 min 12 s"),
        (Ending.RECOVERED, "✅ RESOLVED", "critical · lasted 4 min 12 s"),
        (Ending.UNREACHABLE, "⚪ NO DATA", "no data: the host does not answer · fired for 4 min"),
        (Ending.UNMONITORED, "⚪ NO LONGER MONITORED", "no longer monitored · fired for 4 min"),
        (
            Ending.UNCONFIRMED,
            "⚪ OVER, NOT CONFIRMED",
            "over (Prometheus could not confirm it) · lasted 4 min",
        ),
    ],
)
def test_only_a_host_that_answers_gets_the_green_mark(
    renderer: MessageRenderer, ending: Ending | None, head: str, words: str
) -> None:
    member = dataclasses.replace(over(DOWN), ending=ending)
    for formatted in (render(renderer, facts(member)), render_plain(renderer, facts(member))):
        assert formatted.text.startswith(f"{head}  Server")
        assert ("✅" in formatted.text) == head.startswith("✅")
        assert words.split(" · ", maxsplit=1)[0] in formatted.text
    assert words in render(renderer, facts(member)).text


@pytest.mark.parametrize("count", [2, 40, 200])
def test_one_host_without_data_keeps_a_whole_card_from_being_green(
    renderer: MessageRenderer, count: int
) -> None:
    lost = dataclasses.replace(over(DOWN), ending=Ending.UNREACHABLE)
    gone = dataclasses.replace(over(DOWN), ending=Ending.UNMONITORED)
    members = [over(labelled(host=f"web-{number}")) for number in range(count)]
    text = render(renderer, facts(gone, lost, *members)).text
    assert text.startswith("⚪ NO DATA")
    assert f"{count} over, 2 without data" in text
    assert text.index("no data: the host does not answer") > 0
    assert "⚪ NO LONGER MONITORED" in render(renderer, facts(gone, *members)).text


def test_a_firing_card_stays_red_whatever_else_has_ended(renderer: MessageRenderer) -> None:
    lost = dataclasses.replace(over(DISK), ending=Ending.UNREACHABLE)
    lines = render(renderer, facts(DOWN, lost)).text.splitlines()
    assert lines[0] == "🔴 FIRING  Server · 1 firing, 1 without data"
    assert "⚪ DiskFull" in lines


def test_an_alert_that_is_muted_in_alertmanager_says_so(renderer: MessageRenderer) -> None:
    silenced = dataclasses.replace(DOWN, muting=Muting.SILENCED)
    inhibited = dataclasses.replace(DISK, muting=Muting.INHIBITED)
    both = render(renderer, facts(silenced, inhibited)).text
    assert both.startswith("🔴 FIRING 🔕  Server")
    assert "critical · 🔕 silenced · since" in both
    assert "warning · 🔕 inhibited · since" in both
    assert "FIRING 🔕" not in render(renderer, facts(silenced, DISK)).text
    assert "🔕 silenced" in render_plain(renderer, facts(silenced)).text
    assert "🔕" not in render(renderer, facts(over(silenced))).text
    many = [dataclasses.replace(silenced, labels={"host": f"h{n}"}) for n in range(60)]
    assert "🔕 silenced" in render(renderer, facts(*many)).text


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (Change(at=NOW, begun=2, ended=1), "↻ 14:06:22 UTC · 2 new, 1 over"),
        (Change(at=NOW, begun=3, worse=1), "↻ 14:06:22 UTC · 2 new, 1 worse"),
        (Change(at=NOW, ended=1_200), "↻ 14:06:22 UTC · 1,200 over"),
        (Change(at=NOW, begun=1, worse=1), "↻ 14:06:22 UTC · 1 worse"),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 45, 200])
def test_a_card_says_what_changed_last(
    renderer: MessageRenderer, change: Change, line: str, count: int
) -> None:
    members = [labelled(host=f"web-{number}") for number in range(count)]
    card = dataclasses.replace(facts(*members), change=change)
    assert line in render(renderer, card).text.splitlines()
    assert line.split(" · ")[1].replace(",2", "2") in render_plain(renderer, card).text


def test_a_change_of_nothing_is_not_said(renderer: MessageRenderer) -> None:
    card = dataclasses.replace(facts(DOWN), change=Change(at=NOW))
    assert render(renderer, card) == render(renderer, facts(DOWN))
    assert "↻" not in render_plain(renderer, card).text


@pytest.mark.parametrize("count", [1, 2, 45, 200])
def test_a_repeat_is_visibly_different_from_new(renderer: MessageRenderer, count: int) -> None:
    members = [labelled(host=f"web-{number}") for number in range(count)]
    card = dataclasses.replace(facts(*members), repeated_at=NOW)
    assert "🔁 still firing, repeated 14:06:22 UTC" in render(renderer, card).text.splitlines()
    assert "still firing, repeated" in render_plain(renderer, card).text
    ended = dataclasses.replace(facts(*map(over, members)), repeated_at=NOW)
    assert "🔁" not in render(renderer, ended).text + render_plain(renderer, ended).text


@pytest.mark.parametrize("count", [1, 2, 45, 2000])
def test_a_card_for_a_broken_chat_says_for_whom_and_why(
    renderer: MessageRenderer, count: int
) -> None:
    members = [labelled(host=f"web-{number}") for number in range(count)]
    card = dataclasses.replace(
        facts(*members), instead_of="-100123/7", instead_because=Reason.TOPIC_GONE.value
    )
    line = "for chat -100123/7, which cannot be reached: the topic was deleted or closed"
    assert line in render(renderer, card).text
    assert "for chat -100123/7, which cannot be reached" in render_plain(renderer, card).text


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_that_breaks_a_chat_has_words(
    renderer: MessageRenderer, reason: Reason, language: str
) -> None:
    if reason is Reason.MESSAGE_GONE:  # it is about one message, never about a chat
        return
    card = dataclasses.replace(facts(DOWN), instead_of="-5", instead_because=reason.value)
    assert "-5" in render(renderer, card, language).text
    assert reason.value not in render(renderer, card, language).text


FILE_BELOW = "📎 everything is in the file below"


def test_a_card_that_shows_everything_is_whole(renderer: MessageRenderer) -> None:
    for card in (facts(DOWN), facts(DOWN, DISK), facts(over(DOWN)), facts()):
        content = show(renderer, card)
        assert content.is_whole
        assert FILE_BELOW not in content.text.text


@pytest.mark.parametrize(
    "members",
    [
        [annotated(summary="x" * 2000)],
        [annotated(description="x" * 2000)],
        [annotated(value="x" * 201)],
        [annotated(note="x" * 2000)],
        [labelled(host="x" * 300)],
        [labelled(other="x" * 2000)],
        [labelled(host=f"web-{number}") for number in range(31)],
        [labelled(host=f"web-{number}") for number in range(200)],
        [annotated(labelled(host=f"web-{number}"), description="x" * 900) for number in range(9)],
    ],
    ids=lambda members: f"{len(members)} alerts",
)
@pytest.mark.parametrize("form", Form)
def test_a_card_that_leaves_anything_out_is_not_whole_and_says_where_the_rest_is(
    renderer: MessageRenderer, members: list[Member], form: Form
) -> None:
    content = show(renderer, facts(*members), form=form)
    assert not content.is_whole
    assert FILE_BELOW in content.text.text.splitlines()
    assert content.attachment is None


def test_a_group_shows_its_alerts_descriptions_and_other_annotations_while_they_fit(
    renderer: MessageRenderer,
) -> None:
    members = [annotated(DOWN, description="At length", dashboard="d-1", __id__="7"), DISK]
    content = show(renderer, facts(*members))
    assert content.is_whole
    assert spelled(content.text, "expandable_blockquote") == ["At length"]
    assert "dashboard: d-1" in content.text.text.splitlines()
    assert "__id__" not in content.text.text


def test_seconds_of_age_count_in_the_first_minute_only(renderer: MessageRenderer) -> None:
    young = dataclasses.replace(DOWN, started_at=NOW - timedelta(seconds=59))
    old = dataclasses.replace(DOWN, started_at=NOW - timedelta(hours=3, minutes=5, seconds=9))
    assert "since 14:05:23 UTC (59 s)" in render(renderer, facts(young)).text
    assert "since 11:01:13 UTC (3 h 5 min)" in render(renderer, facts(old)).text


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
        assert render(own, unreadable) == render(shipped, unreadable)
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
    broken = MessageRenderer(
        [], load_translators(LOCALES), lambda name, error: faults.append((name, error))
    )
    assert render(broken, facts(DOWN)) == render_plain(broken, facts(DOWN))


def test_a_plain_card_has_no_entities_and_all_that_matters(renderer: MessageRenderer) -> None:
    plain = render_plain(renderer, facts(DOWN, over(DISK), truncated=2))
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
        "📎 everything is in the file below",
    ]


def test_a_plain_card_of_any_size_fits_and_counts_the_rest(renderer: MessageRenderer) -> None:
    members = [labelled(host=f"web-{number}" * 30) for number in range(2000)]
    plain = render_plain(renderer, facts(*members))
    assert len(plain) <= MESSAGE_CHARACTERS
    shown = plain.text.count("since ")
    assert f"and {2000 - shown} more" in plain.text
    assert utf16_length(plain.text) > 2000


def test_something_unreadable_has_a_plain_form_too(renderer: MessageRenderer) -> None:
    plain = render_plain(renderer, UnreadableFacts(raw="[1]", fault="it is not an object"))
    assert plain == Formatted("⚠️ UNREADABLE  it is not an object\n[1]")
