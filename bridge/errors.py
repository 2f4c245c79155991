"""Everything that can go wrong, as one tree.

    BridgeError                      safe to show to a person
    ├─ Mistake                       the words make no sense            400
    ├─ Missing                       no such host, chart, person …      404
    ├─ Refused                       understood, not granted
    │  ├─ NotAllowed                 who asks may not                   401
    │  ├─ Expired                    what was asked for is too old      410
    │  └─ TooNew                     a later version has written it
    ├─ TooMuch                       a bound in limits was reached      413
    └─ Outage(party, reason)         someone we need failed             503
       ├─ Late                       it did not answer in time          503
       └─ Unanswered                 it was asked; nobody knows more    503
    SettingsError (bridge.settings)  start only; exit code 2, or 75 if it may pass

The sentence of an error is written for the person who meets it: what is wrong, and what would be
right. Its words are a message of the catalogues and the values that go into it, so that a chat
reads it in its own language. Foreign exceptions are translated in `clients` and `store`, never
elsewhere.
"""

from __future__ import annotations


class BridgeError(Exception):
    """A failure that may be told to whoever caused or met it."""

    def __init__(self, message: str = "", **values: object) -> None:
        super().__init__(message % values if values else message)
        self.message = message or (type(self).__doc__ or "").splitlines()[0]
        self.values = values

    @property
    def sentence(self) -> str:
        """What a person reads: the message given, else the class's own first line."""
        return str(self) or self.message


class Mistake(BridgeError):
    """What was sent cannot be understood."""


class Missing(BridgeError):
    """There is nothing of that name."""


class Refused(BridgeError):
    """The request is understood and not granted."""


class NotAllowed(Refused):
    """Whoever asks has not shown the right to do so."""


class Expired(Refused):
    """What was asked for is too old."""


class TooNew(Refused):
    """A later version of this program has written what is there."""


class TooMuch(BridgeError):
    """The request is larger than we accept."""


class Outage(BridgeError):
    """A party we depend on did not do its part; trying again later may work."""

    def __init__(self, party: str, reason: str) -> None:
        super().__init__(f"{party}: {reason}")
        self.party = party
        self.reason = reason


class Late(Outage):
    """A party we depend on did not answer in time."""


class Unanswered(Outage):
    """A party was asked and did not say what became of it; it may have been done."""
