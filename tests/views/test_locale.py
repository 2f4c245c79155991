# ruff: noqa: RUF001 - Russian letters and en dashes are what is tested
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.views.locale import LANGUAGES, load_translators, render_period, render_time
from bridge.views.templates import LOCALES

TRANSLATORS = load_translators(LOCALES)
TAIPEI = ZoneInfo("Asia/Taipei")
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(minutes=4, seconds=12), ("4 min 12 s", "4 分 12 秒", "4 мин 12 с")),
        (timedelta(hours=2, minutes=5, seconds=59), ("2 h 5 min", "2 小時 5 分", "2 ч 5 мин")),
        (timedelta(days=3, hours=4), ("3 d 4 h", "3 天 4 小時", "3 дня 4 ч")),
        (timedelta(hours=1, seconds=30), ("1 h", "1 小時", "1 ч")),
        (timedelta(days=21), ("21 d", "21 天", "21 день")),
        (timedelta(milliseconds=900), ("0 s", "0 秒", "0 с")),
        (timedelta(seconds=-5), ("0 s", "0 秒", "0 с")),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(
    span: timedelta, words: tuple[str, str, str]
) -> None:
    assert tuple(TRANSLATORS[language].render_span(span) for language in LANGUAGES) == words


def test_a_time_of_today_has_no_date() -> None:
    assert render_time(NOON, TAIPEI, NOON) == "20:00:00 CST"


def test_today_is_the_day_in_the_chats_zone() -> None:
    later = NOON + timedelta(hours=5)  # 01:00 of the next day in Taipei
    assert render_time(NOON, TAIPEI, later) == "2026-11-20 20:00:00 CST"
    assert render_time(NOON, UTC, later) == "12:00:00 UTC"


def test_a_time_keeps_the_offset_of_its_own_day() -> None:
    summer = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert render_time(summer, BERLIN, NOON) == "2026-07-01 14:00:00 CEST"


def test_a_period_names_date_and_zone_once() -> None:
    end = NOON + timedelta(minutes=4)
    assert render_period(NOON, end, UTC, end) == "12:00:00–12:04:00 UTC"
    next_day = NOON + timedelta(days=1)
    assert render_period(NOON, end, UTC, next_day) == "2026-11-20 12:00:00–12:04:00 UTC"


def test_a_period_over_midnight_or_a_clock_change_is_written_in_full() -> None:
    night = NOON + timedelta(hours=13)
    assert render_period(NOON, night, UTC, night) == (
        "2026-11-20 12:00:00 UTC – 2026-11-21 01:00:00 UTC"
    )
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    after = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert render_period(before, after, BERLIN, after) == "02:30:00 CEST – 02:30:00 CET"


def test_the_ends_of_the_calendar_break_nothing() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert render_time(last, TAIPEI, NOON) == "9999-12-31 23:59:59 UTC"


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 символ"), (3, "3 символа"), (5, "5 символов"), (21, "21 символ")],
)
def test_russian_has_its_plurals(count: int, words: str) -> None:
    message = TRANSLATORS["ru"].ngettext("(+%(count)s character)", "(+%(count)s characters)", count)
    assert message % {"count": count} == f"(+{words})"


def test_large_numbers_are_grouped_as_the_language_does() -> None:
    shown = [TRANSLATORS[language].render_count(99_940) for language in LANGUAGES]
    assert shown == ["99,940", "99,940", "99\u00a0940"]


def test_the_empty_message_is_not_the_catalogues_header() -> None:
    assert TRANSLATORS["ru"].gettext("") == ""
