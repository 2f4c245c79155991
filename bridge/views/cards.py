"""Cards: a group's alerts as one message that always fits, and what could not be read."""

from __future__ import annotations

from typing import Final

from jinja2 import Environment

from bridge.core.cards import CardFacts, UnreadableFacts
from bridge.core.formatted import Content
from bridge.limits import MESSAGE_CHARACTERS, UNREADABLE_CHARACTERS
from bridge.views.keyboards import create_card_keyboard
from bridge.views.links import canonical_link
from bridge.views.markup import parse_markup
from bridge.views.shown import Presenter, Rung
from bridge.views.templates import check_message, is_sendable

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
STANDING: Final = (
    Rung(kind="full", members=10, word=200, prose=1200),
    Rung(kind="full", members=10, word=80, prose=300),
    Rung(kind="full", members=5, word=80, prose=300),
)
"""Before that, where a card has stood so long that more is over in it than has room beside the few
that fire: of those everything is told, and the rest is counted."""


def render_card(environment: Environment, presenter: Presenter, facts: CardFacts) -> Content:
    """Render a group's alerts on the first rung that fits.

    Raises:
        TemplateFault: the template yields no message.
    """
    template = environment.get_template("card.j2")
    rungs = [rung for rung in STANDING if _suits_standing(rung, facts)]
    rungs += [rung for rung in LADDER if _suits(rung, len(facts.members))]
    for rung in rungs:
        card = presenter.show_card(facts, rung)
        text = parse_markup(template.render(card=card, translator=presenter.translator))
        if is_sendable(text, MESSAGE_CHARACTERS) or rung is rungs[-1]:
            break
    return Content(
        text=check_message(text, MESSAGE_CHARACTERS),
        keyboard=create_card_keyboard(presenter.translator, facts),
        is_whole=card.is_whole,
    )


def render_unreadable(
    environment: Environment, presenter: Presenter, facts: UnreadableFacts
) -> Content:
    """Render what could not be read as it came, with what is wrong about it.

    Raises:
        TemplateFault: the template yields no message.
    """
    presenter.shortened = 0
    markup = environment.get_template("unreadable.j2").render(
        translator=presenter.translator,
        raw=presenter.text(facts.raw, UNREADABLE_CHARACTERS, lines=True),
        fault=presenter.text(presenter.translator.gettext(facts.fault), 200),
        alertmanager=canonical_link(facts.source) or "",
        now=presenter.time(presenter.now),
    )
    text = check_message(parse_markup(markup), MESSAGE_CHARACTERS)
    return Content(text=text, is_whole=not presenter.shortened)


def _suits(rung: Rung, members: int) -> bool:
    """Say whether a rung has anything to offer a card of so many alerts."""
    if rung.kind == "counts":
        return members > rung.members
    return rung.kind == "line" or members <= rung.members


def _suits_standing(rung: Rung, facts: CardFacts) -> bool:
    """Say whether a rung tells all of what fires in a card that is too long to be told whole."""
    return 0 < len(facts.firing) <= rung.members and len(facts.members) > LADDER[0].members
