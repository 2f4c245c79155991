from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from bridge.core.cards import CardFacts, Member, UnreadableFacts
from bridge.core.keyboards import PRESS_BYTES, Keyboard
from bridge.core.outbox import Facts, Form
from bridge.views.renderer import create_message_renderer
from tests.fakes.clock import NOON


def member(**labels: str) -> Member:
    return Member(labels=labels, annotations={}, started_at=NOON, ended_at=None)


BUSY = member(alertname="AgentHighCPU", resource="cpu", host="web-1")
DOWN = member(alertname="AgentDown", host="web-1")
CARD = CardFacts(members=(DOWN, BUSY), group_labels={}, card_id=7)


def buttons(
    facts: Facts, *, form: Form = Form.FORMATTED, language: str = "en"
) -> list[tuple[str, str]]:
    renderer = create_message_renderer(lambda name, fault: pytest.fail(f"{name}: {fault}"))
    content = renderer.render(facts, form, language=language, zone=UTC, now=NOON)
    if content.keyboard is None:
        return []
    assert isinstance(content.keyboard, Keyboard)
    return [(each.label, each.press) for row in content.keyboard.rows for each in row]


def test_under_a_card_are_its_list_and_the_chart_behind_it() -> None:
    assert buttons(CARD) == [("List", "list 7"), ("Chart", "chart 7")]


def test_a_card_without_anything_to_draw_offers_no_chart() -> None:
    assert buttons(replace(CARD, members=(DOWN,))) == [("List", "list 7")]


@pytest.mark.parametrize(
    ("language", "labels"), [("ru", ["Список", "График"]), ("zh_TW", ["清單", "圖表"])]
)
def test_buttons_speak_the_language_of_the_chat(language: str, labels: list[str]) -> None:
    assert [label for label, _ in buttons(CARD, language=language)] == labels


def test_the_plain_form_has_no_buttons_for_they_may_be_what_was_refused() -> None:
    assert buttons(CARD, form=Form.PLAIN) == []


def test_what_is_no_card_of_the_store_has_no_buttons() -> None:
    assert buttons(replace(CARD, card_id=0)) == []
    assert buttons(UnreadableFacts(raw="7", fault="it is not an object")) == []


def test_a_press_fits_whatever_the_number() -> None:
    for _, press in buttons(replace(CARD, card_id=2**63 - 1)):
        assert len(press.encode()) <= PRESS_BYTES
