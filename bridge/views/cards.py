"""Cards: a group's alerts as one message that always fits and never fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final

from jinja2 import Environment

from bridge.core.cards import CardFacts, UnreadableFacts
from bridge.core.formatted import Formatted
from bridge.limits import MESSAGE_CHARACTERS, MESSAGE_ENTITIES, UNREADABLE_CHARACTERS
from bridge.views.links import canonical_link
from bridge.views.locale import DEFAULT_LANGUAGE, Translator, load_translators, render_time
from bridge.views.markup import TemplateFault, parse_markup
from bridge.views.plain_cards import render_plain_card, render_plain_unreadable
from bridge.views.shown import Presenter, Rung
from bridge.views.templates import LOCALES, MESSAGES, create_environment

LADDER: Final = (
    Rung(kind="full", members=30, word=200, prose=1200),
    Rung(kind="full", members=30, word=80, prose=300),
    Rung(kind="compact", members=50, word=60, prose=100),
    Rung(kind="counts", members=40, word=60, prose=100),
    Rung(kind="counts", members=20, word=40, prose=100),
    Rung(kind="counts", members=10, word=40, prose=100),
    Rung(kind="counts", members=3, word=40, prose=100),
    Rung(kind="line", members=0, word=40, prose=100),
)
"""From everything to one line; the first step that fits is sent."""

OnFault = Callable[[str, Exception], None]


class CardRenderer:
    """Renders cards through templates; a template that fails is passed over and reported once.

    `environments` are asked in turn: a person's own templates first, the shipped ones after them.
    """

    def __init__(
        self,
        environments: Sequence[Environment],
        translators: Mapping[str, Translator],
        on_fault: OnFault,
    ) -> None:
        self._environments = tuple(environments)
        self._translators = translators
        self._on_fault = on_fault
        self._faulty: set[str] = set()

    def render_card(
        self, facts: CardFacts, *, language: str, zone: tzinfo, now: datetime
    ) -> Formatted:
        """Render a group's alerts within Telegram's limits."""
        presenter = Presenter(translator=self._translator(language), zone=zone, now=now)

        def climb(environment: Environment) -> Formatted:
            return _render_rungs(environment, presenter, facts)

        return self._first("card.j2", climb) or render_plain_card(facts, zone=zone)

    def render_unreadable(
        self, facts: UnreadableFacts, *, language: str, zone: tzinfo, now: datetime
    ) -> Formatted:
        """Render what could not be read as it came, with what is wrong about it."""
        presenter = Presenter(translator=self._translator(language), zone=zone, now=now)

        def show(environment: Environment) -> Formatted:
            markup = environment.get_template("unreadable.j2").render(
                translator=presenter.translator,
                raw=presenter.text(facts.raw, UNREADABLE_CHARACTERS, lines=True),
                fault=presenter.text(presenter.translator.gettext(facts.fault), 200),
                alertmanager=canonical_link(facts.source) or "",
                now=render_time(now, zone, now),
            )
            return _checked(parse_markup(markup))

        return self._first("unreadable.j2", show) or render_plain_unreadable(facts)

    def render_plain(self, facts: CardFacts | UnreadableFacts) -> Formatted:
        """Render without any formatting: what is sent when the formatted form is refused."""
        if isinstance(facts, UnreadableFacts):
            return render_plain_unreadable(facts)
        return render_plain_card(facts)

    def _first(self, name: str, render: Callable[[Environment], Formatted]) -> Formatted | None:
        """Render with the first templates that do not fail."""
        for number, environment in enumerate(self._environments):
            key = f"{name} {number}"
            try:
                formatted = render(environment)
            except Exception as error:  # noqa: BLE001 - a template may raise anything; the alert must arrive
                self._report(name, key, error)
            else:
                self._faulty.discard(key)
                return formatted
        return None

    def _report(self, name: str, key: str, error: Exception) -> None:
        if key not in self._faulty:
            self._faulty.add(key)
            self._on_fault(name, error)

    def _translator(self, language: str) -> Translator:
        return self._translators.get(language) or self._translators[DEFAULT_LANGUAGE]


def create_card_renderer(on_fault: OnFault, own_templates: Path | None = None) -> CardRenderer:
    """Make a renderer with the shipped templates and languages, and a person's own before them."""
    shipped = create_environment(MESSAGES)
    environments = [shipped]
    if own_templates is not None:
        environments.insert(0, create_environment(own_templates, MESSAGES))
    return CardRenderer(environments, load_translators(LOCALES), on_fault)


def _render_rungs(environment: Environment, presenter: Presenter, facts: CardFacts) -> Formatted:
    template = environment.get_template("card.j2")
    rungs = [rung for rung in LADDER if _suits(rung, len(facts.members))]
    for rung in rungs[:-1]:
        card = presenter.show_card(facts, rung)
        formatted = parse_markup(template.render(card=card, translator=presenter.translator))
        if _fits(formatted):
            return _checked(formatted)
    card = presenter.show_card(facts, rungs[-1])
    return _checked(parse_markup(template.render(card=card, translator=presenter.translator)))


def _suits(rung: Rung, members: int) -> bool:
    """Say whether a rung has anything to offer a card of so many alerts."""
    if rung.kind == "counts":
        return members > rung.members
    return rung.kind == "line" or members <= rung.members


def _fits(formatted: Formatted) -> bool:
    return len(formatted) <= MESSAGE_CHARACTERS and len(formatted.entities) <= MESSAGE_ENTITIES


def _checked(formatted: Formatted) -> Formatted:
    if formatted.is_blank:
        raise TemplateFault("the message is empty")
    if not _fits(formatted):
        raise TemplateFault("the message is too long in its shortest form")
    return formatted
