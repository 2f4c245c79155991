"""Rings: the short replies that make a phone sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jinja2 import Environment

from bridge.core.alerts import Severity
from bridge.core.cards import Member
from bridge.core.formatted import Content
from bridge.core.rings import RingFacts, RingKind
from bridge.limits import MESSAGE_CHARACTERS, RING_CHARACTERS
from bridge.views.markup import parse_markup
from bridge.views.shown import Presenter
from bridge.views.templates import check_message
from bridge.views.words import OVER, worst_mark

SIGNS: Final = {
    RingKind.NEW: "🔔",
    RingKind.WORSE: "⬆️",
    RingKind.REPEAT: "🔁",
    RingKind.STORM: "🔔",
    RingKind.RESOLVED: "",
}
_LADDER: Final = ((3, 40, 120), (2, 32, 60), (1, 32, 0), (1, 24, 0))
"""How many alerts are named, in how many characters a word, and how long a summary may be."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """One alert in as few words as name it."""

    host: str
    name: str
    severity: str


@dataclass(frozen=True, kw_only=True)
class ShownRing:
    """A ring, ready to be read."""

    kind: str
    """`new`, `worse`, `repeat`, `storm` or `resolved`."""
    mark: str
    """That of the worst alert: a phone's notification shows the first words only."""
    sign: str
    lead: str
    """What it is about, before the names."""
    members: tuple[Named, ...]
    more: str
    """How many more it is about; empty where all are named."""
    summary: str
    """What the rule says, where it is about one alert."""
    marks: str
    """How many of each mark, in a storm."""
    firing: str
    """How many fire in all, where it is about fewer."""


def render_ring(environment: Environment, presenter: Presenter, facts: RingFacts) -> Content:
    """Render a ring: worst first, since a phone's notification shows the first words only.

    It leaves nothing out that its card or board does not tell.

    Raises:
        TemplateFault: the template yields no message.
    """
    template = environment.get_template("ring.j2")
    for rung in _LADDER:
        ring = _shown(presenter, facts, *rung)
        text = parse_markup(template.render(ring=ring, translator=presenter.translator))
        if len(text) <= RING_CHARACTERS:
            break
    return Content(text=check_message(text, MESSAGE_CHARACTERS))


def _shown(presenter: Presenter, facts: RingFacts, most: int, word: int, prose: int) -> ShownRing:
    members = facts.members
    chosen = members[:most]
    is_storm = facts.kind is RingKind.STORM
    return ShownRing(
        kind=facts.kind.value,
        mark=worst_mark(members) if members else OVER,
        sign=SIGNS[facts.kind],
        lead=_lead(presenter, facts),
        members=tuple(
            Named(
                host=presenter.text(each.host, word),
                name=presenter.name(each, word),
                severity=presenter.severity(each, word),
            )
            for each in chosen
        ),
        more=presenter.more(len(members) - len(chosen)),
        summary=_summary(presenter, members, prose),
        marks=presenter.marks(members) if is_storm else "",
        firing=presenter.counted_firing(facts.firing) if facts.firing > len(members) else "",
    )


def _lead(presenter: Presenter, facts: RingFacts) -> str:
    count = len(facts.members)
    if facts.kind is RingKind.NEW:
        return presenter.change(count, 0, 0)
    if facts.kind is RingKind.WORSE:
        return presenter.change(0, 0, count)
    if facts.kind is RingKind.REPEAT:
        start = min((each.started_at for each in facts.members), default=facts.at)
        words = presenter.translator.gettext("still firing for %(span)s")
        return words % {"span": presenter.age(start)}
    if facts.kind is RingKind.RESOLVED:
        state = presenter.state(facts.members)
        return presenter.listed([state, presenter.counts(facts.members)]) if count > 1 else state
    critical = sum(each.severity is Severity.CRITICAL for each in facts.members)
    said = (presenter.arrived_lately(count), presenter.critical(critical) if critical else "")
    return presenter.listed(each for each in said if each)


def _summary(presenter: Presenter, members: tuple[Member, ...], prose: int) -> str:
    return presenter.text(members[0].summary, prose) if len(members) == 1 and prose else ""
