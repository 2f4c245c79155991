# ruff: noqa: RUF001 - signs and dashes are what is tested
from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import Ending, Member, in_order
from bridge.core.outbox import Form
from bridge.limits import CAPTION_CHARACTERS, LISTED_CHARACTERS, MESSAGE_CHARACTERS
from bridge.views.locale import LANGUAGES
from bridge.views.renderer import MessageRenderer
from tests.views.samples import NOW, SINCE, alert, lines, show


def board(
    *members: Member, state: BoardState = BoardState.STORM, arrived: int | None = None
) -> BoardFacts:
    return BoardFacts(
        state=state,
        opened_at=SINCE,
        over_at=None if state is BoardState.STORM else NOW,
        arrived=len(members) if arrived is None else arrived,
        members=in_order(members),
    )


def storm(count: int, ended: int = 0) -> list[Member]:
    return [
        alert(
            f"web-{number % 300}",
            f"Alert{number % 41}",
            ("critical", "warning", "info", "odd")[number % 4],
            ended_at=NOW if number < ended else None,
            started_at=NOW - timedelta(seconds=number % 900),
            number=str(number),
        )
        for number in range(count)
    ]


def listed(renderer: MessageRenderer, facts: BoardFacts, language: str = "en") -> list[str]:
    attachment = show(renderer, facts, language).attachment
    assert attachment is not None
    assert attachment.name == "alerts.txt"
    return attachment.content.decode().splitlines()


def test_a_board_tells_state_counts_causes_hosts_the_newest_and_its_own_time(
    renderer: MessageRenderer,
) -> None:
    members = [alert(f"web-{number}") for number in range(2)]
    members += [alert("db-1", f"Disk{number % 2}", "warning") for number in range(6)]
    over = [alert("web-9", ended_at=NOW), alert("x", ended_at=NOW, ending=Ending.UNREACHABLE)]
    newest = alert("web-7", "HighLoad", "info", started_at=NOW)
    assert lines(renderer, board(*members, *over, newest, arrived=2_000)) == [
        "🔴 STORM  9 firing, 1 over, 1 without data",
        "since 14:02:10 UTC (4 min) · 2,000 alerts so far",
        "🔴 2 · 🟡 6 · 🔵 1 · ⚪ 1 · ✅ 1",
        "",
        "Alerts",
        "🔴 AgentDown × 2",
        "🟡 Disk0 × 3",
        "🟡 Disk1 × 3",
        "🔵 HighLoad × 1",
        "",
        "Hosts",
        "🟡 db-1 × 6, 🔴 web-0 × 1, 🔴 web-1 × 1, 🔵 web-7 × 1",
        "",
        "Newest",
        "🔵 14:06:22 UTC web-7 · HighLoad",
        "🔴 14:02:10 UTC web-0 · AgentDown",
        "🔴 14:02:10 UTC web-1 · AgentDown",
        "🟡 14:02:10 UTC db-1 · Disk0",
        "🟡 14:02:10 UTC db-1 · Disk0",
        "",
        "📎 the whole list · as of 14:06:22 UTC",
    ]


def test_after_the_wave_a_board_says_from_when_to_when_and_how_many(
    renderer: MessageRenderer,
) -> None:
    after = lines(renderer, board(alert(), state=BoardState.AFTER, arrived=2_000))
    assert after[0] == "🔴 AFTER THE STORM  1 firing"
    assert after[1] == "wave over: 14:02:10–14:06:22 UTC, 2,000 alerts"
    assert "What still fires returns as cards, the worst first." in after


