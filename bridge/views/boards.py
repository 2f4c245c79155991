"""Boards: a storm in one caption, with the whole list as its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment

from bridge.core.alerts import Severity
from bridge.core.boards import BoardFacts, BoardState
from bridge.core.cards import Member
from bridge.core.formatted import Content
from bridge.limits import CAPTION_CHARACTERS
from bridge.views.markup import parse_markup
from bridge.views.shown import Presenter
from bridge.views.templates import check_message, is_sendable
from bridge.views.words import mark_of, read_severity, worst_mark


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One step of the ladder of a board."""

    causes: int
    hosts: int
    newest: int
    word: int
    """The longest name or host, in characters."""


LADDER: Final = tuple(
    Rung(causes=causes, hosts=hosts, newest=newest, word=word)
    for causes, hosts, newest, word in (
        *((10, 10, 5, 48), (8, 8, 4, 48), (6, 6, 3, 40), (5, 5, 2, 32), (4, 4, 2, 32)),
        *((3, 3, 1, 32), (2, 2, 1, 24), (1, 1, 1, 24), (1, 0, 0, 24), (0, 0, 0, 24)),
    )
)
"""From many lines to the counts alone; the first step that fits is sent."""
_RANKS: Final = {severity: severity.rank for severity in Severity}


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What many alerts have in common: their name, or their host."""

    mark: str
    """That of the worst of them."""
    name: str
    count: str


@dataclass(frozen=True, kw_only=True)
class Newest:
    """An alert that began to fire lately."""

    mark: str
    time: str
    host: str
    name: str


@dataclass(frozen=True, kw_only=True)
class ShownBoard:
    """A board, ready to be read."""

    state: str
    """`storm`, `after` or `closed`."""
    mark: str
    counts: str
    since: str
    age: str
    period: str
    """From when to when the wave lasted; empty while it lasts."""
    arrived: str
    marks: str
    causes: tuple[Cause, ...]
    more_causes: str
    hosts: tuple[Cause, ...]
    more_hosts: str
    newest: tuple[Newest, ...]
    dashboard: str
    """The address of Grafana's dashboard; empty where there is none, or no link to it."""
    now: str


def render_board(environment: Environment, presenter: Presenter, facts: BoardFacts) -> Content:
    """Render a storm's caption on the first rung that fits; its file leaves nothing out.

    Raises:
        TemplateFault: the template yields no caption.
    """
    template = environment.get_template("board.j2")
    summary = Summary(presenter, facts)
    for rung in LADDER:
        board = _shown(presenter, facts, summary, rung)
        text = parse_markup(template.render(board=board, translator=presenter.translator))
        if is_sendable(text, CAPTION_CHARACTERS):
            break
    return Content(text=check_message(text, CAPTION_CHARACTERS))


class Summary:
    """What is to be seen of a storm from afar, counted once."""

    def __init__(self, presenter: Presenter, facts: BoardFacts) -> None:
        telling = facts.firing or facts.members
        self.counts = presenter.counts(facts.members)
        self.mark = worst_mark(facts.members)
        self.marks = presenter.marks(facts.members)
        self.causes = sorted(
            _grouped(telling, lambda member: member.name),
            key=lambda group: (_rank(group[0]), -len(group)),
        )
        self.hosts = sorted(
            _grouped(telling, lambda member: member.host),
            key=lambda group: (-len(group), _rank(group[0])),
        )
        self.dashboard = presenter.dashboards.find_members(facts.members)
        self.newest = sorted(facts.firing, key=lambda member: member.started_at, reverse=True)


def _grouped(members: Sequence[Member], key: Callable[[Member], str]) -> list[Sequence[Member]]:
    """Put together what has the same name or host, each group's worst first."""
    groups: dict[str, list[Member]] = {}
    for member in members:
        name = key(member)
        if name:
            groups.setdefault(name, []).append(member)
    return [sorted(group, key=_rank) for group in groups.values()]


def _rank(member: Member) -> int:
    return _RANKS[read_severity(member.severity_word)]


def _shown(presenter: Presenter, facts: BoardFacts, summary: Summary, rung: Rung) -> ShownBoard:
    is_storm = facts.state is BoardState.STORM or facts.over_at is None
    over_at = facts.over_at or presenter.now
    count = presenter.translator.render_count
    return ShownBoard(
        state=facts.state.value,
        mark=summary.mark,
        counts=summary.counts,
        since=presenter.time(facts.opened_at),
        age=presenter.age(facts.opened_at),
        period="" if is_storm else presenter.period(facts.opened_at, over_at),
        arrived=presenter.alerts(facts.arrived),
        marks=summary.marks,
        causes=tuple(
            Cause(
                mark=mark_of(each[0]),
                name=presenter.name(each[0], rung.word),
                count=count(len(each)),
            )
            for each in summary.causes[: rung.causes]
        ),
        more_causes=presenter.more(len(summary.causes) - rung.causes),
        hosts=tuple(
            Cause(
                mark=mark_of(each[0]),
                name=presenter.text(each[0].host, rung.word),
                count=count(len(each)),
            )
            for each in summary.hosts[: rung.hosts]
        ),
        more_hosts=presenter.more(len(summary.hosts) - rung.hosts),
        newest=tuple(_newest(presenter, each, rung) for each in summary.newest[: rung.newest]),
        dashboard=summary.dashboard,
        now=presenter.time(presenter.now),
    )


def _newest(presenter: Presenter, member: Member, rung: Rung) -> Newest:
    return Newest(
        mark=mark_of(member),
        time=presenter.time(member.started_at),
        host=presenter.text(member.host, rung.word),
        name=presenter.name(member, rung.word),
    )
