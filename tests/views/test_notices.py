from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Form
from bridge.core.watchdog import FORGOTTEN
from bridge.limits import MESSAGE_CHARACTERS
from bridge.views.locale import LANGUAGES
from bridge.views.renderer import MessageRenderer
from tests.views.samples import NOW, SINCE, lines, show

SILENT = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=SINCE)
SILENT_NO_MORE = NoticeFacts(kind=NoticeKind.PIPELINE_SILENT, since=SINCE, until=NOW)


def broken(
    *, reason: str = "chat_refuses", fallback: str = "", is_over: bool = False
) -> NoticeFacts:
    return NoticeFacts(
        kind=NoticeKind.CHAT_BROKEN,
        since=SINCE,
        until=NOW if is_over else None,
        subject="-100123/7",
        reason=reason,
        detail="Forbidden: bot was kicked",
        fallback=fallback,
    )


def test_a_silent_pipeline_says_what_that_means_and_what_to_check(
    renderer: MessageRenderer,
) -> None:
    unknown = "nothing tells us any more whether anything is wrong."
    cause = (
        "The commonest cause with an Alertmanager of your own: its route for the Watchdog repeats"
    )
    assert lines(renderer, SILENT) == [
        "🔴 ALERTS MAY NOT ARRIVE",
        f"The Watchdog alert has stopped arriving: {unknown}",
        "since 14:02:10 UTC (4 min)",
        "👉 Check that Prometheus and Alertmanager run, and that Alertmanager reaches this bridge.",
        f"{cause} more rarely than WATCHDOG_PATIENCE. More: docs/runbooks/Watchdog.md",
    ]


def test_one_silent_pipeline_of_several_is_named_and_speaks_for_itself_alone(
    renderer: MessageRenderer,
) -> None:
    facts = replace(SILENT, subject="source=eu, cluster=a")
    unknown = "nothing from this pipeline tells us any more whether anything is wrong."
    assert lines(renderer, facts)[1:3] == [
        "pipeline source=eu, cluster=a",
        f"The Watchdog alert has stopped arriving: {unknown}",
    ]
    assert "pipeline: source=eu, cluster=a" in lines(renderer, facts, form=Form.PLAIN)
    assert lines(renderer, replace(facts, until=NOW))[1] == "pipeline source=eu, cluster=a"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pipeline_that_nobody_waits_for_any_more_is_not_said_to_be_back(
    renderer: MessageRenderer, language: str
) -> None:
    facts = replace(SILENT_NO_MORE, subject="cluster=old", detail=FORGOTTEN)
    for form in Form:
        shown = lines(renderer, facts, language, form)
        assert shown[0].startswith("⚪")
        assert any("cluster=old" in line for line in shown)
        assert FORGOTTEN not in "".join(shown)
    assert lines(renderer, facts)[0] == "⚪ PIPELINE NO LONGER EXPECTED"


def test_a_pipeline_that_speaks_again_says_how_long_it_was_silent(
    renderer: MessageRenderer,
) -> None:
    shown = lines(renderer, SILENT_NO_MORE)
    assert shown[0] == "✅ ALERTS ARRIVE AGAIN"
    assert shown[-1].startswith("lasted 4 min 12 s · 14:02:10")


def test_a_broken_chat_says_which_why_where_its_alerts_go_and_how_to_mend_it(
    renderer: MessageRenderer,
) -> None:
    way_out = (
        "Unblock the bot or add it to the chat again, and check the id, in ALERT_CHAT_ID or in"
        " /subscriptions; /rmsub takes a wrong one out."
    )
    assert lines(renderer, broken(fallback="-5")) == [
        "🔴 CHAT CANNOT BE REACHED  -100123/7",
        "the bot is blocked or was removed, or there is no such chat",
        "since 14:02:10 UTC (4 min)",
        "Telegram says: Forbidden: bot was kicked",
        "Its alerts go meanwhile to chat -5",
        f"👉 {way_out} The bridge keeps trying.",
    ]


def test_a_broken_chat_without_another_to_go_to_says_that_its_alerts_wait(
    renderer: MessageRenderer,
) -> None:
    assert any("Its alerts wait" in line for line in lines(renderer, broken()))


def test_a_topic_that_is_gone_is_mended_otherwise_than_a_chat(renderer: MessageRenderer) -> None:
    shown = lines(renderer, broken(reason="topic_gone"))
    assert shown[1] == "the topic was deleted or closed"
    assert shown[-1].startswith("👉 Open the topic again")


def test_a_chat_that_is_well_again_says_what_it_was_and_how_long(
    renderer: MessageRenderer,
) -> None:
    shown = lines(renderer, broken(is_over=True, fallback="-5"))
    assert shown[0] == "✅ CHAT CAN BE REACHED AGAIN  -100123/7"
    assert shown[2].startswith("lasted 4 min 12 s")
    assert shown[3] == "Its alerts went meanwhile to chat -5"
    assert not any("👉" in line for line in shown)


def test_a_chat_that_moved_gives_its_new_id_and_where_to_put_it(renderer: MessageRenderer) -> None:
    facts = NoticeFacts(
        kind=NoticeKind.CHAT_MOVED, since=SINCE, subject="-123", detail="-1009876543210"
    )
    for form in Form:
        text = show(renderer, facts, form=form).text.text
        assert all(word in text for word in ("-123", "-1009876543210", "ALERT_CHAT_ID"))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "37 alerts"), ("ru", "37 оповещений"), ("zh_TW", "37 則告警")],
)
def test_telegrams_absence_says_from_when_to_when_and_what_went_the_second_way_out(
    renderer: MessageRenderer, language: str, words: str
) -> None:
    facts = NoticeFacts(kind=NoticeKind.TELEGRAM_WAS_AWAY, since=SINCE, until=NOW, count=37)
    text = show(renderer, facts, language).text.text
    assert words in text
    assert "14:02:10" in text
    assert "14:06:22" in text


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("until", [None, NOW])
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_has_a_text_in_every_language(
    renderer: MessageRenderer, kind: NoticeKind, until: object, language: str, form: Form
) -> None:
    for word in ("", "x" * 9000):
        facts = NoticeFacts(
            kind=kind,
            since=SINCE,
            until=NOW if until else None,
            subject=word,
            reason=word,
            detail=word,
            fallback=word,
        )
        content = show(renderer, facts, language, form)
        assert 0 < len(content.text) <= MESSAGE_CHARACTERS
        assert content.attachment is None
        assert all(line == line.strip() != "" for line in content.text.text.splitlines())


def test_only_what_lasts_says_what_to_do(renderer: MessageRenderer) -> None:
    for form in Form:
        assert "👉" in show(renderer, SILENT, form=form).text.text
        assert "👉" not in show(renderer, SILENT_NO_MORE, form=form).text.text
