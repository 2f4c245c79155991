"""Which command menu a person sees, as Telegram decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.state.records import Chat, CommandList, Json


def commands_for(
    menus: Mapping[tuple[str, str], CommandList],
    chat: Chat,
    person_id: int | None,
    language_code: str,
) -> list[Json]:
    """Choose the first list that exists: narrow scopes before wide, own language before any."""
    for scope in _scopes(chat, person_id):
        for language in dict.fromkeys((language_code.partition("-")[0], "")):
            listed = menus.get((scope, language))
            if listed is not None:
                return listed.commands
    return []


def _scopes(chat: Chat, person_id: int | None) -> Iterator[str]:
    # Bot API, BotCommandScope, the order under "Determining list of commands".
    if chat.kind == "private":
        yield f"chat:{chat.id}"
        yield "all_private_chats"
    else:
        if person_id is not None:
            yield f"chat_member:{chat.id}:{person_id}"
        administers = person_id is not None and person_id == chat.owner_id
        if administers:
            yield f"chat_administrators:{chat.id}"
        yield f"chat:{chat.id}"
        if administers:
            yield "all_chat_administrators"
        yield "all_group_chats"
    yield "default"
