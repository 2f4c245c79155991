"""What the sandbox remembers: people, chats, messages and the rest, as plain records."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

ChatKind = Literal["private", "group", "supergroup"]
BotPlace = Literal["member", "kicked", "left"]
Json = dict[str, Any]

KEPT_VERSIONS = 50  # of an edited message; each event and each write carries them


class Person(BaseModel):
    """Somebody who can speak; the bot itself is one too."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    is_bot: bool = False


class Topic(BaseModel):
    """One topic of a forum; its id is the message that opened it."""

    thread_id: int
    name: str
    closed: bool = False
    icon_color: int = 0x6FB9F0


class Chat(BaseModel):
    """One conversation and who is in it."""

    id: int
    kind: ChatKind
    title: str
    number: int = 0  # its place among the chats, in the order in which they were made
    is_forum: bool = False
    topics: list[Topic] = Field(default_factory=list)
    members: list[int] = Field(default_factory=list)
    person_id: int | None = None
    owner_id: int | None = None  # groups: the person who made it
    bot_place: BotPlace = "member"
    started: bool = True  # private: the person has spoken first, so the bot may write
    blocked: bool = False  # private: the person blocked the bot
    deleted: bool = False
    migrated_to: int | None = None
    pinned: list[int] = Field(default_factory=list)
    last_message_id: int = 0

    def find_topic(self, thread_id: int) -> Topic | None:
        """Find a topic by its id."""
        return next((topic for topic in self.topics if topic.thread_id == thread_id), None)


class Photo(BaseModel):
    """A picture in a message."""

    file_id: str
    width: int
    height: int


class Document(BaseModel):
    """A file in a message."""

    file_id: str
    name: str
    size: int
    mime: str


class Version(BaseModel):
    """What an edited message said before."""

    at: datetime
    text: str | None = None
    caption: str | None = None


class Reaction(BaseModel):
    """One person's reaction."""

    by: int
    emoji: str


class Content(BaseModel):
    """What a message says and shows, apart from its keyboard."""

    text: str | None = None
    entities: list[Json] = Field(default_factory=list)
    caption: str | None = None
    caption_entities: list[Json] = Field(default_factory=list)
    photo: Photo | None = None
    document: Document | None = None


class Message(Content):
    """One message of a chat."""

    chat_id: int
    message_id: int
    sender_id: int
    at: datetime
    thread_id: int | None = None
    edited_at: datetime | None = None
    silent: bool = False
    media_group: str | None = None
    reply_to: int | None = None
    quote: Json | None = None
    inline_keyboard: list[list[Json]] | None = None
    reply_markup: Json | None = None  # a reply keyboard, its removal, or a forced reply
    service: Json | None = None  # the Bot API's service fields
    notice: str | None = None  # the same for a person's eyes
    forward_origin: Json | None = None
    link_preview_options: Json | None = None
    protected: bool = False
    reactions: list[Reaction] = Field(default_factory=list)
    deleted: bool = False
    edits: int = 0
    history: list[Version] = Field(default_factory=list)  # the newest of them

    def keep_version(self, now: datetime) -> None:
        """Keep what the message says before it is edited now."""
        said_at = self.edited_at or self.at
        version = Version(at=said_at, text=self.text, caption=self.caption)
        self.history = [*self.history, version][-KEPT_VERSIONS:]
        self.edits += 1
        self.edited_at = now


class StoredFile(BaseModel):
    """A file that somebody sent; its bytes lie in the files folder."""

    file_id: str
    number: int
    kind: Literal["photo", "document"]
    name: str
    mime: str
    size: int
    width: int = 0
    height: int = 0

    @property
    def path(self) -> str:
        """The path under which the Bot API offers the file."""
        suffix = self.name.rpartition(".")[2] if "." in self.name else "bin"
        return f"{self.kind}s/file_{self.number}.{suffix if suffix.isalnum() else 'bin'}"


class Query(BaseModel):
    """A pressed button that waits for the bot's answer."""

    id: str
    person_id: int
    chat_id: int
    message_id: int
    at: datetime
    answered: bool = False


class StoredUpdate(BaseModel):
    """An update that the bot has not confirmed."""

    update_id: int
    kind: str
    body: Json
    expires_at: datetime


class CommandList(BaseModel):
    """The command menu of one scope and language."""

    scope: str
    language_code: str
    commands: list[Json]


class Webhook(BaseModel):
    """Where updates are pushed instead of being fetched."""

    url: str
    secret_token: str = ""
    max_connections: int = 40
    ip_address: str | None = None
    last_error_at: datetime | None = None
    last_error: str | None = None


class Standing(BaseModel):
    """The few single values of the world: counters, clock, pacing, webhook."""

    next_update_id: int
    next_file: int = 1
    next_query: int = 1
    next_group: int = 1
    next_person: int = 2001
    next_chat: int = 2002
    clock_offset_seconds: float = 0.0
    allowed_updates: list[str] = Field(default_factory=list)
    webhook: Webhook | None = None
    pacing: Json = Field(default_factory=dict)
