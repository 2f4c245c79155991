"""What happens to chats and who is in them: blocking, kicking, migrating, joining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from sandbox.deeds.forum import add_notice
from sandbox.deeds.membership import tell_bot_moved
from sandbox.deeds.mistakes import Mistake
from sandbox.state import wire
from sandbox.state.first_world import private_chat
from sandbox.state.records import Chat, Message, Person

if TYPE_CHECKING:
    from sandbox.state.world import World

_SUPERGROUPS_BELOW = -1_002_000_000_001


def set_blocked(world: World, chat: Chat, *, blocked: bool) -> None:
    """Let the person of a private chat block the bot, or unblock it."""
    if chat.person_id is None:
        raise Mistake("Only the person of a private chat can block the bot.")
    if chat.blocked == blocked:
        return
    chat.blocked = blocked
    world.put_chat(chat)
    before, after = ("member", "kicked") if blocked else ("kicked", "member")
    tell_bot_moved(world, chat, chat.person_id, world.clock.now(), before=before, after=after)


def kick_bot(world: World, chat: Chat) -> None:
    """Remove the bot from a group."""
    actor = _actor(world, chat)
    if chat.bot_place != "member":
        return
    gone = {"left_chat_member": wire.render_user(world.bot)}
    chat.bot_place = "kicked"
    chat.members.remove(world.bot.id)
    add_notice(world, chat, actor, gone, f"removed {world.bot.first_name}")
    world.put_chat(chat)
    tell_bot_moved(world, chat, actor, world.clock.now(), before="member", after="kicked")


def add_bot(world: World, chat: Chat) -> None:
    """Put the bot back into a group."""
    actor = _actor(world, chat)
    if chat.bot_place == "member":
        return
    before = chat.bot_place
    chat.bot_place = "member"
    chat.members.append(world.bot.id)
    tell_bot_moved(world, chat, actor, world.clock.now(), before=before, after="member")
    come = {"new_chat_members": [wire.render_user(world.bot)]}
    add_notice(world, chat, actor, come, f"added {world.bot.first_name}")
    world.put_chat(chat)


def migrate(world: World, chat: Chat) -> Chat:
    """Turn a group into a supergroup, which has another id."""
    if chat.kind != "group" or chat.migrated_to is not None or chat.deleted:
        raise Mistake("Only a group that still is one can become a supergroup.")
    actor = _actor(world, chat)
    risen = chat.model_copy(
        update={"id": _next_supergroup_id(world), "kind": "supergroup", "pinned": []}, deep=True
    )
    risen.last_message_id = 0
    world.put_chat(risen)
    away = {"migrate_to_chat_id": risen.id}
    add_notice(world, chat, actor, away, "made this group a supergroup")
    chat.migrated_to = risen.id
    world.put_chat(chat)
    came = {"migrate_from_chat_id": chat.id}
    add_notice(world, risen, actor, came, "made this group a supergroup")
    return risen


def delete_chat(world: World, chat: Chat) -> None:
    """Delete a group, or the account of a private chat's person."""
    chat.deleted = True
    if chat.kind == "supergroup" and chat.bot_place == "member":
        # Chosen: for a bot, a supergroup that is gone looks like one that it was thrown out of.
        chat.bot_place = "kicked"
        now, actor = world.clock.now(), _actor(world, chat)
        tell_bot_moved(world, chat, actor, now, before="member", after="kicked")
    world.put_chat(chat)


def create_chat(
    world: World,
    *,
    kind: Literal["group", "supergroup"],
    title: str,
    is_forum: bool,
    members: list[int],
) -> Chat:
    """Create a group with the bot in it."""
    if is_forum and kind != "supergroup":
        raise Mistake("Only a supergroup has topics.")
    people = [member for member in dict.fromkeys(members) if member != world.bot.id]
    if not people:
        raise Mistake("A group needs at least one person.")
    if kind == "supergroup":
        chat_id = _next_supergroup_id(world)
    else:
        chat_id = -world.standing.next_chat
        world.standing.next_chat += 1
    chat = Chat(
        id=chat_id,
        kind=kind,
        title=title,
        is_forum=is_forum,
        members=[*people, world.bot.id],
        owner_id=people[0],
    )
    world.put_chat(chat)
    tell_bot_moved(world, chat, people[0], world.clock.now(), before="left", after="member")
    add_notice(world, chat, people[0], {f"{kind}_chat_created": True}, "created the group")
    return chat


def create_person(world: World, *, first_name: str, username: str | None, language: str) -> Person:
    """Create a person, whom the bot may not write to before they speak."""
    taken = {person.username for person in world.people.values() if person.username}
    if username in taken:
        raise Mistake(f"The name {username} is taken.")
    person = Person(
        id=world.standing.next_person,
        first_name=first_name,
        username=username,
        language_code=language,
    )
    world.standing.next_person += 1
    world.put_person(person)
    world.put_chat(private_chat(person, started=False))
    return person


def set_present(world: World, chat: Chat, person: Person, *, present: bool) -> Message | None:
    """Let a person join a group or leave it."""
    if chat.kind == "private":
        raise Mistake("A private chat has no members to add or remove.")
    if (person.id in chat.members) == present:
        return None
    user = wire.render_user(person)
    if present:
        chat.members.append(person.id)
        service, done = {"new_chat_members": [user]}, "joined the group"
        return _told(world, chat, add_notice(world, chat, person.id, service, done))
    notice = add_notice(world, chat, person.id, {"left_chat_member": user}, "left the group")
    chat.members.remove(person.id)
    return _told(world, chat, notice)


def _told(world: World, chat: Chat, notice: Message) -> Message:
    world.put_chat(chat)
    return notice


def _next_supergroup_id(world: World) -> int:
    chat_id = _SUPERGROUPS_BELOW - world.standing.next_group
    world.standing.next_group += 1
    return chat_id


def _actor(world: World, chat: Chat) -> int:
    if chat.kind == "private":
        raise Mistake("That can be done to a group only.")
    people = (member for member in chat.members if member != world.bot.id)
    return chat.owner_id or next(people)
