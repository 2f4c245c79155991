"""The bridge between Prometheus, Alertmanager and Telegram.

The rooms, walked from left to right:

    inbound   who comes in: web, chat, the clock
    flows     the stories, one verb phrase a file
    core      decides; pure, standard library only
    views     shows: facts and a language become text
    store     remembers; SQLAlchemy lives here
    clients   calls others: Telegram, Prometheus, Alertmanager

`app` is the only module that knows them all. `tests/house` enforces who may import whom.
"""

from __future__ import annotations

__version__ = "0.1.0"
