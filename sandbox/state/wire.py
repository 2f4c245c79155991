"""Records shown as the Bot API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.state.records import Chat, Json, Message, Person, Query, StoredFile
    from sandbox.state.world import World

PINNED = "pinned_message_id"  # a service field of ours: shown as the pinned message itself


def render_instant(instant: datetime) -> int:
    """Show an instant as Unix time."""
    return int(instant.timestamp())


def render_user(person: Person) -> Json:
    """Show a person or the bot."""
    user: Json = {"id": person.id, "is_bot": person.is_bot, "first_name": person.first_name}
    optional = {
        "last_name": person.last_name,
        "username": person.username,
        "language_code": person.language_code,
    }
    return user | _present(optional)


def render_chat(world: World, chat: Chat) -> Json:
    """Show a chat as it stands in a message."""
    if chat.kind == "private" and chat.person_id is not None:
        person = world.people[chat.person_id]
        names = {
            "first_name": person.first_name,
            "last_name": person.last_name,
            "username": person.username,
        }
        return {"id": chat.id, "type": "private"} | _present(names)
    shown: Json = {"id": chat.id, "type": chat.kind, "title": chat.title}
    if chat.is_forum:
        shown["is_forum"] = True
    return shown


def render_message(world: World, message: Message, *, nested: bool = True) -> Json:
    """Show a message; what it replies to or pins is shown inside it, one level deep."""
    chat = world.chats[message.chat_id]
    shown: Json = {
        "message_id": message.message_id,
        "from": render_user(world.people[message.sender_id]),
        "chat": render_chat(world, chat),
        "date": render_instant(message.at),
    }
    if message.thread_id is not None and chat.is_forum:
        shown |= {"message_thread_id": message.thread_id, "is_topic_message": True}
    shown |= _render_content(world, message)
    shown |= _present(
        {
            "edit_date": message.edited_at and render_instant(message.edited_at),
            "media_group_id": message.media_group,
            "forward_origin": message.forward_origin,
            "link_preview_options": message.link_preview_options,
            "quote": message.quote,
            "has_protected_content": message.protected or None,
            "reply_markup": message.inline_keyboard
            and {"inline_keyboard": message.inline_keyboard},
        }
    )
    if nested:
        shown |= _render_related(world, message)
    if message.service:
        shown |= {name: value for name, value in message.service.items() if name != PINNED}
    return shown


def render_file(file: StoredFile) -> Json:
    """Show a file as `getFile` does, without its path."""
    return {
        "file_id": file.file_id,
        "file_unique_id": f"u{file.number:08d}",
        "file_size": file.size,
    }


def render_query(world: World, query: Query, message: Message, data: str) -> Json:
    """Show a pressed button."""
    return {
        "id": query.id,
        "from": render_user(world.people[query.person_id]),
        "message": render_message(world, message),
        "chat_instance": str(abs(message.chat_id) * 7919),
        "data": data,
    }


def _render_content(world: World, message: Message) -> Json:
    shown: Json = _present({"text": message.text, "caption": message.caption})
    if message.entities:
        shown["entities"] = message.entities
    if message.caption_entities:
        shown["caption_entities"] = message.caption_entities
    if message.photo is not None:
        sides = {"width": message.photo.width, "height": message.photo.height}
        shown["photo"] = [render_file(world.files[message.photo.file_id]) | sides]
    if message.document is not None:
        names = {"file_name": message.document.name, "mime_type": message.document.mime}
        shown["document"] = render_file(world.files[message.document.file_id]) | names
    return shown


def _render_related(world: World, message: Message) -> Json:
    related: Json = {}
    reply_to = message.reply_to or _find_opening(world, message)
    if reply_to is not None:
        replied = world.find_message(message.chat_id, reply_to)
        if replied is not None:
            related["reply_to_message"] = render_message(world, replied, nested=False)
    pinned_id = (message.service or {}).get(PINNED)
    if pinned_id is not None:
        pinned = world.find_message(message.chat_id, pinned_id)
        if pinned is not None:
            related["pinned_message"] = render_message(world, pinned, nested=False)
    return related


def _find_opening(world: World, message: Message) -> int | None:
    """Find the notice that opened a message's topic, to which Telegram says it replies."""
    # Client.cpp get_implicit_reply_to_message_id
    thread_id = message.thread_id
    is_later = thread_id is not None and thread_id < message.message_id
    return thread_id if is_later and world.chats[message.chat_id].is_forum else None


def _present(fields: Json) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
