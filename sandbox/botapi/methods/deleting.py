"""deleteMessage, deleteMessages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox import limits, refusals
from sandbox.botapi import access

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Chat, Message
    from sandbox.state.world import World

_DELETABLE_FOR = timedelta(seconds=limits.DELETE_SECONDS)


def delete_message(world: World, call: Call) -> bool:
    """Delete one message."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id)
    message = access.require_message(world, chat, model.message_id, "delete")
    if not _may_delete(world, chat, message):
        raise refusals.cannot_delete()
    world.delete_message(message)
    return True


def delete_messages(world: World, call: Call) -> bool:
    """Delete several messages; those that cannot be found or deleted are passed over."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id)
    if not model.message_ids:
        raise refusals.bad_request("Message identifiers are not specified")
    if len(model.message_ids) > limits.DELETE_IDS:
        raise refusals.bad_request("Too many message identifiers specified")
    for message_id in model.message_ids:
        message = world.find_message(chat.id, message_id)
        if message is not None and _may_delete(world, chat, message):
            world.delete_message(message)
    return True


def _may_delete(world: World, chat: Chat, message: Message) -> bool:
    # Bot API deleteMessage: within 48 hours, except that an administrator with the right to
    # delete may remove any message of a supergroup.
    created = {"supergroup_chat_created", "group_chat_created"} & (message.service or {}).keys()
    if created:
        return False
    if chat.kind == "supergroup":
        return True
    return world.clock.now() - message.at < _DELETABLE_FOR
