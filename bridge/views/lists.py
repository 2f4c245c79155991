"""Lists: the whole text of a card as a file, with a caption."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from jinja2 import Environment

from bridge.core.cards import CardFacts, ListFacts, Member
from bridge.core.formatted import Attachment, Content
from bridge.limits import CAPTION_CHARACTERS, FILE_BYTES
from bridge.views.markup import legible, parse_markup
from bridge.views.shown import OWN_PLACE, Presenter
from bridge.views.templates import check_message
from bridge.views.words import MUTED, mark_of, worst_mark

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 40  # characters: a phone shows no more of a file's name
_INDENT: Final = "\n    "


def render_list(environment: Environment, presenter: Presenter, facts: ListFacts) -> Content:
    """Render the caption of a card's whole text.

    Raises:
        TemplateFault: the template yields no caption.
    """
    card = facts.card
    markup = environment.get_template("list.j2").render(
        translator=presenter.translator,
        mark=worst_mark(card.members),
        alerts=presenter.alerts(len(card.members)),
        counts=presenter.counts(card.members),
        now=presenter.time(presenter.now),
    )
    return Content(text=check_message(parse_markup(markup), CAPTION_CHARACTERS))


def write_list(presenter: Presenter, facts: ListFacts) -> Attachment:
    """Write every alert of a card with all that is known of it; nothing is shortened."""
    card = facts.card
    blocks = ["\n".join(_head(presenter, card))]
    blocks.extend("\n".join(_lines(presenter, member)) for member in card.members)
    return Attachment(name=name_file(_subject(card)), content=encode("\n\n".join(blocks) + "\n"))


def name_file(subject: str) -> str:
    """Name a file after what it is about, in characters every system takes."""
    safe = _UNSAFE.sub("-", subject)[:_LONGEST_NAME].strip("-._")
    return f"alerts-{safe}.txt" if safe else "alerts.txt"


def encode(text: str) -> bytes:
    """Write a file's bytes; what Telegram would not take is left out and counted."""
    content = text.encode()
    if len(content) <= FILE_BYTES:
        return content
    kept = content[:FILE_BYTES].decode(errors="ignore")
    return f"{kept}\n… (+{len(content) - len(kept.encode())} B)\n".encode()


def _head(presenter: Presenter, card: CardFacts) -> Iterator[str]:
    gettext = presenter.translator.gettext
    now = gettext("as of %(time)s") % {"time": presenter.time(presenter.now)}
    group, receiver = gettext("group"), gettext("receiver")
    yield f"{worst_mark(card.members)} {presenter.state(card.members)}"
    yield f"{presenter.alerts(len(card.members))}: {presenter.counts(card.members)} · {now}"
    if card.truncated:
        yield presenter.truncated(card.truncated)
    changed = presenter.changed(card)
    if changed:
        yield f"↻ {changed}"
    if card.group_labels:
        yield f"{group}:"
        yield from _pairs(card.group_labels)
    if card.receiver:
        yield f"{receiver}: {_block(card.receiver)}"
    if card.source:
        yield f"Alertmanager: {_block(card.source)}"


def _lines(presenter: Presenter, member: Member) -> Iterator[str]:
    gettext = presenter.translator.gettext
    labels, annotations, query = gettext("labels"), gettext("annotations"), gettext("Query")
    name = legible(member.name) if member.labels.get("alertname") else gettext("Unknown alert")
    parts = [name.replace("\n", " "), legible(member.host).replace("\n", " ")]
    yield f"{mark_of(member)} {' · '.join(part for part in parts if part)}"
    yield f"  {' · '.join(_when(presenter, member))}"
    if member.labels:
        yield f"  {labels}:"
        yield from _pairs(member.labels, first=OWN_PLACE)
    if member.annotations:
        yield f"  {annotations}:"
        yield from _pairs(member.annotations)
    if member.generator_url:
        yield f"  {query}: {_block(member.generator_url)}"
    dashboard = presenter.dashboards.find_member(member)
    if dashboard:
        yield f"  {gettext('Dashboard')}: {dashboard}"


def _when(presenter: Presenter, member: Member) -> Iterator[str]:
    severity = presenter.severity(member, _LONGEST_NAME)
    if severity:
        yield severity
    muting = presenter.muting(member)
    if muting:
        yield f"{MUTED} {muting}"
    if member.ended_at is None:
        yield presenter.since(member.started_at)
        return
    ending = presenter.ending(member)
    if ending:
        yield ending
    yield presenter.lasted(member)
    yield presenter.period(member.started_at, member.ended_at)


def _pairs(values: Mapping[str, str], first: frozenset[str] = frozenset()) -> Iterator[str]:
    for name in sorted(values, key=lambda name: (name not in first, name)):
        yield f"    {legible(name)} = {_block(values[name])}"


def _block(value: str) -> str:
    """Set the further lines of a text further in."""
    return legible(value).replace("\n", f"{_INDENT}    ")


def _subject(card: CardFacts) -> str:
    """Say in a word or two what a card is about: its one host, else its one alert."""
    for values in ({each.host for each in card.members}, {each.name for each in card.members}):
        if len(values) == 1 and _UNSAFE.sub("", next(iter(values))):
            return next(iter(values))
    return ""
