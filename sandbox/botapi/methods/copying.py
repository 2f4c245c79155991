"""copyMessage, forwardMessage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sandbox import refusals
from sandbox.botapi import access
from sandbox.botapi.methods import posting
from sandbox.state import wire
from sandbox.state.records import Content

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Json, Message
    from sandbox.state.world import World


def copy_message(world: World, call: Call) -> Json:
    """Send a message's content again, as the bot's own."""
    model: Any = call.model
    place = posting.choose_place(world, model)
    original = _require_source(world, model, "copy")
    content = _content_of(original)
    if model.caption is not None:
        content.caption, content.caption_entities = posting.read_caption(model)
    posting.keep_pace(world, place.chat)
    return {"message_id": posting.post(world, place, content).message_id}


def forward_message(world: World, call: Call) -> Json:
    """Send a message again, with the name of who said it."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id)
    place = posting.Place(
        chat=chat,
        thread_id=access.require_thread(chat, model.message_thread_id),
        reply_to=None,
        quote=None,
        silent=bool(model.disable_notification),
        protected=bool(model.protect_content),
        markup=None,
    )
    original = _require_source(world, model, "forward")
    posting.keep_pace(world, chat)
    origin = original.forward_origin or {
        "type": "user",
        "date": wire.render_instant(original.at),
        "sender_user": wire.render_user(world.people[original.sender_id]),
    }
    message = posting.post(world, place, _content_of(original), forward_origin=origin)
    return posting.render(world, message)


def _require_source(world: World, model: Any, purpose: Literal["copy", "forward"]) -> Message:
    chat = access.require_chat(world, model.from_chat_id, "read")
    message = access.require_message(world, chat, model.message_id, purpose)
    if message.service is not None or message.protected:
        done = "copied" if purpose == "copy" else "forwarded"
        raise refusals.bad_request(f"the message can't be {done}")
    return message


def _content_of(message: Message) -> Content:
    return Content(**{name: getattr(message, name) for name in Content.model_fields})
