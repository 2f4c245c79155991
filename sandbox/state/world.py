"""The sandbox's world: who is there, what was said, and what still waits."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from sandbox.settings import SettingsError
from sandbox.state import transcript, wire
from sandbox.state.calls import CallLog
from sandbox.state.clock import Clock
from sandbox.state.events import EventStream
from sandbox.state.faults import Faults
from sandbox.state.first_world import first_chats, first_people
from sandbox.state.history import History
from sandbox.state.menus import commands_for
from sandbox.state.pacing import Pace, Pacing
from sandbox.state.records import Chat, CommandList, Message, Person, Query, Standing, StoredFile
from sandbox.state.updates import UpdateQueue

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.state.records import Json

_LOG = logging.getLogger(__name__)
_Record = TypeVar("_Record", bound=BaseModel)


class World:
    """Hold everything in memory and write each change through to the history."""

    def __init__(self, state_dir: Path, bot_id: int, *, paced: bool = True) -> None:
        self._files_dir = state_dir / "files"
        self._files_dir.mkdir(mode=0o700, exist_ok=True)
        self._bot_id = bot_id
        self._paced = paced
        self._history = History(state_dir / "telegram.db")
        self.clock = Clock()
        self.events = EventStream()
        self.faults = Faults()
        self.calls = CallLog()
        self.pacing = Pacing()
        # Nor where the folder was deleted: a bot that was told a later number hears no earlier one.
        first_update = int(self.clock.now().timestamp())
        self.standing = Standing(pacing={"enabled": paced}, next_update_id=first_update)
        self.updates = UpdateQueue(self._history, self.clock, self.standing)
        self.lost = asyncio.Event()  # memory and history disagree: the process must end
        self._remember(self.standing)

    # -- opening and closing ------------------------------------------------------------------

    def _remember(self, first: Standing) -> None:
        """Read the history; begin the first world when there is none."""
        standing = [Standing.model_validate_json(body) for body in self._history.read("standing")]
        self.standing = standing[0] if standing else first
        self.clock.offset = timedelta(seconds=self.standing.clock_offset_seconds)
        pace = Pace.model_validate(self.standing.pacing)
        if pace != self.pacing.pace:
            self.pacing.follow(pace)
        self.people = {person.id: person for person in self._read("person", Person)}
        chats = sorted(self._read("chat", Chat), key=lambda chat: chat.number)
        self.chats = {chat.id: chat for chat in chats}
        self.messages: dict[int, dict[int, Message]] = {chat_id: {} for chat_id in self.chats}
        for message in self._read("message", Message):
            self.messages[message.chat_id][message.message_id] = message
        self.files = {file.file_id: file for file in self._read("file", StoredFile)}
        self.queries = {query.id: query for query in self._read("query", Query)}
        self.commands = {
            (listed.scope, listed.language_code): listed
            for listed in self._read("commands", CommandList)
        }
        self.updates.recall(self.standing)
        if not standing:
            self._begin()
        if self._bot_id not in self.people:
            self._history.close()
            raise SettingsError(
                "The state folder belongs to another bot: give its token back in the file "
                "bot_token, or set SANDBOX_STATE_DIR to an empty folder."
            )
        self.bot = self.people[self._bot_id]

    def _begin(self) -> None:
        for person in first_people(self._bot_id):
            self.put_person(person)
        for chat, messages in first_chats(self._bot_id, self.clock.now()):
            self.put_chat(chat)
            for message in messages:
                self.messages[chat.id][message.message_id] = message
                self._put_message(message)
        self.commit()

    def _read(self, kind: str, record: type[_Record]) -> list[_Record]:
        return [record.model_validate_json(body) for body in self._history.read(kind)]

    def reset(self) -> None:
        """Return to the first world, the machine's time and no faults."""
        # A bot remembers the ids that it has seen: they never begin anew.
        first = Standing(
            pacing={"enabled": self._paced}, next_update_id=self.standing.next_update_id
        )
        self._history.clear()
        self._remember(first)
        self.pacing.follow(self.pacing.pace)
        self.updates.end_polls(webhook=False)
        self.updates.turn()
        self.faults.clear()
        self.calls.clear()
        for path in self._files_dir.iterdir():
            path.unlink()
        self.events.publish("reset", {})

    def go_back(self) -> None:
        """Return to what is written, because what came after could not be finished."""
        self._history.discard()
        try:
            self._remember(self.standing)
        except (sqlite3.Error, ValueError) as error:
            _LOG.critical("the history cannot be read: %s", error)
            self.lost.set()
        self.updates.arrived.set()
        self.events.publish("reset", {})

    def commit(self) -> None:
        """Write everything that changed; what was answered before is never lost."""
        if self.lost.is_set():
            raise sqlite3.DatabaseError("the history could not be read")
        self.standing.clock_offset_seconds = self.clock.offset.total_seconds()
        self.standing.pacing = self.pacing.pace.model_dump()
        self._history.put("standing", 0, "", self.standing)
        self._history.commit()

    def close(self) -> None:
        """End listeners and polls, and close the history."""
        self.updates.end_polls(webhook=False)
        self.events.close()
        try:
            self.commit()
        except sqlite3.Error as error:
            # What was answered is written; only what nobody asked for is lost.
            _LOG.error("the last changes could not be written: %s", error)
        self._history.close()

    # -- people and chats ---------------------------------------------------------------------

    def put_person(self, person: Person) -> None:
        """Keep a person who is new or changed."""
        self.people[person.id] = person
        self._history.put("person", person.id, "", person)

    def put_chat(self, chat: Chat) -> None:
        """Keep a chat that is new or changed, and tell the pages."""
        if chat.id not in self.chats:
            chat.number = len(self.chats)
        self.chats[chat.id] = chat
        self.messages.setdefault(chat.id, {})
        self._history.put("chat", chat.id, "", chat)
        if self._bot_id in self.people:
            self.events.publish("chat", {"chat": transcript.render_chat(self, chat)})

    def commands_in(self, chat: Chat, person_id: int | None) -> list[Json]:
        """Find the command menu that a person sees in a chat."""
        language = ""
        if person_id is not None and person_id in self.people:
            language = self.people[person_id].language_code or ""
        return commands_for(self.commands, chat, person_id, language)

    def put_commands(self, listed: CommandList) -> None:
        """Keep the commands of one scope and language; an empty list removes them."""
        key = (listed.scope, listed.language_code)
        self.commands.pop(key, None)
        minor = f"{listed.scope}|{listed.language_code}"
        if listed.commands:
            self.commands[key] = listed
            self._history.put("commands", 0, minor, listed)
        else:
            self._history.drop("commands", 0, minor)
        self.events.publish("commands", {})

    # -- messages -----------------------------------------------------------------------------

    def find_message(self, chat_id: int, message_id: int) -> Message | None:
        """Find a message that is there and not deleted."""
        message = self.messages.get(chat_id, {}).get(message_id)
        return None if message is None or message.deleted else message

    def last_message(self, chat_id: int) -> Message | None:
        """Find the newest message of a chat."""
        kept = self.messages.get(chat_id, {})
        return next((m for m in reversed(kept.values()) if not m.deleted), None)

    def add_message(self, message: Message) -> Message:
        """Give a message the chat's next id, keep it, and tell the pages."""
        chat = self.chats[message.chat_id]
        chat.last_message_id += 1
        message.message_id = chat.last_message_id
        self.messages[chat.id][message.message_id] = message
        self._put_message(message)
        self._history.put("chat", chat.id, "", chat)
        self.events.publish("message", {"message": transcript.render_message(self, message)})
        return message

    def change_message(self, message: Message) -> None:
        """Keep a message that was changed, and tell the pages."""
        self._put_message(message)
        self.events.publish("edit", {"message": transcript.render_message(self, message)})

    def delete_message(self, message: Message) -> None:
        """Mark a message deleted, unpin it, and tell the pages."""
        message.deleted = True
        self._put_message(message)
        chat = self.chats[message.chat_id]
        if message.message_id in chat.pinned:
            chat.pinned.remove(message.message_id)
            self.put_chat(chat)
        gone = {"chat_id": message.chat_id, "message_id": message.message_id}
        self.events.publish("delete", gone)

    def tell_bot(self, message: Message, kind: str = "message") -> None:
        """Queue a message for the bot, if it is in that chat to hear it."""
        chat = self.chats[message.chat_id]
        if message.sender_id == self._bot_id or chat.bot_place != "member" or chat.blocked:
            return
        self.updates.add(kind, wire.render_message(self, message))

    def _put_message(self, message: Message) -> None:
        self._history.put("message", message.chat_id, f"{message.message_id:012d}", message)

    # -- queries and files --------------------------------------------------------------------

    def put_query(self, query: Query) -> None:
        """Keep a pressed button."""
        self.queries[query.id] = query
        self._history.put("query", 0, query.id, query)

    def put_file(self, file: StoredFile, content: bytes) -> None:
        """Keep a file, its bytes readable by the owner alone."""
        path = self.path_of(file)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
            target.write(content)
        self.files[file.file_id] = file
        self._history.put("file", file.number, "", file)

    def path_of(self, file: StoredFile) -> Path:
        """Tell where a file's bytes lie."""
        return self._files_dir / str(file.number)
