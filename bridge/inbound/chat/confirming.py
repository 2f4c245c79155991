"""Questions before something is done, and the buttons that answer them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from bridge.core.access import Role
from bridge.core.formatted import Content
from bridge.core.keyboards import Button, Keyboard, in_rows
from bridge.core.questions import Deed, Questions, Wish
from bridge.errors import TooMuch
from bridge.inbound.chat.command import Answer, Asked, Command, Family, require_words
from bridge.limits import MESSAGE_CHARACTERS
from bridge.views.jobs import write_question
from bridge.views.voice import marked

Fulfil = Callable[[Asked, Wish], Awaitable[Answer]]
"""Does what was confirmed."""


class Confirming:
    """Asks first; `token` makes what cannot be guessed."""

    def __init__(self, token: Callable[[], str], clock: Callable[[], datetime]) -> None:
        self._token = token
        self._clock = clock
        self._questions = Questions()
        self._fulfil: dict[Deed, Fulfil] = {}

    @property
    def commands(self) -> tuple[Command, ...]:
        """Declare the buttons."""
        declare = partial(Command, family=Family.HANDS, usage="<question>", is_listed=False)
        return (
            declare(
                name="yes",
                needs=Role.OPERATOR,
                help=marked("Confirm what a question asks"),
                changes=True,
                is_booked=True,
                run=self._confirm,
            ),
            declare(
                name="no",
                needs=Role.OPERATOR,
                help=marked("Leave it, whatever a question asks"),
                run=self._leave,
            ),
        )

    def fulfil(self, deed: Deed, by: Fulfil) -> None:
        """Say who does a kind of deed, once it is confirmed."""
        self._fulfil[deed] = by

    def ask(self, asked: Asked, wish: Wish) -> Content:
        """Put a question to whoever asked for something."""
        token = self._token()
        self._questions.put(token, wish, asked.actor, self._clock())
        buttons = [
            Button(label=asked.voice.say("✅ Yes, do it"), press=f"yes {token}"),
            Button(label=asked.voice.say("✖️ No"), press=f"no {token}"),
        ]
        question = write_question(asked.voice, wish, Keyboard(in_rows(buttons, 2)))
        if len(question.text) >= MESSAGE_CHARACTERS:  # what cannot be seen whole is not confirmed
            raise TooMuch("that is too long to be shown before it is done")
        return question

    async def _confirm(self, asked: Asked) -> Answer:
        require_words(asked, 1, 1)
        wish = self._questions.take(asked.words[0], asked.actor, asked.voice.now)
        return await self._fulfil[wish.deed](asked, wish)

    async def _leave(self, asked: Asked) -> Content:
        require_words(asked, 1, 1)
        self._questions.take(asked.words[0], asked.actor, asked.voice.now)
        return Content(text=asked.voice.write("sentence", text=asked.voice.say("Left alone.")))
