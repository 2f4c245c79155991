"""The hosts as whoever asks sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.access import visible
from bridge.core.hosts import default_host, find_host
from bridge.core.inventory import Host, Inventory
from bridge.core.promql import Metric
from bridge.core.readings import Condition
from bridge.core.typed import show_word
from bridge.errors import Mistake
from bridge.flows.examine_host import Examined
from bridge.inbound.chat.command import Asked
from bridge.views.standing import write_condition

_CURLY: Final = str.maketrans("“”„‟″", '"""""')


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """The inventory, read anew for each who asks."""

    inventory: Callable[[], Inventory]
    usual: str | None = None
    """The host of a command that names none; else the first."""

    def visible(self, asked: Asked) -> tuple[Host, ...]:
        """Give the hosts that exist for whoever asks."""
        return visible(self.inventory().hosts, asked.actor.scope)

    def find(self, asked: Asked, name: str) -> Host | None:
        """Find the host of exactly this name as it stands now; None where it does not exist."""
        host = self.inventory().find(name)
        return host if host is not None and asked.actor.scope.covers(host) else None

    def choose(self, asked: Asked, word: str | None) -> Host:
        """Find the host that a word means; without one, the usual.

        Raises:
            Mistake: a number is none.
            Missing: there is no such host, or none at all.
            Expired: a button names one that is not there any more.
        """
        scope = asked.actor.scope
        if word is None:
            return default_host(self.inventory(), self.usual, scope)
        if word.isnumeric():
            raise Mistake("%(word)s is no host.", word=show_word(word))
        return find_host(self.inventory(), scope, word)


def tell_warnings(asked: Asked, warnings: Sequence[str]) -> Sequence[str]:
    """Give what Prometheus warns of; who sees a part of the hosts hears of no other, even here."""
    if not warnings or not asked.actor.scope.is_limited:
        return warnings
    return [asked.voice.say("Prometheus says that this may not be all.")]


def tell_trouble(
    asked: Asked, examined: Examined, condition: Condition, metric: Metric | None = None
) -> str:
    """Say why what is known of a host may not be believed, or is not there."""
    return write_condition(
        asked.voice,
        condition,
        host=examined.presence.host.name,
        at=examined.presence.sampled_at,
        since=examined.presence.since,
        seen_at=examined.seen_at,
        title=asked.voice.say(metric.title) if metric else "",
    )


def read_promql(text: str) -> str:
    """Read a query as it was typed; a phone's curly quotes are none of PromQL's."""
    promql = text.strip()
    return promql if '"' in promql else promql.translate(_CURLY)
