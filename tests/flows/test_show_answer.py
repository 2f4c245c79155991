"""An answer is shown: in the chat's pace, in plainer form when it is refused, and not for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge import limits
from bridge.core.audience import Destination
from bridge.core.formatted import Attachment, Content, Entity, Formatted
from bridge.core.keyboards import Button, Keyboard
from bridge.core.outbox import Failed, Outcome, Reason, Sent
from bridge.flows.show_answer import Spot, show_answer
from tests.fakes.telegram import FakeTelegram

HERE = Destination(-2001)
ANSWER = Content(
    text=Formatted("30.00 %", (Entity("bold", 0, 2),)),
    keyboard=Keyboard(((Button(label="again", press="mon_cpu"),),)),
)


class Scene:
    def __init__(self, *answers: Failed, rooms: Sequence[bool] = ()) -> None:
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        self.telegram = FakeTelegram(answers=list(answers))
        self.rooms = list(rooms)
        self.noted = 0
        self.paused_until: datetime | None = None
        self.slept: list[float] = []

    async def reserve(self, chat_id: int, *, now: datetime) -> bool:
        del chat_id, now
        return self.rooms.pop(0) if self.rooms else True

    async def note(self, chat_id: int, *, now: datetime) -> None:
        del chat_id, now
        self.noted += 1

    async def pause(self, chat_id: int, *, until: datetime) -> None:
        del chat_id
        self.paused_until = until

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def show(self, spot: Spot | None = None, content: Content = ANSWER) -> Outcome:
        return await show_answer(
            content,
            spot or Spot(destination=HERE),
            messenger=self.telegram,
            pace=self,
            clock=lambda: self.now,
            sleep=self.sleep,
        )


async def test_an_answer_is_shown_once() -> None:
    scene = Scene()
    assert isinstance(await scene.show(), Sent)
    assert [call.text for call in scene.telegram.calls] == ["30.00 %"]


async def test_what_telegram_refuses_is_shown_plainly() -> None:
    scene = Scene(Failed(Reason.BAD_MESSAGE, detail="BUTTON_DATA_INVALID"))
    assert isinstance(await scene.show(), Sent)
    plain = scene.telegram.calls[-1].content
    assert (plain.text.text, plain.text.entities, plain.keyboard) == ("30.00 %", (), None)


@pytest.mark.parametrize(
    "more", [{"photo": b"PNG"}, {"attachment": Attachment(name="query.txt", content=b"1")}]
)
async def test_a_group_that_takes_no_pictures_and_no_files_gets_the_words(
    more: dict[str, Any],
) -> None:
    refused = Failed(Reason.BAD_MESSAGE, detail="not enough rights to send photos to the chat")
    scene = Scene(refused)
    assert isinstance(await scene.show(content=replace(ANSWER, **more)), Sent)
    assert scene.telegram.calls[-1].content == ANSWER
    # What is refused for another reason is shown all the same, as plainly as it takes.
    scene = Scene(refused, refused)
    assert isinstance(await scene.show(content=replace(ANSWER, **more)), Sent)
    assert scene.telegram.calls[-1].content == Content(text=Formatted("30.00 %"))
    # A file without words has nothing to show in its place.
    scene = Scene(*[refused] * 3)
    wordless = replace(ANSWER, text=Formatted(""), **more)
    assert isinstance(await scene.show(content=wordless), Failed)
    assert all(call.content.text.text == "" for call in scene.telegram.calls)


async def test_what_is_refused_plainly_too_is_given_up() -> None:
    scene = Scene(*[Failed(Reason.BAD_MESSAGE)] * 3)
    assert isinstance(await scene.show(), Failed)
    assert len(scene.telegram.calls) == 2


async def test_a_rate_limit_is_waited_for_as_told() -> None:
    scene = Scene(Failed(Reason.RATE_LIMIT, wait=timedelta(seconds=7)))
    assert isinstance(await scene.show(), Sent)
    assert scene.slept == [7]
    assert scene.paused_until == scene.now
    assert scene.noted == 1


async def test_nobody_waits_for_an_answer_longer_than_it_is_worth() -> None:
    scene = Scene(Failed(Reason.RATE_LIMIT, wait=timedelta(minutes=5)))
    assert isinstance(await scene.show(), Failed)
    assert scene.slept == []
    scene = Scene(*[Failed(Reason.OUTAGE)] * 1000)
    assert isinstance(await scene.show(), Failed)
    assert sum(scene.slept) <= limits.ANSWER_SHOWN_WITHIN.total_seconds()


async def test_where_the_message_is_gone_the_answer_is_a_fresh_one() -> None:
    scene = Scene(Failed(Reason.MESSAGE_GONE))
    assert isinstance(await scene.show(Spot(destination=HERE, telegram_id=7)), Sent)
    assert [call.telegram_id for call in scene.telegram.calls] == [7, None]


async def test_a_group_that_moved_is_followed() -> None:
    scene = Scene(Failed(Reason.MIGRATED, moved_to=-1009))
    outcome = await scene.show(Spot(destination=HERE, reply_to=5))
    assert isinstance(outcome, Sent)
    assert outcome.moved_to == -1009, "whoever edits it later has to know"
    assert scene.telegram.calls[-1].destination == Destination(-1009)
    assert scene.telegram.calls[-1].reply_to is None


@pytest.mark.parametrize("reason", [Reason.CHAT_REFUSES, Reason.TOPIC_GONE, Reason.NOT_AUTHORISED])
async def test_where_nothing_gets_there_nothing_is_tried_again(reason: Reason) -> None:
    scene = Scene(Failed(reason))
    assert isinstance(await scene.show(), Failed)
    assert len(scene.telegram.calls) == 1


async def test_an_answer_waits_for_room_in_the_chat_but_not_for_long() -> None:
    scene = Scene(rooms=[False, False, True])
    await scene.show()
    assert len(scene.slept) == 2
    scene = Scene(rooms=[False] * 1000)
    await scene.show()
    assert sum(scene.slept) <= limits.ANSWER_ROOM_WITHIN.total_seconds() + 1
    assert scene.noted == 1
