"""What all sending methods share: where to, in reply to what, at which pace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import limits, refusals
from sandbox.botapi import access
from sandbox.checks.keyboards import check_reply_markup
from sandbox.markup.entities import format_text
from sandbox.state import wire
from sandbox.state.records import Content, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.state.records import Chat, Json
    from sandbox.state.world import World


@dataclass(frozen=True)
class Place:
    """Where a message goes and how it arrives."""

    chat: Chat
    thread_id: int | None
    reply_to: int | None
    quote: Json | None
    silent: bool
    protected: bool
    markup: Json | None


def choose_place(world: World, model: Any) -> Place:
    """Check everything about a sending call but its content."""
    chat = access.require_chat(world, model.chat_id)
    thread_id = access.require_thread(chat, model.message_thread_id)
    reply_to, quote = access.require_reply(world, chat, model)
    if thread_id is None and reply_to is not None and chat.is_forum:
        # An answer stands where the question stands (chosen: the server decides it).
        thread_id = access.require_thread(chat, world.messages[chat.id][reply_to].thread_id)
    return Place(
        chat=chat,
        thread_id=thread_id,
        reply_to=reply_to,
        quote=quote,
        silent=bool(model.disable_notification),
        protected=bool(model.protect_content),
        markup=dump_markup(model),
    )


def keep_pace(world: World, chat: Chat, *, weight: int = 1, edit: bool = False) -> None:
    """Count a call, or refuse it with the seconds to wait."""
    wait = world.pacing.admit(chat.id, world.clock.now(), weight=weight, edit=edit)
    if wait is not None:
        raise refusals.too_many_requests(wait)


def post(world: World, place: Place, content: Content, **more: Any) -> Message:
    """Put the bot's message into the chat."""
    markup = place.markup or {}
    inline = markup.get("inline_keyboard")
    message = Message(
        **dict(content),
        chat_id=place.chat.id,
        message_id=0,
        sender_id=world.bot.id,
        at=world.clock.now(),
        thread_id=place.thread_id,
        silent=place.silent,
        reply_to=place.reply_to,
        quote=place.quote,
        protected=place.protected,
        inline_keyboard=inline or None,
        reply_markup=None if inline is not None else place.markup,
        **more,
    )
    return world.add_message(message)


def render(world: World, message: Message) -> Json:
    """Show a message as a method's answer."""
    return wire.render_message(world, message)


def dump_markup(model: Any) -> Json | None:
    """Take a call's keyboard as the client wrote it, checked."""
    markup = getattr(model, "reply_markup", None)
    return None if markup is None else check_reply_markup(dump(markup))


def dump(value: Any) -> Json:
    """Show one of aiogram's types as the JSON object the client sent."""
    sent: Json = value.model_dump(mode="json", by_alias=True, exclude_none=True)
    return sent


def read_text(model: Any) -> tuple[str, list[Json]]:
    """Read a call's text with its formatting."""
    if not model.text:
        raise refusals.text_missing()
    return format_text(
        model.text,
        parse_mode=model.parse_mode,
        entities=dump_entities(model.entities),
        limit=limits.TEXT_CODE_POINTS,
        what="message",
    )


def read_caption(model: Any) -> tuple[str | None, list[Json]]:
    """Read a caption with its formatting; an empty one is none."""
    if not model.caption:
        return None, []
    text, entities = format_text(
        model.caption,
        parse_mode=model.parse_mode,
        entities=dump_entities(model.caption_entities),
        limit=limits.CAPTION_CODE_POINTS,
        what="caption",
    )
    return text or None, entities


def dump_entities(entities: Sequence[Any] | None) -> list[Json] | None:
    """Show entities as JSON objects."""
    return None if entities is None else [dump(entity) for entity in entities]
