"""What a chat hears, and how it is spoken to."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from bridge.core.access import Role, Scope, parse_scope
from bridge.core.audience import Destination
from bridge.core.audit import Entry
from bridge.core.chats import Chat, Subscribed
from bridge.core.formatted import Content
from bridge.core.keyboards import Button, Keyboard
from bridge.core.preferences import DEFAULT, Look, Notify, Preferences, change_preferences
from bridge.errors import Mistake, NotAllowed
from bridge.inbound.chat.command import Asked, Command, Family, require_words, write_entry
from bridge.views.locale import LANGUAGES
from bridge.views.voice import Voice, marked

_CHAT: Final = re.compile(r"(-?[1-9][0-9]{0,17})(?:/([1-9][0-9]{0,9}))?")
_NAMES: Final = {"en": "English", "zh_TW": "繁體中文", "ru": "Русский"}
_NIGHT: Final = "22:00-07:00"
_USAGE: Final = "[language|zone|notify|quiet|kinds|charts <choice>|default]"


SpeakAnew = Callable[[Asked, Preferences], Awaitable[Voice]]
"""Makes the voice for what a chat has chosen just now."""
Leave = Callable[[Destination, Entry], Awaitable[bool]]
"""Lets a chat hear no more, and waits for what is being sent there."""


class Chats(Protocol):
    """What is known of each chat."""

    async def find(self, here: Destination) -> Chat:
        """Tell what is known of a chat."""
        ...

    async def find_subscribed(self) -> Sequence[Chat]:
        """List the chats that hear alerts."""
        ...

    async def subscribe(
        self,
        here: Destination,
        *,
        made_by: int | None,
        now: datetime,
        scope: Scope | None,
        entry: Entry | None,
    ) -> Subscribed:
        """Let a chat hear alerts, and limit it if a scope is given."""
        ...

    async def choose(
        self,
        here: Destination,
        change: Callable[[Preferences], Preferences],
        *,
        now: datetime,
        entry: Entry | None,
    ) -> Preferences:
        """Change what a chat has chosen for itself."""
        ...


class ChatsCommands:
    """`/subscribe`, `/unsubscribe`, `/subscriptions`, `/settings`, `/addsub` and `/rmsub`."""

    def __init__(
        self,
        chats: Chats,
        look_again: Callable[[], None],
        speak_anew: SpeakAnew,
        leave: Leave,
    ) -> None:
        self._chats = chats
        self._look_again = look_again
        self._speak_anew = speak_anew
        self._leave = leave

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare them."""
        return (*self._of_this_chat, *self._of_buttons, *self._of_others)

    @property
    def _of_this_chat(self) -> tuple[Command, ...]:
        return (
            Command(
                name="subscribe",
                needs=Role.OPERATOR,
                family=Family.CHAT,
                help=marked("Let this chat hear alerts"),
                changes=True,
                is_booked=True,
                run=self._subscribe,
            ),
            Command(
                name="unsubscribe",
                needs=Role.OPERATOR,
                family=Family.CHAT,
                help=marked("Let this chat hear no more alerts"),
                changes=True,
                is_booked=True,
                run=self._unsubscribe,
            ),
            Command(
                name="subscriptions",
                needs=Role.OPERATOR,
                family=Family.CHAT,
                help=marked("Which chats hear alerts"),
                run=self._list,
            ),
            Command(
                name="settings",
                needs=Role.VIEWER,
                family=Family.CHAT,
                help=marked("Language, time zone, and what this chat hears"),
                usage=_USAGE,
                example="quiet 22:00-07:00",
                changes_with_words=True,
                is_booked=True,
                run=self._show_settings,
            ),
        )

    @property
    def _of_buttons(self) -> tuple[Command, ...]:
        return (
            Command(
                name="set",
                needs=Role.VIEWER,
                family=Family.CHAT,
                help=marked("Change one of the settings"),
                usage=_USAGE,
                example="quiet 22:00-07:00",
                changes=True,
                is_booked=True,
                is_listed=False,
                run=self._change_settings,
            ),
        )

    @property
    def _of_others(self) -> tuple[Command, ...]:
        return (
            Command(
                name="addsub",
                needs=Role.ADMIN,
                family=Family.PEOPLE,
                help=marked("Let another chat hear alerts, of some hosts if need be"),
                usage="<chat>[/<topic>] [label=value …]",
                example="-1001234567890 group=db",
                changes=True,
                is_booked=True,
                run=self._add,
            ),
            Command(
                name="rmsub",
                needs=Role.ADMIN,
                family=Family.PEOPLE,
                help=marked("Let another chat hear no more alerts"),
                usage="<chat>[/<topic>]",
                example="-1001234567890",
                changes=True,
                is_booked=True,
                run=self._remove,
            ),
        )

    async def _subscribe(self, asked: Asked) -> Content:
        require_words(asked, 0, 0)
        there = asked.actor.chat
        limits_of_chat = (await self._chats.find(there)).ear.scope
        # A private chat is limited as its person is, whatever happens to them later.
        if not asked.actor.is_private and not asked.actor.scope.contains(limits_of_chat):
            raise NotAllowed(
                "you are limited to some hosts; an admin lets this chat hear with /addsub"
            )
        return await self._let_hear(asked, there)

    async def _unsubscribe(self, asked: Asked) -> Content:
        require_words(asked, 0, 0)
        await self._require_all_that_is_heard(asked)
        return await self._let_be(asked, asked.actor.chat)

    async def _add(self, asked: Asked) -> Content:
        require_words(asked, 1, 20)
        asked.actor.require_everywhere()
        there = parse_chat(asked.words[0])
        return await self._let_hear(asked, there, parse_scope(asked.words[1:]))

    async def _remove(self, asked: Asked) -> Content:
        require_words(asked, 1, 1)
        asked.actor.require_everywhere()
        return await self._let_be(asked, parse_chat(asked.words[0]))

    async def _require_all_that_is_heard(self, asked: Asked) -> None:
        """Refuse to take from a group what it hears of hosts that whoever asks may not see."""
        chat = await self._chats.find(asked.actor.chat)
        is_within = asked.actor.is_private or asked.actor.scope.contains(chat.ear.scope)
        if chat.is_subscribed and not is_within:
            raise NotAllowed(
                "this chat hears of hosts that you may not see; whoever may see them can change it"
            )

    async def _let_hear(
        self, asked: Asked, there: Destination, scope: Scope | None = None
    ) -> Content:
        done = await self._chats.subscribe(
            there,
            made_by=asked.actor.user_id,
            now=asked.voice.now,
            scope=scope,
            entry=write_entry(asked, on=str(there)),
        )
        self._look_again()
        chat = await self._chats.find(there)
        return Content(text=asked.voice.write("subscribed", chat=chat, done=done))

    async def _let_be(self, asked: Asked, there: Destination) -> Content:
        await self._leave(there, write_entry(asked, on=str(there)))
        self._look_again()
        return Content(text=asked.voice.write("unsubscribed", chat=there))

    async def _list(self, asked: Asked) -> Content:
        require_words(asked, 0, 0)
        asked.actor.require_everywhere()
        chats = await self._chats.find_subscribed()
        return Content(text=asked.voice.write_list("subscriptions", "chats", chats))

    async def _show_settings(self, asked: Asked) -> Content:
        if asked.words:
            return await self._change_settings(asked)
        chat = await self._chats.find(asked.actor.chat)
        return self._card(asked, chat)

    async def _change_settings(self, asked: Asked) -> Content:
        """Change one thing; in a group that is for everybody there, hence an operator's."""
        if not asked.actor.is_private and not asked.actor.may(Role.OPERATOR):
            raise NotAllowed("In a group the settings are an operator's; your own are in private.")
        await self._require_all_that_is_heard(asked)
        change: Callable[[Preferences], Preferences] = partial(
            change_preferences, words=asked.words, languages=LANGUAGES
        )
        if [each.casefold() for each in asked.words] == [DEFAULT]:
            change = _forget
        here = asked.actor.chat
        entry = write_entry(asked, on=str(here))
        await self._chats.choose(here, change, now=asked.voice.now, entry=entry)
        self._look_again()
        chat = await self._chats.find(here)
        voice = await self._speak_anew(asked, chat.ear.preferences)
        return self._card(replace(asked, voice=voice), chat)

    def _card(self, asked: Asked, chat: Chat) -> Content:
        chosen = chat.ear.preferences
        text = asked.voice.write("settings", chat=chat, chosen=chosen, names=_NAMES)
        return Content(text=text, keyboard=_offer_settings(asked, chosen))


