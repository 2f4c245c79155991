"""setMyCommands, getMyCommands, deleteMyCommands, and the menu button."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox import limits, refusals
from sandbox.botapi import access
from sandbox.botapi.methods import posting
from sandbox.state.records import CommandList

if TYPE_CHECKING:
    from sandbox.checks.schema import Call
    from sandbox.state.records import Json
    from sandbox.state.world import World

_NAME = re.compile(rf"[a-z0-9_]{{1,{limits.COMMAND_CODE_POINTS}}}")
_LANGUAGE = re.compile(r"[a-z]{2}")


def set_my_commands(world: World, call: Call) -> bool:
    """Set the menu of one scope and language."""
    model: Any = call.model
    scope, language = _read_scope(world, model)
    if len(model.commands) > limits.COMMANDS:
        raise refusals.bad_request("BOT_COMMANDS_TOO_MUCH")
    commands = [_read_command(command) for command in model.commands]
    world.put_commands(CommandList(scope=scope, language_code=language, commands=commands))
    return True


def get_my_commands(world: World, call: Call) -> list[Json]:
    """Answer the menu of exactly one scope and language."""
    listed = world.commands.get(_read_scope(world, call.model))
    return listed.commands if listed is not None else []


def delete_my_commands(world: World, call: Call) -> bool:
    """Remove the menu of one scope and language."""
    scope, language = _read_scope(world, call.model)
    world.put_commands(CommandList(scope=scope, language_code=language, commands=[]))
    return True


def set_chat_menu_button(world: World, call: Call) -> bool:
    """Take a menu button; the page shows commands whatever it says."""
    model: Any = call.model
    if model.chat_id is not None:
        access.require_chat(world, model.chat_id, "read")
    return True


def get_chat_menu_button(world: World, call: Call) -> Json:
    """Answer the menu button: the commands."""
    model: Any = call.model
    if model.chat_id is not None:
        access.require_chat(world, model.chat_id, "read")
    return {"type": "commands"}


def _read_command(command: Any) -> Json:
    # Telegram takes the name with its slash and in any case.
    name = str(command.command).strip().removeprefix("/").lower()
    if not _NAME.fullmatch(name):
        raise refusals.bad_request("BOT_COMMAND_INVALID")
    description = str(command.description).strip()
    if not 1 <= len(description) <= limits.COMMAND_DESCRIPTION_CODE_POINTS:
        raise refusals.bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return posting.dump(command) | {"command": name, "description": description}


def _read_scope(world: World, model: Any) -> tuple[str, str]:
    language = model.language_code or ""
    if language and not _LANGUAGE.fullmatch(language):
        raise refusals.bad_request("BOT_COMMAND_LANGUAGE_INVALID")
    scope = model.scope
    if scope is None:
        return "default", language
    name = str(scope.type)
    chat_id = getattr(scope, "chat_id", None)
    if chat_id is not None:
        # A menu may be made for a person's private chat and must outlive a group's silence.
        chat = access.require_chat(world, chat_id, "read")
        name += f":{chat.id}"
    user_id = getattr(scope, "user_id", None)
    if user_id is not None:
        if user_id not in world.people:
            raise refusals.user_not_found()
        name += f":{user_id}"
    return name, language
