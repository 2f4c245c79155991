"""Callers at a door: who is one and the same, and how many there is room for."""

from __future__ import annotations

import pytest

from agent.callers import Crowd, name_caller

ALIKE = [
    ("192.0.2.1", "::ffff:192.0.2.1"),
    ("2001:db8::1", "2001:db8::2:3:4:5"),
    ("fe80::1%eth0", "fe80::2"),
    ("unknown", "unknown"),
]
APART = [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_an_address_or_a_household_is_one_caller(one: str, other: str) -> None:
    assert name_caller(one) == name_caller(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_two_are_two_callers(one: str, other: str) -> None:
    assert name_caller(one) != name_caller(other)


def test_there_is_room_for_so_many_and_it_comes_back() -> None:
    crowd = Crowd(most=3, most_of_one=2)
    assert [crowd.enter(who) for who in "aaab"] == [True, True, False, True]
    assert not crowd.enter("c"), "all of the room is taken"
    crowd.leave("a")
    assert [crowd.enter(who) for who in "bc"] == [True, False]