def _forget(_chosen: Preferences) -> Preferences:
    return Preferences()


def _offer_settings(asked: Asked, chosen: Preferences) -> Keyboard:
    """Offer what can be said in a word; a mark shows what holds."""
    say = asked.voice.say

    def button(label: str, press: str, *, is_on: bool) -> Button:
        return Button(label=f"● {label}" if is_on else label, press=f"set {press}")

    notify = chosen.notify or Notify.ALL
    labels = {
        Notify.ALL: say("all alerts"),
        Notify.CRITICAL: say("critical only"),
        Notify.OFF: say("none"),
    }
    look = chosen.charts or Look.DARK
    return Keyboard(
        (
            tuple(
                button(_NAMES[each], f"language {each}", is_on=chosen.language == each)
                for each in LANGUAGES
            ),
            tuple(
                button(label, f"notify {each.value}", is_on=notify is each)
                for each, label in labels.items()
            ),
            (
                button(
                    say("quiet at night"),
                    "quiet 22:00-07:00",
                    is_on=str(chosen.quiet) == "22:00-07:00",
                ),
                button(say("never quiet"), "quiet off", is_on=False),
            ),
            (
                button(say("dark charts"), "charts dark", is_on=look is Look.DARK),
                button(say("light charts"), "charts light", is_on=look is Look.LIGHT),
            ),
        )
    )


def parse_chat(word: str) -> Destination:
    """Read a chat, or a topic of one.

    Raises:
        Mistake: it is none.
    """
    match = _CHAT.fullmatch(word)
    if match is None:
        raise Mistake("%(word)s is no chat; write its number, such as -1001234567890", word=word)
    return Destination(int(match[1]), int(match[2] or 0))
