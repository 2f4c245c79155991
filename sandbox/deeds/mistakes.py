"""What the control API answers when it cannot do as asked."""

from __future__ import annotations


class Mistake(Exception):
    """A control call that makes no sense, with a sentence that says why."""

    status = 400


class Missing(Mistake):
    """A control call about something that is not there."""

    status = 404
