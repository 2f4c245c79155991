"""Everything that can go wrong, as one tree.

    BridgeError                      safe to show to a person
    ├─ Mistake                       the words make no sense            400
    ├─ Refused                       understood, not granted
    │  └─ NotAllowed                 who asks may not                   401
    ├─ TooMuch                       a bound in limits was reached      413
    └─ Outage(party, reason)         someone we need failed             503
    SettingsError (bridge.settings)  start only; exit code 2

The sentence of an error is written for the person who meets it: what is wrong, and what would be
right. Foreign exceptions are translated in `clients` and `store`, never elsewhere.
"""

from __future__ import annotations


class BridgeError(Exception):
    """A failure that may be told to whoever caused or met it."""

    @property
    def sentence(self) -> str:
        """What a person reads: the message given, else the class's own first line."""
        return str(self) or (type(self).__doc__ or "").splitlines()[0]


class Mistake(BridgeError):
    """What was sent cannot be understood."""


class Refused(BridgeError):
    """The request is understood and not granted."""


class NotAllowed(Refused):
    """Whoever asks has not shown the right to do so."""


class TooMuch(BridgeError):
    """The request is larger than we accept."""


class Outage(BridgeError):
    """A party we depend on did not do its part; trying again later may work."""

    def __init__(self, party: str, reason: str) -> None:
        super().__init__(f"{party}: {reason}")
        self.party = party
        self.reason = reason
