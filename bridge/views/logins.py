"""Logins on hosts, as a chat is told of them."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment

from bridge.core.formatted import Content
from bridge.core.logins import LoginFacts, LoginKind
from bridge.limits import MESSAGE_CHARACTERS
from bridge.views.markup import parse_markup
from bridge.views.shown import Presenter
from bridge.views.templates import check_message

_WORD = 100  # characters: a host, a name, an address


@dataclass(frozen=True, kw_only=True)
class ShownLogin:
    """An event, ready to be read; whatever is not known is empty."""

    kind: str
    """`login`, `logout`, `failure` or `sudo`."""
    host: str
    user: str
    address: str
    method: str
    whom: str
    """As whom somebody acts."""
    time: str
    lasted: str
    """How long somebody was there."""
    period: str
    failed: str
    """How many failures, in words."""
    is_many: bool
    """Whether `user` and `address` are only those that came up most."""
    names: str
    """How many names and addresses were tried, in words."""


def render_login(environment: Environment, presenter: Presenter, facts: LoginFacts) -> Content:
    """Render who, where from and when.

    Raises:
        TemplateFault: the template yields no message.
    """
    presenter.shortened = 0
    spans = facts.last > facts.first
    method, _, whom = facts.method.partition(" ")
    login = ShownLogin(
        kind=facts.kind.value,
        host=presenter.text(facts.host, _WORD),
        user=presenter.text(facts.user, _WORD),
        address=presenter.text(facts.address, _WORD),
        method=presenter.text(method, _WORD),
        whom=presenter.text(whom, _WORD),
        time=presenter.time(facts.last),
        lasted=presenter.span(facts.first, facts.last) if spans else "",
        period=presenter.period(facts.first, facts.last) if spans else "",
        failed=_failed(presenter, facts.count),
        is_many=facts.kind is LoginKind.FAILURE and (facts.users > 1 or facts.addresses > 1),
        names=_names(presenter, facts),
    )
    markup = environment.get_template("login.j2").render(
        login=login, translator=presenter.translator
    )
    text = check_message(parse_markup(markup), MESSAGE_CHARACTERS)
    return Content(text=text, is_whole=not presenter.shortened)


def _failed(presenter: Presenter, count: int) -> str:
    words = presenter.translator.ngettext(
        "%(count)s failed login", "%(count)s failed logins", count
    )
    return words % {"count": presenter.translator.render_count(count)}


def _names(presenter: Presenter, facts: LoginFacts) -> str:
    ngettext, count = presenter.translator.ngettext, presenter.translator.render_count
    names = ngettext("%(count)s name", "%(count)s names", facts.users)
    addresses = ngettext("%(count)s address", "%(count)s addresses", facts.addresses)
    said = (names % {"count": count(facts.users)}, addresses % {"count": count(facts.addresses)})
    return presenter.listed(said)
