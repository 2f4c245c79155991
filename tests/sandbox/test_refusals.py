from __future__ import annotations

import pytest

from sandbox import refusals
from sandbox.refusals import Refusal


def test_a_refusal_answers_in_the_bot_apis_shape() -> None:
    assert refusals.chat_not_found().answer() == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: chat not found",
    }


def test_a_pause_is_named_in_words_and_in_parameters() -> None:
    answer = refusals.too_many_requests(7).answer()
    assert answer["description"] == "Too Many Requests: retry after 7"
    assert answer["parameters"] == {"retry_after": 7}


def test_an_upgraded_group_names_its_supergroup() -> None:
    assert refusals.upgraded(-1001).answer()["parameters"] == {"migrate_to_chat_id": -1001}


@pytest.mark.parametrize(
    ("message", "description"),
    [
        ("Message is too long", "Bad Request: message is too long"),
        ("BUTTON_DATA_INVALID", "Bad Request: BUTTON_DATA_INVALID"),
        ("Bad Request: chat not found", "Bad Request: chat not found"),
        ("Can't parse entities: X", "Bad Request: can't parse entities: X"),
    ],
)
def test_a_sentence_begins_small_and_a_constant_stays(message: str, description: str) -> None:
    assert refusals.bad_request(message).description == description


@pytest.mark.parametrize(
    ("refusal", "code", "description"),
    [
        (refusals.blocked(), 403, "Forbidden: bot was blocked by the user"),
        (
            refusals.kicked("supergroup"),
            403,
            "Forbidden: bot was kicked from the supergroup chat",
        ),
        (refusals.not_member("group"), 403, "Forbidden: bot is not a member of the group chat"),
        (refusals.group_deleted(), 403, "Forbidden: the group chat was deleted"),
        (refusals.message_not_found("edit"), 400, "Bad Request: message to edit not found"),
        (refusals.message_not_found("reply"), 400, "Bad Request: message to be replied not found"),
        (refusals.thread_not_found(), 400, "Bad Request: message thread not found"),
        (refusals.too_long("caption"), 400, "Bad Request: message caption is too long"),
        (refusals.cannot_delete(), 400, "Bad Request: message can't be deleted"),
        (refusals.unauthorized(), 401, "Unauthorized"),
    ],
)
def test_a_refusal_has_the_official_wording(
    refusal: Refusal,
    code: int,
    description: str,
) -> None:
    assert (refusal.code, refusal.description) == (code, description)
