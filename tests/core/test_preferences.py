from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.kinds import AlertKind
from bridge.core.preferences import (
    NO_PREFERENCES,
    Look,
    Notify,
    Preferences,
    QuietHours,
    change_preferences,
    find_zone,
)
from bridge.errors import Mistake

LANGUAGES = ("en", "zh_TW", "ru")
MINUTE = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")


def choose(*typed: str, before: Preferences = NO_PREFERENCES) -> Preferences:
    for words in typed:
        before = change_preferences(before, words.split(), languages=LANGUAGES)
    return before


def mistake(typed: str) -> str:
    with pytest.raises(Mistake) as caught:
        choose(typed)
    assert "%(" not in caught.value.sentence
    return caught.value.sentence


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        ("language ru", Preferences(language="ru")),
        ("LANGUAGE ZH-tw", Preferences(language="zh_TW")),
        ("zone Europe/Berlin", Preferences(zone="Europe/Berlin")),
        ("zone europe/berlin", Preferences(zone="Europe/Berlin")),
        ("zone Berlin", Preferences(zone="Europe/Berlin")),
        ("zone new york", Preferences(zone="America/New_York")),
        ("zone utc", Preferences(zone="UTC")),
        ("notify Critical", Preferences(notify=Notify.CRITICAL)),
        ("notify off", Preferences(notify=Notify.OFF)),
        ("quiet 22:00-07:00", Preferences(quiet=QuietHours(22 * 60, 7 * 60))),
        ("quiet 9:05 – 17:30", Preferences(quiet=QuietHours(9 * 60 + 5, 17 * 60 + 30))),  # noqa: RUF001 - as phones write it
        ("quiet off", Preferences(quiet=QuietHours(0, 0))),
        ("kinds -cpu", Preferences(muted=frozenset({AlertKind.CPU}))),
        ("kinds −CPU -load +cpu", Preferences(muted=frozenset({AlertKind.LOAD}))),  # noqa: RUF001 - as phones write it
        ("kinds all", Preferences(muted=frozenset())),
        ("charts dark", Preferences(charts=Look.DARK)),
    ],
)
def test_a_choice_is_read_as_it_is_typed(typed: str, chosen: Preferences) -> None:
    assert choose(typed) == chosen


def test_kinds_are_switched_one_by_one_and_the_rest_stays() -> None:
    chosen = choose("kinds -cpu", "language ru", "kinds -disk", "kinds +cpu")
    assert chosen == Preferences(language="ru", muted=frozenset({AlertKind.DISK}))


@pytest.mark.parametrize(
    "typed",
    ["language ru", "zone UTC", "notify off", "quiet 22:00-07:00", "kinds -cpu", "charts dark"],
)
def test_every_choice_can_be_taken_back(typed: str) -> None:
    assert choose(typed, f"{typed.split(maxsplit=1)[0]} default") == NO_PREFERENCES


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "language, zone, notify, quiet, kinds, charts"),
        ("colour red", "colour is no setting"),
        ("language", "/settings language ru"),
        ("language tlh", "en, zh_TW, ru"),
        ("zone Berln", "did you mean Europe/Berlin"),
        ("zone ../../etc/passwd", "such as Europe/Berlin"),
        ("zone Europe", "is no time zone"),
        ("zone " + "x" * 5000, "such as Europe/Berlin"),
        ("notify loud", "all, critical, off"),
        ("quiet 24:00-07:00", "22:00-07:00"),
        ("quiet 22-7", "22:00-07:00"),
        ("quiet 22:00-22:00", "begins when it ends"),
        ("quiet ٢٢:٠٠-٠٧:٠٠", "22:00-07:00"),  # noqa: RUF001 - other digits
        ("kinds cpu", "cpu is no kind of alerts"),
        ("kinds -net", "cpu, mem, disk"),
        ("kinds -", "is no kind of alerts"),
        ("charts blue", "dark, light"),
    ],
)
def test_what_makes_no_sense_is_answered_with_what_would(typed: str, told: str) -> None:
    sentence = mistake(typed)
    assert told in sentence
    assert len(sentence) < 300


chosen_by_anybody = st.builds(
    Preferences,
    language=st.none() | st.sampled_from(LANGUAGES),
    zone=st.none() | st.sampled_from(sorted(available_timezones())),
    notify=st.none() | st.sampled_from(Notify),
    quiet=st.none()
    | st.tuples(st.integers(0, 1439), st.integers(0, 1439))
    .filter(lambda pair: pair[0] != pair[1] or pair == (0, 0))
    .map(lambda pair: QuietHours(*pair)),
    muted=st.none() | st.frozensets(st.sampled_from(AlertKind)),
    charts=st.none() | st.sampled_from(Look),
)


@given(chosen_by_anybody)
def test_what_was_chosen_is_kept_and_read_back(chosen: Preferences) -> None:
    assert Preferences.from_json(chosen.to_json()) == chosen


@given(chosen_by_anybody)
def test_what_is_written_back_can_be_typed_again(chosen: Preferences) -> None:
    typed = [f"{name} {value}" for name, value in chosen.spell().items()]
    assert choose(*typed) == chosen


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(anything | st.dictionaries(st.sampled_from(sorted(choose("quiet off").spell())), anything))
@example({"zone": "Mars/Base", "notify": "loud", "quiet": "7", "kinds": "-x", "charts": [1]})
def test_what_is_kept_and_makes_no_sense_counts_as_not_chosen(kept: object) -> None:
    assert isinstance(Preferences.from_json(kept), Preferences)


