"""The world as it is at the first start; its ids are fixed so that others can name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.state.records import Chat, Json, Message, Person, Topic

if TYPE_CHECKING:
    from datetime import datetime

BOT_USERNAME = "opswire_sandbox_bot"
ADA, BORIS, CHEN, MALLORY = 1001, 1002, 1003, 1666
ON_CALL, OPERATIONS = -2001, -1_002_000_000_001


def first_people(bot_id: int) -> list[Person]:
    """Create the bot and the people who can speak."""
    return [
        Person(id=bot_id, first_name="Opswire", username=BOT_USERNAME, is_bot=True),
        _person(ADA, "Ada Okafor", "ada", "en"),
        _person(BORIS, "Boris Petrov", "boris", "ru"),
        _person(CHEN, "Chen Wei", "chen", "zh-hant"),
        _person(MALLORY, "Mallory Stranger", "mallory", "en"),
    ]


def first_chats(bot_id: int, now: datetime) -> list[tuple[Chat, list[Message]]]:
    """Create the chats with what stands in them from the start."""
    private: list[tuple[Chat, list[Message]]] = [
        (private_chat(person, started=person.id != MALLORY), [])
        for person in first_people(bot_id)
        if not person.is_bot
    ]
    return [*private, _on_call(bot_id, now), _operations(bot_id, now)]


def private_chat(person: Person, *, started: bool) -> Chat:
    """Create the private chat of a person with the bot."""
    title = " ".join(part for part in (person.first_name, person.last_name) if part)
    return Chat(id=person.id, kind="private", title=title, person_id=person.id, started=started)


def _person(person_id: int, name: str, username: str, language_code: str) -> Person:
    first, _, last = name.partition(" ")
    return Person(
        id=person_id,
        first_name=first,
        last_name=last,
        username=username,
        language_code=language_code,
    )


def _on_call(bot_id: int, now: datetime) -> tuple[Chat, list[Message]]:
    members = [ADA, BORIS, CHEN, bot_id]
    chat = Chat(id=ON_CALL, kind="group", title="On call", members=members, owner_id=ADA)
    return chat, _notices(chat, now, [({"group_chat_created": True}, "Ada created the group")])


def _operations(bot_id: int, now: datetime) -> tuple[Chat, list[Message]]:
    chat = Chat(
        id=OPERATIONS,
        kind="supergroup",
        title="Operations",
        is_forum=True,
        topics=[Topic(thread_id=2, name="Alerts"), Topic(thread_id=3, name="Deploys")],
        members=[ADA, BORIS, CHEN, bot_id],
        owner_id=ADA,
    )
    said: list[tuple[Json, str]] = [
        ({"supergroup_chat_created": True}, "Ada created the group"),
        *((_opened(topic), f"Ada opened the topic {topic.name}") for topic in chat.topics),
    ]
    messages = _notices(chat, now, said)
    for topic, message in zip(chat.topics, messages[1:], strict=True):
        message.thread_id = topic.thread_id
    return chat, messages


def _opened(topic: Topic) -> Json:
    return {"forum_topic_created": {"name": topic.name, "icon_color": topic.icon_color}}


def _notices(chat: Chat, now: datetime, said: list[tuple[Json, str]]) -> list[Message]:
    messages = [
        Message(
            chat_id=chat.id,
            message_id=number,
            sender_id=ADA,
            at=now,
            service=service,
            notice=notice,
        )
        for number, (service, notice) in enumerate(said, start=1)
    ]
    chat.last_message_id = len(messages)
    return messages
