"""setMessageReaction, pinChatMessage, unpinChatMessage, unpinAllChatMessages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import refusals
from sandbox.botapi import access
from sandbox.state import wire
from sandbox.state.records import Message, Reaction

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Chat
    from sandbox.state.world import World

# Bot API ReactionTypeEmoji.emoji
_EMOJI = (
    "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 "
    "❤\u200d🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 "
    "😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ "
    "😡"
)
REACTIONS = frozenset(_EMOJI.split())


def set_message_reaction(world: World, call: Call) -> bool:
    """Put the bot's reaction on a message, or take it away."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id, "read")
    message = access.require_message(world, chat, model.message_id, "react")
    wanted = model.reaction or []
    if len(wanted) > 1:
        raise refusals.bad_request("REACTIONS_TOO_MANY")
    emoji = [_require_emoji(reaction) for reaction in wanted]
    message.reactions = [
        *(reaction for reaction in message.reactions if reaction.by != world.bot.id),
        *(Reaction(by=world.bot.id, emoji=each) for each in emoji),
    ]
    world.change_message(message)
    return True


def pin_chat_message(world: World, call: Call) -> bool:
    """Pin a message, with the notice that Telegram puts into the chat."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id)
    message = access.require_message(world, chat, model.message_id, "pin")
    if message.message_id in chat.pinned:
        return True
    chat.pinned.append(message.message_id)
    world.put_chat(chat)
    notice = Message(
        chat_id=chat.id,
        message_id=0,
        sender_id=world.bot.id,
        at=world.clock.now(),
        thread_id=message.thread_id,
        silent=bool(model.disable_notification),
        service={wire.PINNED: message.message_id},
        notice=f"{world.bot.first_name} pinned a message",
    )
    world.add_message(notice)
    return True


def unpin_chat_message(world: World, call: Call) -> bool:
    """Unpin one message, or the newest pinned one."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id)
    if not chat.pinned:
        raise refusals.message_not_found("unpin")
    if model.message_id is None:
        _unpin(world, chat, chat.pinned[-1])
        return True
    access.require_message(world, chat, model.message_id, "unpin")
    if model.message_id in chat.pinned:
        _unpin(world, chat, model.message_id)
    return True


def unpin_all_chat_messages(world: World, call: Call) -> bool:
    """Unpin everything."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id)
    chat.pinned.clear()
    world.put_chat(chat)
    return True


def _unpin(world: World, chat: Chat, message_id: int) -> None:
    chat.pinned.remove(message_id)
    world.put_chat(chat)


def _require_emoji(reaction: Any) -> str:
    # The server takes the heart with and without its variation selector.
    emoji = str(getattr(reaction, "emoji", "")).replace("\ufe0f", "")
    if emoji not in {each.replace("\ufe0f", "") for each in REACTIONS}:
        raise refusals.bad_request("REACTION_INVALID")
    return emoji
