"""How somebody stands in a chat, as the Bot API shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.state import wire

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.state.records import Chat, Json
    from sandbox.state.world import World

_GRANTED = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
)
_WITHHELD = (
    "can_be_edited",
    "is_anonymous",
    "can_promote_members",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_send_welcome_messages",
)


def render_member(world: World, chat: Chat, user_id: int) -> Json:
    """Show one user's standing in a chat."""
    if user_id == world.bot.id:
        return render_bot(world, chat, chat.bot_place if chat.kind != "private" else "member")
    user = wire.render_user(world.people[user_id])
    if chat.kind == "private":
        is_theirs = user_id == chat.person_id
        return {"status": "member" if is_theirs else "left", "user": user}
    if user_id not in chat.members:
        return {"status": "left", "user": user}
    if user_id == chat.owner_id:
        return {"status": "creator", "user": user, "is_anonymous": False}
    return {"status": "member", "user": user}


def render_bot(world: World, chat: Chat, place: str) -> Json:
    """Show how the bot stands: an administrator wherever it is a member of a group."""
    user = wire.render_user(world.bot)
    if place == "kicked":
        return {"status": "kicked", "user": user, "until_date": 0}
    if place == "left":
        return {"status": "left", "user": user}
    if chat.kind == "private":
        return {"status": "member", "user": user}
    granted = dict.fromkeys(_GRANTED, True) | dict.fromkeys(_WITHHELD, False)
    return {"status": "administrator", "user": user} | granted


def tell_bot_moved(
    world: World, chat: Chat, actor_id: int, at: datetime, *, before: str, after: str
) -> None:
    """Queue the update that says how the bot's own standing changed."""
    body = {
        "chat": wire.render_chat(world, chat),
        "from": wire.render_user(world.people[actor_id]),
        "date": wire.render_instant(at),
        "old_chat_member": render_bot(world, chat, before),
        "new_chat_member": render_bot(world, chat, after),
    }
    world.updates.add("my_chat_member", body)
