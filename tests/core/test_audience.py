from __future__ import annotations

import pytest

from bridge.core.audience import (
    NOBODY,
    TOPIC_GONE,
    Destination,
    Hearer,
    choose_audience,
    choose_fallback,
)

OPS, DEV, FALLBACK = Destination(-100), Destination(-200), Destination(-900)
TOPIC, FORUM = Destination(-300, 9), Destination(-300)
REFUSES = "chat_refuses"


def hear(
    *subscribed: Destination,
    addressed: Destination | None = None,
    broken: dict[Destination, str] | None = None,
    fallback: Destination | None = None,
) -> list[Hearer]:
    return list(choose_audience(subscribed, addressed, broken=broken or {}, fallback=fallback))


def test_all_who_are_subscribed_hear_each_once() -> None:
    assert [each.destination for each in hear(OPS, DEV, OPS)] == [OPS, DEV]


def test_what_is_addressed_goes_there_alone() -> None:
    assert [each.destination for each in hear(OPS, addressed=DEV)] == [DEV]


def test_with_nobody_subscribed_nobody_hears_and_nothing_is_lost() -> None:
    assert [each.destination for each in hear()] == [Destination(NOBODY)]


def test_the_fallback_hears_for_a_broken_chat_which_keeps_its_own() -> None:
    own, instead = hear(OPS, broken={OPS: REFUSES}, fallback=FALLBACK)
    assert own == Hearer(destination=OPS)
    assert instead == Hearer(destination=FALLBACK, instead_of=OPS, because=REFUSES)


def test_the_fallback_hears_once_however_many_are_broken() -> None:
    broken = {OPS: REFUSES, DEV: REFUSES}
    hearers = hear(OPS, DEV, broken=broken, fallback=FALLBACK)
    assert [each.destination for each in hearers] == [OPS, DEV, FALLBACK]


def test_a_fallback_that_hears_for_itself_hears_once_and_as_itself() -> None:
    assert hear(OPS, FALLBACK, broken={OPS: REFUSES}, fallback=FALLBACK)[1] == Hearer(
        destination=FALLBACK, also_for=(OPS,)
    )


@pytest.mark.parametrize(
    ("broken", "fallback", "instead"),
    [
        ({}, FALLBACK, None),
        ({TOPIC: REFUSES}, None, None),
        ({TOPIC: REFUSES}, FALLBACK, FALLBACK),
        ({TOPIC: TOPIC_GONE}, FALLBACK, FALLBACK),
        ({TOPIC: TOPIC_GONE}, None, FORUM),
        ({TOPIC: TOPIC_GONE, FALLBACK: REFUSES}, FALLBACK, FORUM),
        ({TOPIC: TOPIC_GONE, FALLBACK: REFUSES, FORUM: REFUSES}, FALLBACK, None),
        ({TOPIC: TOPIC_GONE, FORUM: REFUSES}, None, None),
        ({TOPIC: REFUSES}, TOPIC, None),
    ],
)
def test_who_hears_instead(
    broken: dict[Destination, str], fallback: Destination | None, instead: Destination | None
) -> None:
    assert choose_fallback(TOPIC, broken=broken, fallback=fallback) == instead


def test_a_general_chat_that_lost_its_topic_is_not_its_own_fallback() -> None:
    assert choose_fallback(FORUM, broken={FORUM: TOPIC_GONE}, fallback=None) is None


def test_a_destination_is_written_as_settings_write_it() -> None:
    assert (str(OPS), str(TOPIC)) == ("-100", "-300/9")