def test_one_broken_choice_leaves_the_others_alone() -> None:
    kept = {"zone": "Mars/Base", "language": "ru", "later": "than we know"}
    assert Preferences.from_json(kept) == Preferences(language="ru")


def test_a_topic_has_what_its_chat_has_chosen_where_it_chose_nothing_itself() -> None:
    chat = choose("language ru", "quiet 22:00-07:00", "kinds -cpu")
    assert choose("language en", "quiet off").over(chat) == choose(
        "language en", "quiet off", "kinds -cpu"
    )


@pytest.mark.parametrize(
    ("typed", "labels", "is_wanted"),
    [
        ("language ru", {"severity": "info"}, True),
        ("notify critical", {"severity": "critical"}, True),
        ("notify critical", {"severity": "warning"}, False),
        ("notify critical", {}, False),
        ("notify off", {"severity": "critical"}, False),
        ("kinds -cpu", {"severity": "critical", "resource": "cpu"}, False),
        ("kinds -cpu", {"severity": "critical", "resource": "memory"}, True),
        ("kinds -down", {"alertname": "AgentDown"}, False),
    ],
)
def test_a_chat_hears_what_it_has_not_switched_off(
    typed: str,
    labels: dict[str, str],
    is_wanted: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert choose(typed).wants(labels) is is_wanted


def test_a_chat_that_switched_every_kind_off_hears_nothing() -> None:
    everything = " ".join(f"-{each.value}" for each in AlertKind)
    assert choose(f"kinds {everything}").is_off
    assert choose("notify off").is_off
    assert not choose("notify critical", "kinds -cpu").is_off


# -- quiet hours ------------------------------------------------------------------------------


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("hours", "moment", "is_quiet"),
    [
        ("22:00-07:00", "2026-11-20T21:59:59+01:00", False),
        ("22:00-07:00", "2026-11-20T22:00:00+01:00", True),
        ("22:00-07:00", "2026-11-21T00:00:00+01:00", True),
        ("22:00-07:00", "2026-11-21T06:59:59+01:00", True),
        ("22:00-07:00", "2026-11-21T07:00:00+01:00", False),
        ("12:00-13:00", "2026-11-21T12:59:59+01:00", True),
        ("12:00-13:00", "2026-11-21T13:00:00+01:00", False),
        ("off", "2026-11-21T00:00:00+01:00", False),
        # In the night to summer the clocks leave out 2 to 3.
        ("02:30-06:00", "2026-03-29T00:59:59+00:00", False),
        ("02:30-06:00", "2026-03-29T01:00:00+00:00", True),
        ("01:00-02:30", "2026-03-29T00:59:59+00:00", True),
        ("01:00-02:30", "2026-03-29T01:00:00+00:00", False),
        ("02:10-02:50", "2026-03-29T01:00:00+00:00", False),
        # In the night to winter 2 to 3 comes twice.
        ("02:30-03:00", "2026-10-25T00:45:00+00:00", True),
        ("02:30-03:00", "2026-10-25T01:15:00+00:00", False),
        ("02:30-03:00", "2026-10-25T01:45:00+00:00", True),
        ("02:30-03:00", "2026-10-25T02:00:00+00:00", False),
    ],
)
def test_phones_are_quiet_by_the_clock_on_the_wall(
    hours: str,
    moment: str,
    is_quiet: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    quiet = choose(f"quiet {hours}").quiet
    assert quiet is not None
    assert quiet.cover(at(moment).astimezone(UTC), BERLIN) is is_quiet


minutes = st.integers(0, 1439)


@given(start=minutes, end=minutes, moment=st.datetimes(min_value=datetime(1970, 1, 2)))  # noqa: DTZ001 - hypothesis wants it naive
def test_every_moment_is_either_in_the_hours_or_in_those_around_them(
    start: int, end: int, moment: datetime
) -> None:
    now = moment.replace(tzinfo=UTC)
    quiet, rest = QuietHours(start, end), QuietHours(end, start)
    if start == end:
        assert not quiet.cover(now, UTC)
    else:
        assert quiet.cover(now, UTC) is not rest.cover(now, UTC)


@given(
    start=minutes,
    end=minutes,
    zone=st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Taipei"]
    ),
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1)),  # noqa: DTZ001 - hypothesis wants it naive
)
def test_quiet_hours_begin_and_end_when_the_wall_says_so_wherever_it_is(
    start: int, end: int, zone: str, moment: datetime
) -> None:
    """Walk the hours on the wall from their beginning; what is met before their end is quiet."""
    now = moment.replace(tzinfo=UTC)
    wall = now.astimezone(ZoneInfo(zone))
    since_start = (wall.hour * 60 + wall.minute - start) % 1440
    length = (end - start) % 1440
    found = find_zone(zone)
    assert found is not None
    assert QuietHours(start, end).cover(now, found) is (since_start < length)


@given(start=minutes, length=st.integers(1, 1439))
def test_a_day_without_a_change_of_clocks_is_quiet_for_just_so_many_minutes(
    start: int, length: int
) -> None:
    quiet = QuietHours(start, (start + length) % 1440)
    midnight = datetime(2026, 6, 1, tzinfo=BERLIN)
    assert sum(quiet.cover(midnight + each * MINUTE, BERLIN) for each in range(1440)) == length
