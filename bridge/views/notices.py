"""Notices: what the bridge itself has to say to a chat."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment

from bridge.core.formatted import Content
from bridge.core.notices import NoticeFacts
from bridge.core.watchdog import FORGOTTEN
from bridge.limits import MESSAGE_CHARACTERS
from bridge.views.markup import parse_markup
from bridge.views.shown import Presenter
from bridge.views.templates import check_message

_WORD = 200  # characters: a chat's or pipeline's name
_PROSE = 500  # characters: Telegram's own words


@dataclass(frozen=True, kw_only=True)
class ShownNotice:
    """A notice, ready to be read; whatever is not known is empty."""

    kind: str
    """`pipeline_silent`, `chat_broken`, `chat_moved` or `telegram_was_away`."""
    is_over: bool
    since: str
    age: str
    lasted: str
    period: str
    subject: str
    reason: str
    """Why, in words."""
    is_topic: bool
    """Whether it is a topic that cannot be reached, not its chat."""
    is_forgotten: bool
    """Whether it is over only because nobody waits for it any more."""
    detail: str
    fallback: str
    count: int
    alerts: str
    """The count in words."""


def render_notice(environment: Environment, presenter: Presenter, facts: NoticeFacts) -> Content:
    """Render what is wrong, since when, and the way out; or how long it was.

    Raises:
        TemplateFault: the template yields no message.
    """
    presenter.shortened = 0
    until = facts.until
    notice = ShownNotice(
        kind=facts.kind.value,
        is_over=until is not None,
        since=presenter.time(facts.since),
        age=presenter.age(facts.since),
        lasted="" if until is None else presenter.span(facts.since, until),
        period="" if until is None else presenter.period(facts.since, until),
        subject=presenter.text(facts.subject, _WORD),
        reason=presenter.reason(facts.reason),
        is_topic=facts.reason == "topic_gone",
        is_forgotten=facts.detail == FORGOTTEN,
        detail=presenter.text(facts.detail, _PROSE),
        fallback=presenter.text(facts.fallback, _WORD),
        count=facts.count,
        alerts=presenter.alerts(facts.count),
    )
    markup = environment.get_template("notice.j2").render(
        notice=notice, translator=presenter.translator
    )
    text = check_message(parse_markup(markup), MESSAGE_CHARACTERS)
    return Content(text=text, is_whole=not presenter.shortened)
