"""May the bot do this here: the checks that stand before every method, in Telegram's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sandbox import refusals
from sandbox.checks.numbers import parse_integer

if TYPE_CHECKING:
    from sandbox.refusals import Purpose
    from sandbox.state.records import Chat, Json, Message
    from sandbox.state.world import World

Need = Literal["read", "edit", "write"]


def require_chat(world: World, chat_id: object, need: Need = "write") -> Chat:
    """Find the chat a call means and require that the bot may use it so."""
    chat = find_chat(world, chat_id)
    if chat is None:
        raise refusals.chat_not_found()
    if chat.kind == "private":
        _require_private(world, chat, need)
    elif chat.kind == "group":
        _require_group(chat, need)
    elif chat.bot_place != "member":
        raise _outside(chat)
    return chat


def find_chat(world: World, chat_id: object) -> Chat | None:
    """Find a chat by its id or by `@username`."""
    if isinstance(chat_id, int):
        return world.chats.get(chat_id)
    number = parse_integer(str(chat_id))
    # Only public supergroups and channels have names a bot may use, and there are none here.
    return None if number is None else world.chats.get(number)


def require_thread(chat: Chat, thread_id: int | None) -> int | None:
    """Require an open topic in a forum; elsewhere a thread means nothing."""
    if not thread_id:
        return None
    if chat.kind == "private":
        raise refusals.thread_not_found()
    if not chat.is_forum:
        return None  # Client.cpp check_message_topic passes it over
    topic = chat.find_topic(thread_id)
    if topic is None:
        raise refusals.thread_not_found()
    if topic.closed:
        raise refusals.topic_closed()
    return thread_id


def require_message(world: World, chat: Chat, message_id: int | None, purpose: Purpose) -> Message:
    """Find a message of a chat that still is there."""
    message = None if message_id is None else world.find_message(chat.id, message_id)
    if message is None:
        raise refusals.message_not_found(purpose)
    return message


def require_reply(world: World, chat: Chat, model: Any) -> tuple[int | None, Json | None]:
    """Find the message to reply to; answer its id and the quote, if any."""
    asked = getattr(model, "reply_parameters", None)
    if asked is not None:
        if asked.chat_id is not None and find_chat(world, asked.chat_id) is not chat:
            raise refusals.bad_request("replies in other chats are not known to the sandbox")
        wanted, lenient = asked.message_id, bool(asked.allow_sending_without_reply)
        quote = {"text": asked.quote, "position": 0, "is_manual": True} if asked.quote else None
    else:
        wanted = getattr(model, "reply_to_message_id", None)
        lenient, quote = bool(getattr(model, "allow_sending_without_reply", None)), None
    if not wanted:
        return None, None
    if world.find_message(chat.id, wanted) is not None:
        return wanted, quote
    if lenient:
        return None, None
    raise refusals.message_not_found("reply")


def _require_private(world: World, chat: Chat, need: Need) -> None:
    if not chat.started:
        shared = any(
            chat.person_id in other.members and world.bot.id in other.members
            for other in world.chats.values()
        )
        raise refusals.cannot_initiate() if shared else refusals.chat_not_found()
    if chat.deleted and need != "read":
        raise refusals.deactivated()
    if chat.blocked and need != "read":
        raise refusals.blocked()


def _require_group(chat: Chat, need: Need) -> None:
    if need == "write" and chat.migrated_to is not None:
        raise refusals.upgraded(chat.migrated_to)
    if need == "write" and chat.deleted:
        raise refusals.group_deleted()
    if chat.bot_place != "member" and not chat.deleted and need != "read":
        raise _outside(chat)


def _outside(chat: Chat) -> refusals.Refusal:
    kind: Literal["group", "supergroup"] = "group" if chat.kind == "group" else "supergroup"
    return refusals.kicked(kind) if chat.bot_place == "kicked" else refusals.not_member(kind)
