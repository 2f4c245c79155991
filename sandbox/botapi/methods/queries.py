"""answerCallbackQuery."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox import limits, refusals

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.world import World

# The window is undocumented; people report refusals from some ten seconds on.
ANSWERABLE_FOR = timedelta(seconds=15)


def answer_callback_query(world: World, call: Call) -> bool:
    """Answer a pressed button, once and in time."""
    model: Any = call.model
    query = world.queries.get(model.callback_query_id)
    if query is None or query.answered or world.clock.now() - query.at > ANSWERABLE_FOR:
        raise refusals.query_too_old()
    text = model.text or None
    if text is not None and len(text) > limits.CALLBACK_ANSWER_CODE_POINTS:
        raise refusals.callback_text_too_long()
    if model.url:
        raise refusals.bad_request("URL_INVALID")  # only games and t.me links, not known here
    query.answered = True
    world.put_query(query)
    answer = {
        "query_id": query.id,
        "person_id": query.person_id,
        "chat_id": query.chat_id,
        "message_id": query.message_id,
        "text": text,
        "show_alert": bool(model.show_alert),
        "url": None,
    }
    world.events.publish("answer", answer)
    return True
