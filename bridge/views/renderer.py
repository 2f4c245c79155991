"""The renderer: any facts become a message that fits and never fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from jinja2 import Environment

from bridge.core.boards import BoardFacts
from bridge.core.cards import CardFacts, ListFacts, UnreadableFacts
from bridge.core.formatted import Attachment, Content, Formatted, fit
from bridge.core.logins import LoginFacts
from bridge.core.notices import NoticeFacts
from bridge.core.outbox import Facts, Form
from bridge.core.rings import RingFacts
from bridge.core.second_way import Digest
from bridge.limits import CAPTION_CHARACTERS, MESSAGE_CHARACTERS
from bridge.views.board_lists import write_board
from bridge.views.boards import render_board
from bridge.views.cards import render_card, render_unreadable
from bridge.views.dashboards import NO_DASHBOARDS, Dashboards, find_dashboards
from bridge.views.digest import write_digest, write_plain_digest
from bridge.views.lists import render_list, write_list
from bridge.views.locale import DEFAULT_LANGUAGE, Translator, load_translators
from bridge.views.logins import render_login
from bridge.views.markup import plain
from bridge.views.notices import render_notice
from bridge.views.plain_cards import render_plain_card, render_plain_unreadable
from bridge.views.plain_messages import (
    render_plain_board,
    render_plain_list,
    render_plain_login,
    render_plain_notice,
    render_plain_ring,
)
from bridge.views.rings import render_ring
from bridge.views.shown import Presenter
from bridge.views.templates import LOCALES, MESSAGES, create_environment

OnFault = Callable[[str, Exception], None]
Shown = TypeVar("Shown")

_TEMPLATES: Final = {
    CardFacts: "card.j2",
    ListFacts: "list.j2",
    RingFacts: "ring.j2",
    BoardFacts: "board.j2",
    NoticeFacts: "notice.j2",
    LoginFacts: "login.j2",
    UnreadableFacts: "unreadable.j2",
}
_LEFT_OUT: Final = 50  # characters: what is said of lines left out
_LAST_RESORT: Final = Content(
    text=Formatted("⚠️ There is something to tell that could not be put into words; see the log."),
    is_whole=False,
)


class MessageRenderer:
    """Renders facts through templates; one that fails is passed over and reported once.

    `environments` are asked in turn: a person's own templates first, the shipped ones after them.
    """

    def __init__(
        self,
        environments: Sequence[Environment],
        translators: Mapping[str, Translator],
        on_fault: OnFault,
        dashboards: Dashboards = NO_DASHBOARDS,
    ) -> None:
        self._environments = tuple(environments)
        self._translators = translators
        self.on_fault = on_fault
        self.dashboards = dashboards
        self._faulty: set[str] = set()

    def render(
        self, facts: Facts, form: Form, *, language: str, zone: tzinfo, now: datetime
    ) -> Content:
        """Render a message within Telegram's limits, in the plainest way that is left."""
        presenter = Presenter(
            translator=self._translator(language), zone=zone, now=now, dashboards=self.dashboards
        )
        content = self._formatted(facts, presenter) if form is Form.FORMATTED else None
        if content is None:
            content = self._try("plain form", lambda: _render_plain(facts, presenter))
        if not isinstance(facts, ListFacts | BoardFacts):
            return content or _LAST_RESORT
        attachment = self._try("file", lambda: _write_file(facts, presenter))
        return _put_together(content or _LAST_RESORT, attachment, form)

    def render_digest(
        self,
        facts: Sequence[CardFacts],
        *,
        limit: int,
        language: str,
        zone: tzinfo,
        now: datetime,
    ) -> Digest:
        """Write a title and a text for a way out that is not Telegram, the worst first.

        It says which of the cards it tells of, in the order given; the others wait for the next.
        """
        translator = self._translator(language)
        written = self._try(
            "digest",
            lambda: write_digest(facts, limit=limit, zone=zone, now=now, translator=translator),
        )
        if written is None:
            plain_card = partial(self._try, "card of a digest")
            written = self._try(
                "plain digest",
                lambda: write_plain_digest(facts, limit=limit, attempt=plain_card),
            )
        if written is None or (facts and not written.written):
            return Digest("", fit(_LAST_RESORT.text, limit).text, ())
        return written

    def _formatted(self, facts: Facts, presenter: Presenter) -> Content | None:
        """Render with the first templates that do not fail."""
        name = _TEMPLATES.get(type(facts), "message")
        for number, environment in enumerate(self._environments):
            render = partial(_render_formatted, environment, presenter, facts)
            content = self._try(name, render, number)
            if content is not None:
                return content
        return None

    def _try(self, name: str, render: Callable[[], Shown], number: int = 0) -> Shown | None:
        """Render; None where that fails, which is reported once until it works again."""
        key = f"{name} {number}"
        try:
            shown = render()
        except Exception as error:  # noqa: BLE001 - a template may raise anything; the alert must arrive
            if key not in self._faulty:
                self._faulty.add(key)
                self.on_fault(name, error)
            return None
        self._faulty.discard(key)
        return shown

    def _translator(self, language: str) -> Translator:
        return self._translators.get(language) or self._translators[DEFAULT_LANGUAGE]


