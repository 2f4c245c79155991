"""createForumTopic, editForumTopic, closeForumTopic, reopenForumTopic, deleteForumTopic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import refusals
from sandbox.botapi import access
from sandbox.deeds import forum

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Chat, Json, Topic
    from sandbox.state.world import World

# Bot API createForumTopic
_COLORS = frozenset({7322096, 16766590, 13338331, 9367192, 16749490, 16478047})
_NAME_CODE_POINTS = 128


def create_forum_topic(world: World, call: Call) -> Json:
    """Open a topic."""
    model: Any = call.model
    chat = _require_forum(world, model)
    name = _require_name(model.name)
    if model.icon_color is not None and model.icon_color not in _COLORS:
        raise refusals.bad_request("Invalid icon color specified")
    topic = forum.open_topic(world, chat, name, world.bot.id)
    return {"message_thread_id": topic.thread_id, "name": name, "icon_color": topic.icon_color}


def edit_forum_topic(world: World, call: Call) -> bool:
    """Rename a topic."""
    model: Any = call.model
    chat, topic = _require_topic(world, model)
    if model.name is not None:
        name = _require_name(model.name)
        if name == topic.name:
            raise refusals.topic_not_modified()
        forum.rename_topic(world, chat, topic, name, world.bot.id)
    return True


def close_forum_topic(world: World, call: Call) -> bool:
    """Close a topic."""
    return _set_closed(world, call, closed=True)


def reopen_forum_topic(world: World, call: Call) -> bool:
    """Open a closed topic again."""
    return _set_closed(world, call, closed=False)


def delete_forum_topic(world: World, call: Call) -> bool:
    """Delete a topic with everything in it."""
    chat, topic = _require_topic(world, call.model)
    forum.delete_topic(world, chat, topic)
    return True


def _set_closed(world: World, call: Call, *, closed: bool) -> bool:
    chat, topic = _require_topic(world, call.model)
    if topic.closed == closed:
        raise refusals.topic_not_modified()
    forum.set_closed(world, chat, topic, world.bot.id, closed=closed)
    return True


def _require_forum(world: World, model: Any) -> Chat:
    chat = access.require_chat(world, model.chat_id)
    if not chat.is_forum:
        raise refusals.not_a_forum()
    return chat


def _require_topic(world: World, model: Any) -> tuple[Chat, Topic]:
    chat = _require_forum(world, model)
    topic = chat.find_topic(model.message_thread_id)
    if topic is None:
        raise refusals.thread_not_found()
    return chat, topic


def _require_name(name: str) -> str:
    name = name.strip()
    if not name:
        raise refusals.bad_request("Name must be non-empty")  # ForumTopicManager.cpp
    return name[:_NAME_CODE_POINTS]
