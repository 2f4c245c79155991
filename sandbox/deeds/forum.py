"""Topics of a forum, whoever opens, renames, closes or deletes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.state.records import Message, Topic

if TYPE_CHECKING:
    from sandbox.state.records import Chat, Json
    from sandbox.state.world import World


def open_topic(world: World, chat: Chat, name: str, by: int) -> Topic:
    """Open a topic; the notice of it lends it its id."""
    topic = Topic(thread_id=chat.last_message_id + 1, name=name)
    chat.topics.append(topic)
    created = {"forum_topic_created": {"name": name, "icon_color": topic.icon_color}}
    add_notice(world, chat, by, created, f"opened the topic {name}", thread_id=topic.thread_id)
    world.put_chat(chat)
    return topic


def rename_topic(world: World, chat: Chat, topic: Topic, name: str, by: int) -> None:
    """Rename a topic."""
    topic.name = name
    edited = {"forum_topic_edited": {"name": name}}
    add_notice(world, chat, by, edited, f"renamed the topic to {name}", thread_id=topic.thread_id)
    world.put_chat(chat)


def set_closed(world: World, chat: Chat, topic: Topic, by: int, *, closed: bool) -> None:
    """Close a topic or open it again."""
    topic.closed = closed
    word = "closed" if closed else "reopened"
    service: Json = {f"forum_topic_{word}": {}}
    add_notice(world, chat, by, service, f"{word} the topic", thread_id=topic.thread_id)
    world.put_chat(chat)


def delete_topic(world: World, chat: Chat, topic: Topic) -> None:
    """Delete a topic with everything in it."""
    chat.topics.remove(topic)
    for message in list(world.messages[chat.id].values()):
        if message.thread_id == topic.thread_id and not message.deleted:
            world.delete_message(message)
    world.put_chat(chat)


def add_notice(
    world: World, chat: Chat, by: int, service: Json, done: str, *, thread_id: int | None = None
) -> Message:
    """Add a service message that says who did what, and queue it for the bot."""
    message = Message(
        chat_id=chat.id,
        message_id=0,
        sender_id=by,
        at=world.clock.now(),
        thread_id=thread_id,
        service=service,
        notice=f"{world.people[by].first_name} {done}",
    )
    world.add_message(message)
    world.tell_bot(message)
    return message
