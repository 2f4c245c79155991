"""Records shown to the chat page and to tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.state.records import Chat, Json, Message, Person
    from sandbox.state.world import World


def render_instant(instant: datetime | None) -> str | None:
    """Show an instant in ISO 8601, UTC."""
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds")


def render_person(person: Person) -> Json:
    """Show somebody who can speak."""
    return person.model_dump(exclude={"is_bot"})


def render_chat(world: World, chat: Chat) -> Json:
    """Show a chat as the list of chats needs it."""
    last = world.last_message(chat.id)
    return {
        "id": chat.id,
        "kind": chat.kind,
        "title": chat.title,
        "is_forum": chat.is_forum,
        "topics": _render_topics(chat),
        "members": chat.members,
        "person_id": chat.person_id,
        "blocked": chat.blocked,
        "started": chat.started,
        "bot_place": chat.bot_place,
        "deleted": chat.deleted,
        "migrated_to": chat.migrated_to,
        "commands": world.commands_in(chat, chat.person_id),
        "last": None if last is None else render_message(world, last),
        "pinned": chat.pinned,
    }


def render_message(world: World, message: Message) -> Json:
    """Show a message with everything a person would see of it."""
    markup = message.reply_markup or {}
    return {
        "message_id": message.message_id,
        "chat_id": message.chat_id,
        "thread_id": message.thread_id,
        "from": _render_sender(world, message),
        "at": render_instant(message.at),
        "edited_at": render_instant(message.edited_at),
        "edits": message.edits,
        "silent": message.silent,
        "rings": message.sender_id == world.bot.id and not message.silent and not message.service,
        "text": message.text,
        "entities": message.entities,
        "caption": message.caption,
        "caption_entities": message.caption_entities,
        "photo": _render_photo(message),
        "document": _render_document(message),
        "media_group": message.media_group,
        "reply_to": message.reply_to,
        "forwarded_from": message.forward_origin,
        "inline_keyboard": message.inline_keyboard,
        "reply_keyboard": _render_reply_keyboard(markup),
        "reply_keyboard_options": _render_keyboard_options(markup),
        "remove_keyboard": bool(markup.get("remove_keyboard")),
        "force_reply": bool(markup.get("force_reply")),
        "service": message.notice,
        "reactions": [reaction.model_dump() for reaction in message.reactions],
        "deleted": message.deleted,
        "history": [
            {"at": render_instant(version.at), "text": version.text, "caption": version.caption}
            for version in message.history
        ],
    }


def _render_topics(chat: Chat) -> list[Json]:
    if not chat.is_forum:
        return []
    general: Json = {"thread_id": None, "name": "General", "closed": False}
    return [general] + [
        {"thread_id": topic.thread_id, "name": topic.name, "closed": topic.closed}
        for topic in chat.topics
    ]


def _render_sender(world: World, message: Message) -> Json:
    sender = world.people[message.sender_id]
    name = " ".join(part for part in (sender.first_name, sender.last_name) if part)
    return {"id": sender.id, "name": name, "is_bot": sender.is_bot}


def _render_photo(message: Message) -> Json | None:
    if message.photo is None:
        return None
    sides = {"width": message.photo.width, "height": message.photo.height}
    return {"url": f"/control/files/{message.photo.file_id}", **sides}


def _render_document(message: Message) -> Json | None:
    document = message.document
    if document is None:
        return None
    url = f"/control/files/{document.file_id}"
    return {"url": url, "name": document.name, "size": document.size, "mime": document.mime}


def _render_reply_keyboard(markup: Json) -> list[list[Json]] | None:
    rows = markup.get("keyboard")
    if rows is None:
        return None
    return [[{"text": key} if isinstance(key, str) else key for key in row] for row in rows]


def _render_keyboard_options(markup: Json) -> Json | None:
    options = {name: value for name, value in markup.items() if name != "keyboard"}
    return options or None
