"""editMessageText, editMessageCaption, editMessageMedia, editMessageReplyMarkup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import refusals
from sandbox.botapi import access
from sandbox.botapi.methods import files, posting
from sandbox.deeds import keeping
from sandbox.state.records import Content

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Json, Message
    from sandbox.state.world import World

_CONTENT_FIELDS = tuple(Content.model_fields)


def edit_message_text(world: World, call: Call) -> Json:
    """Change what a message says."""
    model: Any = call.model
    message = _require_own(world, model)
    text, entities = posting.read_text(model)
    if message.text is None:
        raise refusals.nothing_to_edit("text")
    content = Content(text=text, entities=entities)
    return _apply(world, message, content, posting.dump_markup(model))


def edit_message_caption(world: World, call: Call) -> Json:
    """Change what stands below a picture or a file."""
    model: Any = call.model
    message = _require_own(world, model)
    caption, entities = posting.read_caption(model)
    if message.photo is None and message.document is None:
        raise refusals.nothing_to_edit("caption")
    content = Content(
        caption=caption,
        caption_entities=entities,
        photo=message.photo,
        document=message.document,
    )
    return _apply(world, message, content, posting.dump_markup(model))


def edit_message_media(world: World, call: Call) -> Json:
    """Change the picture or file of a message; a text becomes one."""
    model: Any = call.model
    message = _require_own(world, model)
    medium = files.read_media(world, call, model.media)
    markup = posting.dump_markup(model)
    if message.media_group is not None and (medium.source.kind == "photo") != bool(message.photo):
        # MessagesManager.cpp edit_message_media
        raise refusals.bad_request("Can't change media type in the album")
    _keep_edit_pace(world, message)
    return _apply(world, message, keeping.keep_media(world, medium), markup, paced=True)


def edit_message_reply_markup(world: World, call: Call) -> Json:
    """Change a message's buttons and nothing else."""
    model: Any = call.model
    message = _require_own(world, model)
    content = Content(**{name: getattr(message, name) for name in _CONTENT_FIELDS})
    return _apply(world, message, content, posting.dump_markup(model), keeps_text=True)


def _require_own(world: World, model: Any) -> Message:
    if model.inline_message_id is not None:
        raise refusals.bad_request("the sandbox knows no inline messages")
    if model.chat_id is None:
        raise refusals.chat_id_empty()
    if not model.message_id:
        raise refusals.message_id_missing()
    chat = access.require_chat(world, model.chat_id, "edit")
    message = access.require_message(world, chat, model.message_id, "edit")
    if message.sender_id != world.bot.id or message.service is not None:
        raise refusals.cannot_edit()
    if message.forward_origin is not None or message.reply_markup is not None:
        # Telegram: forwarded messages and those with a reply keyboard stay as they are.
        raise refusals.cannot_edit()
    return message


def _apply(
    world: World,
    message: Message,
    content: Content,
    markup: Json | None,
    *,
    paced: bool = False,
    keeps_text: bool = False,
) -> Json:
    keyboard = (markup or {}).get("inline_keyboard") or None
    changed = {
        name: getattr(content, name)
        for name in _CONTENT_FIELDS
        if getattr(content, name) != getattr(message, name)
    }
    if not changed and keyboard == message.inline_keyboard:
        raise refusals.not_modified()
    if not paced:
        _keep_edit_pace(world, message)
    if not keeps_text:
        message.keep_version(world.clock.now())
    for name, value in changed.items():
        setattr(message, name, value)
    message.inline_keyboard = keyboard
    world.change_message(message)
    return posting.render(world, message)


def _keep_edit_pace(world: World, message: Message) -> None:
    posting.keep_pace(world, world.chats[message.chat_id], edit=True)
