"""Who comes in: orders of the bridge for this host, each once and in time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from agent import limits
from agent.errors import AgentError
from agent.nonces import Nonces, TooMany
from agent.wire import ORDER, VALID_SECONDS, Garbled, Order, Verify, is_sealed, read_order

REASONS: Final = (
    "altered",
    "garbled",
    "other_host",
    "long_lived",
    "early",
    "late",
    "repeated",
    "not_kept",
)
_log = logging.getLogger(__name__)


class Turned(AgentError):
    """An order was turned away, and nothing of it was done."""

    def __init__(self, reason: str, sentence: str, *, is_one_of_many: bool = False) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.is_one_of_many = is_one_of_many
        """Whether so many were turned away just now that no reason is given any more."""


class Gate:
    """Lets orders in.

    However many are turned away, a good order is never: checking a signature costs less than
    counting who sends what. What is bounded is what refusing costs: sentences and log lines.
    """

    def __init__(
        self,
        host: str,
        *,
        verify: Verify,
        nonces: Nonces,
        clock: Callable[[], float],
        count: Callable[[str], None],
    ) -> None:
        self._host = host
        self._verify = verify
        self._nonces = nonces
        self._clock = clock
        self._count = count
        self._since = -limits.REFUSALS_SECONDS
        self._refused = 0

    async def admit(self, body: bytes, signature: str) -> Order:
        """Take an order's exact bytes and signature; it is noted for good when this returns.

        Raises:
            Turned: it is not one that this host may act on.
        """
        now = self._clock()
        try:
            order = self._read(body, signature, now)
            await self._note(order, now)
        except Turned as turned:
            raise self._limit(turned, now) from None
        return order

    def _read(self, body: bytes, signature: str, now: float) -> Order:
        """Nothing of the bytes is looked at before their signature is found good."""
        if not is_sealed(ORDER, body, signature, self._verify):
            raise Turned("altered", "this is not an order that the bridge signed")
        try:
            order = read_order(body)
        except Garbled as fault:
            raise Turned("garbled", str(fault)) from None
        if order.host != self._host:
            raise Turned("other_host", "the order is for another host")
        if not 0 < order.expires - order.issued <= VALID_SECONDS:
            raise Turned("long_lived", f"an order is valid for {VALID_SECONDS:g} s at most")
        if now < order.issued - limits.CLOCKS_APART_SECONDS:
            ahead = order.issued - now
            raise Turned("early", f"the order is {ahead:.0f} s ahead of this host's clock")
        if now >= order.expires:
            late = now - order.expires
            raise Turned("late", f"the order expired {late:.0f} s ago by this host's clock")
        return order

    async def _note(self, order: Order, now: float) -> None:
        try:
            is_first = await self._nonces.take(order.nonce, expires=order.expires, now=now)
        except TooMany as fault:
            raise Turned("not_kept", str(fault)) from None
        except OSError as fault:
            reason = (fault.strerror or type(fault).__name__).lower()
            _log.error("an order cannot be noted, so it does not run: %s", reason)
            raise Turned("not_kept", f"this host cannot note the order ({reason})") from None
        if not is_first:
            raise Turned("repeated", "the order was used already, or could have been")

    def _limit(self, turned: Turned, now: float) -> Turned:
        self._count(turned.reason)
        if not 0 <= now - self._since < limits.REFUSALS_SECONDS:
            self._since, self._refused = now, 0
        self._refused += 1
        if self._refused > limits.REFUSALS_ANSWERED:
            return Turned(turned.reason, "too many refusals", is_one_of_many=True)
        _log.warning("an order was turned away (%s): %s", turned.reason, turned.sentence)
        return turned
