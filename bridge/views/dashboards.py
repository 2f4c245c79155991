"""Where a person's Grafana shows more: the shipped dashboards, at the right panel and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from bridge.core.cards import Member
from bridge.core.promql import CPU, DISK, LOAD, MEMORY, METRICS, NETWORK, SWAP
from bridge.logs import create_log
from bridge.views.links import canonical_link

FLEET: Final = "opswire-fleet/fleet"
HOST: Final = "opswire-host/host"
ITSELF: Final = "opswire-bridge/opswire"
"""The identity of each dashboard, and the word behind it in its address."""
PANELS: Final = {
    CPU.key: 21,
    LOAD.key: 22,
    MEMORY.key: 23,
    SWAP.key: 23,
    DISK.key: 31,
    NETWORK.key: 41,
}
"""The panel of the host's dashboard that draws a metric; the numbers are those of its file."""
_LEAST_AROUND: Final = timedelta(minutes=15)  # chosen: what came before an alert explains it
_MOST_AROUND: Final = timedelta(hours=6)  # chosen: before and after an alert of weeks
_LATELY: Final = timedelta(hours=1)
_BY_RESOURCE: Final = {each.resource: each.key for each in METRICS.values() if each.resource}
_MILLISECOND: Final = timedelta(milliseconds=1)
_log = create_log(__name__)


@dataclass(frozen=True)
class Dashboards:
    """A person's Grafana; addresses are empty where there is none, or Telegram takes no link."""

    address: str = ""
    """As `GRAFANA_URL` says; empty for none."""

    def find_member(self, member: Member) -> str:
        """Give the panel of what an alert is about, around the time it fired."""
        host = member.labels.get("host", "")
        if not host:
            return ""
        about = member.labels.get("resource", "")
        key = _BY_RESOURCE.get(about, about)
        return self._find(HOST, _around([member]), host=host, panel=PANELS.get(key))

    def find_members(self, members: Sequence[Member]) -> str:
        """Give the dashboard of the one host of many alerts, else that of all hosts."""
        hosts = {each.labels.get("host", "") for each in members} - {""}
        if not hosts:
            return ""
        if len(hosts) > 1:
            return self._find(FLEET, _around(members))
        return self._find(HOST, _around(members), host=hosts.pop())

    def find_metric(self, host: str, key: str, start: datetime, end: datetime) -> str:
        """Give the panel of a metric of a host, over the time of a picture."""
        return self._find(HOST, (_write(start), _write(end)), host=host, panel=PANELS.get(key))

    def find_host(self, host: str, key: str = "") -> str:
        """Give a host's dashboard as it is now, or its panel of a metric."""
        return self._find(HOST, _lately(), host=host, panel=PANELS.get(key))

    def find_fleet(self) -> str:
        """Give the dashboard of all hosts as it is now."""
        return self._find(FLEET, _lately())

    def find_itself(self) -> str:
        """Give the dashboard of Opswire itself as it is now."""
        return self._find(ITSELF, _lately())

    def _find(
        self, where: str, times: tuple[str, str], *, host: str = "", panel: int | None = None
    ) -> str:
        if not self.address:
            return ""
        # A host of somebody else's alert may be anything that JSON can write.
        chosen = f"var-host={quote(host, safe='', errors='replace')}&" if host else ""
        alone = "" if panel is None else f"&viewPanel={panel}"
        start, end = times
        url = f"{self.address.rstrip('/')}/d/{where}?{chosen}from={start}&to={end}{alone}"
        return canonical_link(url) or ""


NO_DASHBOARDS: Final = Dashboards()


def find_dashboards(address: str | None) -> Dashboards:
    """Find a person's Grafana; say so where nobody in a chat could follow a link to it."""
    if address and canonical_link(address) is None:
        _log.warning(
            "Telegram makes no links to GRAFANA_URL, so there are none: its host needs a dot,"
            " or is an IP address",
            action="dashboards",
            url=address,
        )
        return NO_DASHBOARDS
    return Dashboards(address or "")


def _around(members: Sequence[Member]) -> tuple[str, str]:
    """Choose a time that shows alerts and what was before and after; what fires goes on to now."""
    start = min(each.started_at for each in members)
    ends = [each.ended_at for each in members if each.ended_at is not None]
    if len(ends) < len(members):
        return _write(start, -_LEAST_AROUND), "now"
    margin = min(max((max(ends) - start) / 2, _LEAST_AROUND), _MOST_AROUND)
    return _write(start, -margin), _write(max(ends), margin)


def _lately() -> tuple[str, str]:
    return f"now-{_LATELY // timedelta(hours=1)}h", "now"


def _write(at: datetime, more: timedelta = timedelta(0)) -> str:
    """Write a moment as Grafana reads it; a clock may say anything."""
    return str(max(0, int(at.timestamp() * 1000) + more // _MILLISECOND))
