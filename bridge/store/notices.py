"""Notices on disk: one message a matter and chat, edited when the matter is over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, update

from bridge.core.audience import Destination
from bridge.core.notices import NoticeFacts, NoticeKind
from bridge.core.outbox import Kind, Priority
from bridge.store.messages import name_matter, put_message, wanted_anew
from bridge.store.tables import messages

_TOLD_AT_THE_END = frozenset({NoticeKind.CHAT_MOVED, NoticeKind.TELEGRAM_WAS_AWAY})


def put_notice(
    connection: Connection, facts: NoticeFacts, destinations: Iterable[Destination], now: datetime
) -> None:
    """Tell chats of a matter, or how it stands now; the matter is its kind, subject and beginning.

    The end of a matter that a chat was never told of is not told either, unless the matter is only
    ever told at its end.
    """
    digest = name_matter(facts.kind.value, facts.subject, facts.since.isoformat())
    for destination in dict.fromkeys(destinations):
        # More than one where a chat that was told has become another that was told.
        known = and_(
            messages.c.digest == digest,
            messages.c.chat_id == destination.chat_id,
            messages.c.thread_id == destination.thread_id,
        )
        again = update(messages).where(known).values(facts=_write(facts), **wanted_anew(now))
        is_told = connection.execute(again).rowcount > 0
        if not is_told and (facts.until is None or facts.kind in _TOLD_AT_THE_END):
            put_message(
                connection,
                Kind.NOTICE,
                destination,
                now,
                priority=Priority.NEW_CRITICAL,
                is_loud=facts.until is None,
                facts=_write(facts),
                digest=digest,
            )


def read_notice(written: Any) -> NoticeFacts:
    """Read a notice's facts from its row."""
    return NoticeFacts(
        kind=NoticeKind(written["kind"]),
        since=datetime.fromisoformat(written["since"]),
        until=datetime.fromisoformat(written["until"]) if written["until"] else None,
        subject=written["subject"],
        reason=written["reason"],
        detail=written["detail"],
        fallback=written["fallback"],
        count=written["count"],
    )


def _write(facts: NoticeFacts) -> dict[str, Any]:
    return {
        "kind": facts.kind.value,
        "since": facts.since.isoformat(),
        "until": facts.until.isoformat() if facts.until else None,
        "subject": facts.subject,
        "reason": facts.reason,
        "detail": facts.detail,
        "fallback": facts.fallback,
        "count": facts.count,
    }