def create_message_renderer(
    on_fault: OnFault,
    own_templates: Path | None = None,
    grafana: str | None = None,
) -> MessageRenderer:
    """Make a renderer with the shipped templates and languages, and a person's own before them.

    It links to the dashboards of a Grafana, where that address is given.
    """
    shipped = create_environment(MESSAGES)
    environments = [shipped]
    if own_templates is not None:
        environments.insert(0, create_environment(own_templates, MESSAGES))
    return MessageRenderer(
        environments, load_translators(LOCALES), on_fault, find_dashboards(grafana)
    )


def _render_formatted(  # noqa: PLR0911 - one for each kind
    environment: Environment, presenter: Presenter, facts: Facts
) -> Content:
    match facts:
        case CardFacts():
            return render_card(environment, presenter, facts)
        case ListFacts():
            return render_list(environment, presenter, facts)
        case RingFacts():
            return render_ring(environment, presenter, facts)
        case BoardFacts():
            return render_board(environment, presenter, facts)
        case NoticeFacts():
            return render_notice(environment, presenter, facts)
        case LoginFacts():
            return render_login(environment, presenter, facts)
        case UnreadableFacts():
            return render_unreadable(environment, presenter, facts)


def _render_plain(facts: Facts, presenter: Presenter) -> Content:  # noqa: PLR0911 - as above
    match facts:
        case CardFacts():
            return render_plain_card(facts, zone=presenter.zone)
        case ListFacts():
            return render_plain_list(facts)
        case RingFacts():
            return render_plain_ring(facts)
        case BoardFacts():
            return render_plain_board(facts, zone=presenter.zone, now=presenter.now)
        case NoticeFacts():
            return render_plain_notice(facts, zone=presenter.zone)
        case LoginFacts():
            return render_plain_login(facts, zone=presenter.zone)
        case UnreadableFacts():
            return render_plain_unreadable(facts)


def _write_file(facts: ListFacts | BoardFacts, presenter: Presenter) -> Attachment:
    if isinstance(facts, ListFacts):
        return write_list(presenter, facts)
    return write_board(presenter, facts)


def _put_together(content: Content, attachment: Attachment | None, form: Form) -> Content:
    """Give a message its file; the plain form is for chats that take none and has the text."""
    if attachment is None:
        return Content(text=content.text, is_whole=False)
    if form is Form.PLAIN:
        return _spell_out(content, attachment)
    text = fit(content.text, CAPTION_CHARACTERS)
    return Content(text=text, attachment=attachment, is_whole=content.is_whole)


def _spell_out(content: Content, attachment: Attachment) -> Content:
    """Write as much of a file as fits behind its caption, and how many lines do not."""
    lines = [plain(line).rstrip() for line in attachment.content.decode().splitlines()]
    room = MESSAGE_CHARACTERS - len(content.text) - _LEFT_OUT
    shown: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    left_out = len(lines) - len(shown)
    tail = [f"and {left_out} more lines"] if left_out else []
    text = "\n".join((content.text.text, "", *shown, *tail)).rstrip()
    return Content(text=fit(Formatted(text), MESSAGE_CHARACTERS), is_whole=not left_out)
