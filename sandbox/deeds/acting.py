"""What people do in chats: speak, send files, press buttons, edit, react."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import limits
from sandbox.deeds import keeping
from sandbox.deeds.mistakes import Missing, Mistake
from sandbox.markup.cleaning import clean_text
from sandbox.markup.entities import find_entities
from sandbox.refusals import Refusal
from sandbox.state import wire
from sandbox.state.records import Content, Message, Query, Reaction

if TYPE_CHECKING:
    from sandbox.checks.schema import Upload
    from sandbox.state.records import Chat, Person
    from sandbox.state.world import World

_PICTURES = frozenset({"image/png", "image/jpeg", "image/webp"})


def require_chat(world: World, chat_id: int) -> Chat:
    """Find a chat."""
    chat = world.chats.get(chat_id)
    if chat is None:
        raise Missing(f"There is no chat {chat_id}.")
    return chat


def require_person(world: World, person_id: int) -> Person:
    """Find somebody who can speak."""
    person = world.people.get(person_id)
    if person is None or person.is_bot:
        raise Missing(f"There is no person {person_id}.")
    return person


def require_message(world: World, chat: Chat, message_id: int) -> Message:
    """Find a message that is not deleted."""
    message = world.find_message(chat.id, message_id)
    if message is None:
        raise Missing(f"There is no message {message_id} in {chat.title}.")
    return message


def require_presence(world: World, chat_id: int, person_id: int) -> Chat:
    """Require that a person is in a chat and that the chat still is one."""
    chat = require_chat(world, chat_id)
    person = require_person(world, person_id)
    if chat.deleted or chat.migrated_to is not None:
        raise Mistake(f"{chat.title} is closed: nobody can write there.")
    if chat.kind == "private":
        if chat.person_id != person_id:
            raise Mistake(f"{person.first_name} cannot see a private chat of somebody else.")
    elif person_id not in chat.members:
        raise Mistake(f"{person.first_name} is not a member of {chat.title}.")
    return chat


def say(
    world: World,
    *,
    chat_id: int,
    person_id: int,
    text: str,
    thread_id: int | None = None,
    reply_to: int | None = None,
) -> Message:
    """Let a person say something."""
    if len(text) > limits.TEXT_CODE_POINTS:
        raise Mistake(f"A message has at most {limits.TEXT_CODE_POINTS} characters.")
    text = clean_text(text).strip()
    if not text:
        raise Mistake("There is nothing to say: the text is empty.")
    content = Content(text=text, entities=find_entities(text))
    chat = _require_room(world, chat_id, person_id, thread_id)
    if reply_to is not None:
        require_message(world, chat, reply_to)
    return _speak(world, chat, person_id, content, thread_id=thread_id, reply_to=reply_to)


def send_file(
    world: World,
    upload: Upload,
    *,
    chat_id: int,
    person_id: int,
    thread_id: int | None = None,
    caption: str = "",
) -> Message:
    """Let a person send a picture or another file."""
    chat = _require_room(world, chat_id, person_id, thread_id)
    caption = clean_text(caption).strip()
    if len(caption) > limits.CAPTION_CODE_POINTS:
        raise Mistake(f"A caption has at most {limits.CAPTION_CODE_POINTS} characters.")
    try:
        if upload.content_type in _PICTURES:
            source = keeping.source_of_photo(upload.content)
        else:
            source = keeping.source_of_document(
                upload.filename, upload.content, upload.content_type
            )
    except Refusal as refusal:
        raise Mistake(refusal.description) from refusal
    entities = find_entities(caption) if caption else []
    content = keeping.keep_media(world, keeping.Medium(source, caption or None, entities))
    return _speak(world, chat, person_id, content, thread_id=thread_id)


def press(
    world: World, *, chat_id: int, message_id: int, person_id: int, at: tuple[int, int]
) -> Query:
    """Let a person press a button below a message."""
    chat = require_presence(world, chat_id, person_id)
    _require_unblocked(chat)
    message = require_message(world, chat, message_id)
    row, column = at
    try:
        button = (message.inline_keyboard or [])[row][column]
    except IndexError:
        raise Missing("There is no such button.") from None
    if "callback_data" not in button:
        raise Mistake("This button does not ask the bot: the page opens or copies what it holds.")
    query = Query(
        id=str(4_200_000_000_000_000_000 + world.standing.next_query),
        person_id=person_id,
        chat_id=chat_id,
        message_id=message_id,
        at=world.clock.now(),
    )
    world.standing.next_query += 1
    world.put_query(query)
    if chat.bot_place == "member":
        body = wire.render_query(world, query, message, button["callback_data"])
        world.updates.add("callback_query", body)
    return query


def edit(world: World, *, chat_id: int, message_id: int, person_id: int, text: str) -> Message:
    """Let a person change a message of their own."""
    chat = require_presence(world, chat_id, person_id)
    message = require_message(world, chat, message_id)
    text = clean_text(text).strip()
    if message.sender_id != person_id or message.service is not None:
        raise Mistake("People edit their own messages only.")
    if not text or len(text) > limits.TEXT_CODE_POINTS:
        raise Mistake(f"A message has 1 to {limits.TEXT_CODE_POINTS} characters.")
    message.keep_version(world.clock.now())
    if message.text is None:
        message.caption, message.caption_entities = text, find_entities(text)
    else:
        message.text, message.entities = text, find_entities(text)
    world.change_message(message)
    world.tell_bot(message, "edited_message")
    return message


def react(
    world: World, *, chat_id: int, message_id: int, person_id: int, emoji: str | None
) -> Message:
    """Let a person put a reaction on a message, or take it away."""
    chat = require_presence(world, chat_id, person_id)
    message = require_message(world, chat, message_id)
    before = [each.emoji for each in message.reactions if each.by == person_id]
    after = [emoji] if emoji else []
    message.reactions = [each for each in message.reactions if each.by != person_id]
    message.reactions += [Reaction(by=person_id, emoji=each) for each in after]
    world.change_message(message)
    body = {
        "chat": wire.render_chat(world, chat),
        "message_id": message_id,
        "user": wire.render_user(world.people[person_id]),
        "date": wire.render_instant(world.clock.now()),
        "old_reaction": [{"type": "emoji", "emoji": each} for each in before],
        "new_reaction": [{"type": "emoji", "emoji": each} for each in after],
    }
    if chat.bot_place == "member" and not chat.blocked:
        world.updates.add("message_reaction", body)
    return message


def _require_room(world: World, chat_id: int, person_id: int, thread_id: int | None) -> Chat:
    chat = require_presence(world, chat_id, person_id)
    _require_unblocked(chat)
    if thread_id is not None:
        topic = chat.find_topic(thread_id)
        if topic is None:
            raise Missing(f"There is no topic {thread_id} in {chat.title}.")
        if topic.closed and person_id != chat.owner_id:
            raise Mistake(f"The topic {topic.name} is closed.")
    return chat


def _require_unblocked(chat: Chat) -> None:
    if chat.blocked:
        raise Mistake(f"{chat.title} blocked the bot: unblock it first.")


def _speak(world: World, chat: Chat, person_id: int, content: Content, **more: Any) -> Message:
    message = Message(
        **dict(content),
        chat_id=chat.id,
        message_id=0,
        sender_id=person_id,
        at=world.clock.now(),
        **more,
    )
    if not chat.started:
        chat.started = True
        world.put_chat(chat)
    world.add_message(message)
    world.tell_bot(message)
    return message
