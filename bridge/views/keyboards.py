"""Buttons under the bridge's own messages."""

from __future__ import annotations

from bridge.core.cards import CardFacts
from bridge.core.keyboards import Button, Keyboard
from bridge.core.kinds import choose_chart
from bridge.views.locale import Translator


def create_card_keyboard(translator: Translator, facts: CardFacts) -> Keyboard | None:
    """Offer what a card has no room for: all its alerts as text, and the chart behind them."""
    if not facts.card_id:
        return None
    buttons = [Button(label=translator.gettext("List"), press=f"list {facts.card_id}")]
    if choose_chart(facts) is not None:
        chart = Button(label=translator.gettext("Chart"), press=f"chart {facts.card_id}")
        buttons.append(chart)
    return Keyboard((tuple(buttons),))