def test_a_closed_board_is_final(renderer: MessageRenderer) -> None:
    closed = lines(renderer, board(alert(ended_at=NOW), state=BoardState.CLOSED))
    assert closed[0] == "✅ STORM OVER  1 over"
    assert "This board is final: what still fires has its card." in closed


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", BoardState)
@pytest.mark.parametrize("count", [0, 1, 40, 2_000])
def test_a_board_is_a_caption_and_a_file(
    renderer: MessageRenderer, state: BoardState, language: str, count: int
) -> None:
    content = show(renderer, board(*storm(count, ended=count // 3), state=state), language)
    assert 0 < len(content.text) <= CAPTION_CHARACTERS
    assert content.attachment is not None
    assert content.is_whole
    assert content.text.entities


@pytest.mark.parametrize("count", [0, 1, 40, 2_000])
def test_a_board_for_a_chat_that_takes_no_files_is_one_text(
    renderer: MessageRenderer, count: int
) -> None:
    content = show(renderer, board(*storm(count, ended=count // 3)), form=Form.PLAIN)
    assert content.attachment is None
    assert len(content.text) <= MESSAGE_CHARACTERS
    assert content.text.entities == ()
    assert content.is_whole == (count <= 40)
    attachment = show(renderer, board(*storm(count, ended=count // 3))).attachment
    assert attachment is not None
    listed = [line.rstrip() for line in attachment.content.decode().splitlines()]
    shown = content.text.text.splitlines()
    rest = [line for line in shown if line.endswith("more lines")]
    counted = int(rest[0].split()[1]) if rest else 0
    assert (
        shown[len(shown) - len(rest) - len(listed) + counted : len(shown) - len(rest)]
        == (listed[: len(listed) - counted])
    )


def test_the_longest_names_still_leave_a_caption(renderer: MessageRenderer) -> None:
    members = [alert(f"{n}" + "h" * 900, f"{n}" + "n" * 900, str(n) * 90) for n in range(50)]
    content = show(renderer, board(*members))
    assert len(content.text) <= CAPTION_CHARACTERS
    assert "50 firing" in content.text.text


def test_causes_and_hosts_that_have_no_room_are_counted(renderer: MessageRenderer) -> None:
    shown = lines(renderer, board(*storm(2_000)))
    for title, total in (("Alerts", 41), ("Hosts", 300)):
        block = shown[shown.index(title) + 1 :]
        block = block[: block.index("")]
        named = sum(line.count("×") for line in block)
        more = re.search(r"and (\d+) more$", block[-1])
        assert more is not None
        assert named + int(more[1]) == total


def test_the_file_lists_every_alert_on_a_line_the_firing_and_worst_first(
    renderer: MessageRenderer,
) -> None:
    facts = board(*storm(2_000, ended=600))
    shown = listed(renderer, facts)
    assert shown[0] == "1,400 firing, 600 over · as of 14:06:22 UTC"
    firing, over = shown.index("FIRING: 1,400"), shown.index("OVER: 600")
    assert over - firing - 2 == 1_400
    assert len(shown) - over - 1 == 600
    marks = [line[0] for line in shown[firing + 1 : over - 1]]
    assert marks == sorted(marks, key="🔴🟡🔵⚠".index)
    assert all(line.startswith("✅") for line in shown[over + 1 :])


def test_a_line_of_the_file_says_how_bad_what_where_since_when_and_its_summary(
    renderer: MessageRenderer,
) -> None:
    lost = alert("web-2", ended_at=NOW, ending=Ending.UNREACHABLE)
    unsure = alert("web-3", ended_at=NOW, ending=Ending.UNCONFIRMED)
    shown = listed(renderer, board(alert(), lost, unsure))
    assert "🔴 AgentDown · web-1 · since 14:02:10 UTC (4 min) · web-1 does not answer" in shown
    assert (
        "⚪🔴 AgentDown · web-2 · no data: the host does not answer · fired for 4 min 12 s"
        " · web-2 does not answer"
    ) in shown
    assert (
        "⚪🔴 AgentDown · web-3 · over (Prometheus could not confirm it) · lasted 4 min 12 s"
        " · web-3 does not answer"
    ) in shown


def test_a_text_too_long_for_a_line_is_counted_in_the_file(renderer: MessageRenderer) -> None:
    shown = listed(renderer, board(alert("h" * (LISTED_CHARACTERS + 1_234))))
    assert any("… (+1,234 characters)" in line for line in shown)


def test_a_list_of_twenty_thousand_alerts_is_written(renderer: MessageRenderer) -> None:
    assert len(listed(renderer, board(*storm(20_000, ended=5_000)))) > 20_000
