"""getMe, getChat, getChatMember, getChatAdministrators, getChatMemberCount, leaveChat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import refusals
from sandbox.botapi import access
from sandbox.deeds.forum import add_notice
from sandbox.deeds.membership import render_member, tell_bot_moved
from sandbox.state import wire

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Json
    from sandbox.state.world import World


def get_me(world: World, _call: Call) -> Json:
    """Answer who the bot is."""
    abilities = {
        "can_join_groups": True,
        "can_read_all_group_messages": True,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }
    return wire.render_user(world.bot) | abilities


def get_chat(world: World, call: Call) -> Json:
    """Answer all that is known of a chat."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id, "read")
    gifts = dict.fromkeys(
        (
            "unlimited_gifts",
            "limited_gifts",
            "unique_gifts",
            "premium_subscription",
            "gifts_from_channels",
        ),
        False,
    )
    full = wire.render_chat(world, chat) | {
        "accent_color_id": abs(chat.id) % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": gifts,
    }
    pinned = world.find_message(chat.id, chat.pinned[-1]) if chat.pinned else None
    if pinned is not None:
        full["pinned_message"] = wire.render_message(world, pinned, nested=False)
    return full


def get_chat_member(world: World, call: Call) -> Json:
    """Answer how somebody stands in a chat."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id, "read")
    if model.user_id not in world.people:
        raise refusals.user_not_found()
    return render_member(world, chat, model.user_id)


def get_chat_administrators(world: World, call: Call) -> list[Json]:
    """List who administers a chat."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id, "read")
    if chat.kind == "private":
        raise refusals.bad_request("there are no administrators in the private chat")
    members = [render_member(world, chat, user_id) for user_id in chat.members]
    return [each for each in members if each["status"] in {"creator", "administrator"}]


def get_chat_member_count(world: World, call: Call) -> int:
    """Count the members of a chat."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id, "read")
    return 2 if chat.kind == "private" else len(chat.members)


def leave_chat(world: World, call: Call) -> bool:
    """Leave a group."""
    model: Any = call.model
    chat = access.require_chat(world, model.chat_id)
    if chat.kind == "private":
        raise refusals.bad_request("chat member status can't be changed in private chats")
    gone = {"left_chat_member": wire.render_user(world.bot)}
    add_notice(world, chat, world.bot.id, gone, "left the group")
    chat.bot_place = "left"
    chat.members.remove(world.bot.id)
    world.put_chat(chat)
    now = world.clock.now()
    tell_bot_moved(world, chat, world.bot.id, now, before="member", after="left")
    return True
