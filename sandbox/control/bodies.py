"""What the control API's calls carry; an unknown key is a mistake, not a silence."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Body(BaseModel):
    """The root of all bodies."""

    model_config = ConfigDict(extra="forbid")


class Say(Body):
    """A person says something."""

    chat_id: int
    person_id: int
    text: str
    thread_id: int | None = None
    reply_to: int | None = None


class Press(Body):
    """A person presses a button."""

    chat_id: int
    message_id: int
    person_id: int
    row: int = Field(ge=0)
    column: int = Field(ge=0)


class Edit(Body):
    """A person edits a message."""

    chat_id: int
    message_id: int
    person_id: int
    text: str


class React(Body):
    """A person reacts to a message."""

    chat_id: int
    message_id: int
    person_id: int
    emoji: str | None = Field(default=None, max_length=16)


class CreateChat(Body):
    """A group is made."""

    kind: Literal["group", "supergroup"]
    title: str = Field(min_length=1, max_length=128)
    is_forum: bool = False
    members: list[int]


class CreatePerson(Body):
    """A person is made."""

    first_name: str = Field(min_length=1, max_length=64)
    username: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_]{2,31}$")
    language_code: str = Field(default="en", max_length=35)


class CreateTopic(Body):
    """A topic is opened."""

    name: str = Field(min_length=1, max_length=128)


class Presence(Body):
    """A person joins or leaves."""

    person_id: int
    present: bool


class MoveClock(Body):
    """The clock is moved: by a span, to an instant, or back to the machine's time."""

    advance_seconds: float | None = Field(default=None, ge=-1e9, le=1e9)
    at: datetime | None = None
    reset: bool = False


class Empty(Body):
    """Nothing needs to be said."""
