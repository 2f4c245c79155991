from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.windows import (
    SHORTEST,
    Window,
    Wish,
    find_last,
    last,
    parse_minutes,
    parse_wish,
    split_minutes,
    write_around,
)
from bridge.errors import Mistake

TAIPEI = ZoneInfo("Asia/Taipei")
BERLIN = ZoneInfo("Europe/Berlin")
TEN = datetime(2025, 6, 9, 10, 0, tzinfo=TAIPEI)
HALF_A_YEAR = timedelta(days=180)


def wish(text: str, *, now: datetime = TEN, retention: timedelta = HALF_A_YEAR) -> Wish:
    zone = now.tzinfo
    assert zone is not None
    return parse_wish(text.split(), now=now, zone=zone, retention=retention)


def local(text: str, zone: ZoneInfo = TAIPEI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def refusal(text: str) -> str:
    with pytest.raises(Mistake) as caught:
        wish(text)
    return caught.value.sentence


# The rows of the grammar's table, at 10:00 on 9 June 2025 in the chat's zone.
@pytest.mark.parametrize(
    ("text", "host", "start", "end"),
    [
        ("", None, "2025-06-09 09:55", "2025-06-09 10:00"),
        ("5", None, "2025-06-09 09:55", "2025-06-09 10:00"),
        ("30", None, "2025-06-09 09:30", "2025-06-09 10:00"),
        ("1440", None, "2025-06-08 10:00", "2025-06-09 10:00"),
        ("Agent1", "Agent1", "2025-06-09 09:55", "2025-06-09 10:00"),
        ("agent1", "agent1", "2025-06-09 09:55", "2025-06-09 10:00"),
        ("146.190.147.94:9100", "146.190.147.94:9100", "2025-06-09 09:55", "2025-06-09 10:00"),
        ("146.190.147.94", "146.190.147.94", "2025-06-09 09:55", "2025-06-09 10:00"),
        ("Agent9", "Agent9", "2025-06-09 09:55", "2025-06-09 10:00"),
        ("Agent1 30", "Agent1", "2025-06-09 09:30", "2025-06-09 10:00"),
        ("1940 10", None, "2025-06-08 19:30", "2025-06-08 19:50"),
        ("1000 10", None, "2025-06-09 09:50", "2025-06-09 10:00"),
        ("0005 10", None, "2025-06-08 23:55", "2025-06-09 00:15"),
        ("Agent1 1940 10", "Agent1", "2025-06-08 19:30", "2025-06-08 19:50"),
        ("10.0.0.1:9100 0940 10", "10.0.0.1:9100", "2025-06-09 09:30", "2025-06-09 09:50"),
        # Spans stand wherever minutes may.
        ("1h", None, "2025-06-09 09:00", "2025-06-09 10:00"),
        ("1h30m", None, "2025-06-09 08:30", "2025-06-09 10:00"),
        ("7D", None, "2025-06-02 10:00", "2025-06-09 10:00"),
        ("Agent1 30d", "Agent1", "2025-05-10 10:00", "2025-06-09 10:00"),
        ("0940 1h", None, "2025-06-09 08:40", "2025-06-09 10:00"),
        ("180d", None, "2024-12-11 10:00", "2025-06-09 10:00"),
        # A button's word, an address of the newer kind, a name that begins with digits.
        ("#0123456789 60", "#0123456789", "2025-06-09 09:00", "2025-06-09 10:00"),
        ("[2001:db8::1]:9100 60", "[2001:db8::1]:9100", "2025-06-09 09:00", "2025-06-09 10:00"),
        ("7d 60", "7d", "2025-06-09 09:00", "2025-06-09 10:00"),
        ("0005", None, "2025-06-09 09:55", "2025-06-09 10:00"),
        ("Agent1 1940", "Agent1", "2025-06-08 01:40", "2025-06-09 10:00"),
    ],
)
def test_a_wish_is_read_as_the_table_has_it(
    text: str, host: str | None, start: str, end: str
) -> None:
    read = wish(text)
    assert read.host == host
    assert read.window == Window(start=local(start), end=local(end))


@pytest.mark.parametrize(
    ("text", "word", "said"),
    [
        ("0", "0", "too short; it takes a minute at least"),
        ("0m", "0m", "too short"),
        ("59s", "59s", "too short"),
        ("-5", "-5", "is no number of minutes; write a whole number such as 30, or 1h, or 7d"),
        ("+5", "+5", "is no number of minutes"),
        ("30m1h", "30m1h", "is no number of minutes"),
        ("٣٠", "٣٠", "is no number of minutes"),
        ("²", "²", "is no number of minutes"),
        ("Agent1 abc", "abc", "is no number of minutes"),
        ("Agent1 1.5", "1.5", "is no number of minutes"),
        ("Agent1 -5", "-5", "is no number of minutes"),
        ("Agent1 ٣", "٣", "is no number of minutes"),
        ("1940 x", "x", "is no number of minutes"),
        ("2400 10", "2400", "is no time of day; write four digits from 0000 to 2359, such as 0940"),
        ("1260 10", "1260", "is no time of day"),
        ("940 10", "940", "is no time of day"),
        ("5 5", "5", "is no time of day"),
        ("١٩٤٠ 10", "١٩٤٠", "is no time of day"),
        ("Agent1 12:30 10", "12:30", "is no time of day"),
        ("Agent1 1h 10", "1h", "is no time of day"),
        ("5 1940 10", "5", "is no host; write [host] [[hhmm] minutes]"),
        ("-1 10", "-1", "is no host"),
        ("Agent1 1940 10 x", "x", "is one word too many; write [host] [[hhmm] minutes]"),
        ("259201", "259201", "is too long; samples are kept for 180d"),
        ("181d", "181d", "is too long"),
        ("9" * 400, f"{'9' * 40}…", "is too long"),
        ("1000 4321h", "4321h", "is too long"),
    ],
)
def test_what_is_no_wish_is_refused_by_the_word_that_is_wrong(
    text: str, word: str, said: str
) -> None:
    assert refusal(text).startswith(f"{word} ")
    assert said in refusal(text)


def test_the_longest_wish_is_as_long_as_samples_are_kept() -> None:
    assert wish("259200").window.span == HALF_A_YEAR


def test_a_time_of_day_is_shown_no_further_back_than_samples_are_kept() -> None:
    read = wish("1940 1d", retention=timedelta(days=1))
    assert read.window == Window(start=TEN - timedelta(days=1), end=TEN)


def test_a_time_of_day_keeps_its_moment_and_span_for_the_caption() -> None:
    read = wish("1940 10")
    assert read.around == local("2025-06-08 19:40")
    assert read.span == timedelta(minutes=10)
    assert wish("10").around is None


def test_a_minute_to_come_is_yesterdays_even_if_it_is_the_next() -> None:
    assert wish("1001 10").around == local("2025-06-08 10:01")
    assert wish("1000 10", now=TEN + timedelta(seconds=59)).around == TEN


def test_an_hour_that_was_skipped_is_that_of_the_day_before() -> None:
    noon = local("2026-03-29 12:00", BERLIN)  # 02:00 to 03:00 did not come that day
    assert wish("0230 10", now=noon).around == local("2026-03-28 02:30", BERLIN)
    assert wish("0330 10", now=noon).around == local("2026-03-29 03:30", BERLIN)


def test_of_an_hour_that_came_twice_the_last_one_up_to_now_is_meant() -> None:
    noon = local("2026-10-25 12:00", BERLIN)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    second = first + timedelta(hours=1)
    assert wish("0230 10", now=noon).around == second
    between = (first + timedelta(minutes=10)).astimezone(BERLIN)
    assert wish("0230 10", now=between).around == first


def test_a_day_over_a_change_of_clocks_is_24_hours_long() -> None:
    noon = local("2026-03-29 12:00", BERLIN)
    window = wish("1d", now=noon).window
    assert window.start.astimezone(BERLIN) == local("2026-03-28 11:00", BERLIN)
    assert window.end - window.start == timedelta(days=1)


def test_a_day_that_a_whole_zone_left_out_is_stepped_over() -> None:
    apia = ZoneInfo("Pacific/Apia")  # it had no 30 December 2011
    now = local("2011-12-31 08:00", apia)
    assert find_last(time(9), now=now, zone=apia) == local("2011-12-29 09:00", apia)


ZONES = [
    *(UTC, TAIPEI, BERLIN, timezone(timedelta(hours=5, minutes=45))),
    *map(ZoneInfo, ("America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca")),
]
MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given by timezones


@given(MOMENTS, st.sampled_from(ZONES), st.times(), st.integers(1, 3 * 24 * 60))
def test_every_window_is_in_the_past_and_a_minute_long_at_least(
    now: datetime, zone: ZoneInfo, clock: time, minutes: int
) -> None:
    words = [f"{clock:%H%M}", str(minutes)]
    read = parse_wish(words, now=now, zone=zone, retention=HALF_A_YEAR)
    assert read.window.end <= now
    assert read.window.span >= SHORTEST
    assert read.window.start.utcoffset() == read.window.end.utcoffset() == timedelta(0)


@given(MOMENTS, st.sampled_from(ZONES), st.times())
def test_the_moment_found_is_the_last_at_which_the_clock_showed_it(
    now: datetime, zone: ZoneInfo, clock: time
) -> None:
    wanted = clock.replace(second=0, microsecond=0)
    found = find_last(wanted, now=now, zone=zone)
    assert found <= now
    shown = found.astimezone(zone)
    assert (shown.hour, shown.minute) == (wanted.hour, wanted.minute)
    later = found + timedelta(minutes=1)
    while later <= now:
        shown = later.astimezone(zone)
        assert (shown.hour, shown.minute) != (wanted.hour, wanted.minute)
        later += timedelta(minutes=1)


def sentence_or_window(words: list[str]) -> str:
    try:
        read = parse_wish(words, now=TEN, zone=TAIPEI, retention=HALF_A_YEAR)
    except Mistake as fault:
        return fault.sentence
    assert read.window.end <= TEN
    assert SHORTEST <= read.window.span <= 2 * HALF_A_YEAR
    return "a window"


@given(st.lists(st.text(min_size=1, max_size=60), max_size=5))
def test_whatever_is_typed_ends_in_a_window_or_in_one_sentence(words: list[str]) -> None:
    said = sentence_or_window(words)
    assert said.isprintable()
    assert len(said) < 200


@given(st.integers(1, 259200))
def test_minutes_are_read_as_they_are_written(minutes: int) -> None:
    assert parse_minutes(str(minutes), retention=HALF_A_YEAR) == timedelta(minutes=minutes)


def test_the_last_so_long_ends_now() -> None:
    window = last(timedelta(hours=1), TEN)
    assert window == Window(start=TEN - timedelta(hours=1), end=TEN)


@pytest.mark.parametrize(
    ("text", "query", "span"),
    [
        ("up", "up", None),
        ("up 30", "up", timedelta(minutes=30)),
        ("rate(x[5m])  1d ", "rate(x[5m])", timedelta(days=1)),
        ("up * 30", "up * 30", None),
        ("up * 30 60", "up * 30", timedelta(hours=1)),
        ("up offset 5m", "up offset 5m", None),
        ("up offset 5m 30", "up offset 5m", timedelta(minutes=30)),
        ("up @ 1609746000", "up @ 1609746000", None),
        ("up == bool 1", "up == bool 1", None),
        ("a and 1", "a and 1", None),
        ("land 5", "land", timedelta(minutes=5)),
        ("topk(5, up)", "topk(5, up)", None),
        ("max by (host) (up) 15", "max by (host) (up)", timedelta(minutes=15)),
        ("30", "30", None),
        ("", "", None),
    ],
)
def test_minutes_behind_a_query_are_parted_from_it(
    text: str, query: str, span: timedelta | None
) -> None:
    assert split_minutes(text, retention=HALF_A_YEAR) == (query, span)


def test_minutes_behind_a_query_that_are_too_many_are_refused() -> None:
    with pytest.raises(Mistake, match="too long"):
        split_minutes("up 999999999", retention=HALF_A_YEAR)


@pytest.mark.parametrize(
    ("began", "over", "times"),
    [
        ("2025-06-09 09:58", None, "60"),
        ("2025-06-09 05:00", None, "330"),
        ("2025-06-01 10:00", None, "11550"),
        ("2024-06-09 10:00", None, "259200"),
        ("2025-06-09 12:00", None, "60"),
        ("2025-06-09 03:10", "2025-06-09 03:40", "0325 45"),
        ("2025-06-08 23:50", "2025-06-09 00:20", "0005 45"),
        ("2025-06-08 10:00", "2025-06-08 10:20", "1010 40"),
        ("2025-06-08 09:00", "2025-06-08 09:30", "1530"),
        ("2025-06-09 09:00", "2025-06-09 12:00", "90"),
        ("2025-06-01 10:00", "2025-06-09 09:00", "11550"),
    ],
)
def test_the_times_of_an_alert_are_written_as_people_would(
    began: str, over: str | None, times: str
) -> None:
    ended = local(over) if over else None
    written = write_around(local(began), ended, now=TEN, zone=TAIPEI, retention=HALF_A_YEAR)
    assert " ".join(written) == times


@given(
    passed=st.timedeltas(timedelta(0), timedelta(days=220)),
    age=st.timedeltas(timedelta(0), timedelta(days=40)),
    lasted=st.none() | st.timedeltas(timedelta(0), timedelta(days=3)),
    retention=st.sampled_from([timedelta(days=7), HALF_A_YEAR]),
)
def test_what_is_written_shows_the_alert_as_far_as_it_is_kept(
    passed: timedelta, age: timedelta, lasted: timedelta | None, retention: timedelta
) -> None:
    now = datetime(2025, 3, 25, tzinfo=UTC) + passed  # clocks change twice
    start = now - age
    end = None if lasted is None else min(start + lasted, now)
    words = write_around(start, end, now=now, zone=BERLIN, retention=retention)
    window = parse_wish(words, now=now, zone=BERLIN, retention=retention).window
    kept = now - retention + timedelta(minutes=2)
    assert window.start <= max(start, kept)
    assert window.end >= min(end or now, now)
