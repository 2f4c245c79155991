"""Who calls at an agent's door, as far as its address tells."""

from __future__ import annotations

import pytest

from agent.door import name_caller


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8::1", "2001:db8::2:3:4:5"),
        ("fe80::1%eth0", "fe80::2"),
        ("unknown", "unknown"),
    ],
)
def test_an_address_or_a_household_is_one_caller(one: str, other: str) -> None:
    assert name_caller(one) == name_caller(other)


@pytest.mark.parametrize(
    ("one", "other"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")]
)
def test_two_are_two_callers(one: str, other: str) -> None:
    assert name_caller(one) != name_caller(other)
