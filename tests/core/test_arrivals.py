"""Whose word an update is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.core.arrivals import (
    ANONYMOUS_ADMIN,
    CHANNEL,
    TELEGRAM,
    Arrival,
    ArrivalKind,
    Disguise,
    find_disguise,
)
from bridge.core.audience import Destination

SAID = Arrival(kind=ArrivalKind.MESSAGE, user_id=11, chat=Destination(-2001), text="/status")


def test_a_person_speaks_in_their_own_name() -> None:
    assert find_disguise(SAID) is None
    assert find_disguise(replace(SAID, kind=ArrivalKind.PRESS)) is None


@pytest.mark.parametrize(
    ("changes", "disguise"),
    [
        ({"kind": ArrivalKind.EDIT}, Disguise.EDIT),
        ({"kind": ArrivalKind.OTHER}, Disguise.OTHER),
        ({"chat": None}, Disguise.OTHER),
        ({"user_id": 0}, Disguise.NO_PERSON),
        ({"user_id": -5}, Disguise.NO_PERSON),
        ({"user_id": ANONYMOUS_ADMIN}, Disguise.ANONYMOUS),
        ({"user_id": CHANNEL}, Disguise.ANONYMOUS),
        ({"user_id": TELEGRAM}, Disguise.ANONYMOUS),
        ({"has_sender_chat": True}, Disguise.ANONYMOUS),
        ({"is_bot": True}, Disguise.BOT),
        ({"is_forward": True}, Disguise.FORWARD),
        ({"is_via_bot": True}, Disguise.VIA_BOT),
        ({"kind": ArrivalKind.PRESS, "user_id": ANONYMOUS_ADMIN}, Disguise.ANONYMOUS),
        ({"kind": ArrivalKind.PRESS, "is_bot": True}, Disguise.BOT),
    ],
)
def test_what_is_nobodys_word_is_known_as_such(
    changes: dict[str, object], disguise: Disguise
) -> None:
    assert find_disguise(replace(SAID, **changes)) is disguise  # type: ignore[arg-type]
