"""Alerts and moments that the tests of every kind of message share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bridge.core.cards import Ending, Member
from bridge.core.formatted import Content
from bridge.core.outbox import Facts, Form
from bridge.views.renderer import MessageRenderer

NOW = datetime(2026, 11, 20, 14, 6, 22, tzinfo=UTC)
SINCE = NOW - timedelta(minutes=4, seconds=12)


def alert(
    host: str = "web-1",
    name: str = "AgentDown",
    severity: str = "critical",
    *,
    ended_at: datetime | None = None,
    ending: Ending | None = None,
    started_at: datetime = SINCE,
    **labels: str,
) -> Member:
    """Make an alert as a rule of ours sends it."""
    return Member(
        labels={"alertname": name, "host": host, "severity": severity, **labels},
        annotations={"summary": f"{host} does not answer"},
        started_at=started_at,
        ended_at=ended_at,
        ending=ending,
    )


def show(
    renderer: MessageRenderer, facts: Facts, language: str = "en", form: Form = Form.FORMATTED
) -> Content:
    """Render as of now."""
    return renderer.render(facts, form, language=language, zone=UTC, now=NOW)


def lines(
    renderer: MessageRenderer, facts: Facts, language: str = "en", form: Form = Form.FORMATTED
) -> list[str]:
    """Render as of now and give the text's lines."""
    return show(renderer, facts, language, form).text.text.splitlines()
