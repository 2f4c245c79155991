"""Webhook bodies as Alertmanager writes them, quick enough to make that they cost a load nothing.

A body of many alerts is written once; each further one differs by a number put in its place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

ZERO = "0001-01-01T00:00:00Z"
ALERTMANAGER = "http://alertmanager.example:9093"
PROMETHEUS = "http://prometheus.example:9090/graph?g0.expr=node_filesystem_avail_bytes&g0.tab=1"
_NUMBER, _STARTED, _ENDED = "@@@@@@@@", "@STARTED@", "@ENDED@"  # stand for what differs


def write_member(
    labels: Mapping[str, str], annotations: Mapping[str, str], *, started: str, ended: str = ""
) -> dict[str, Any]:
    """Write one alert; with `ended` it is resolved."""
    digest = hashlib.sha256(json.dumps(dict(labels), sort_keys=True).encode()).hexdigest()
    return {
        "status": "resolved" if ended else "firing",
        "labels": dict(labels),
        "annotations": dict(annotations),
        "startsAt": started,
        "endsAt": ended or ZERO,
        "generatorURL": PROMETHEUS,
        "fingerprint": digest[:16],
    }


def write_webhook(host: str, members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write a whole body for the group of a host."""
    firing = any(member["status"] == "firing" for member in members)
    return {
        "receiver": "chat",
        "status": "firing" if firing else "resolved",
        "alerts": list(members),
        "groupLabels": {"host": host},
        "commonLabels": {"host": host},
        "commonAnnotations": {},
        "externalURL": ALERTMANAGER,
        "version": "4",
        "groupKey": f'{{}}:{{host="{host}"}}',
        "truncatedAlerts": 0,
    }


def write_moment(epoch: float) -> str:
    """Write a moment as Alertmanager does."""
    return datetime.fromtimestamp(epoch, UTC).isoformat().replace("+00:00", "Z")


class Batches:
    """Bodies of so many alerts each, a group a number, all alike but for number and times."""

    def __init__(self, alerts: int) -> None:
        self._firing = self._write(alerts, "")
        self._resolved = self._write(alerts, _ENDED)

    def firing(self, number: int, started: float) -> bytes:
        """Write the group of that number, with everything firing since then."""
        return self._fill(self._firing, number, started, started)

    def resolved(self, number: int, started: float, ended: float) -> bytes:
        """Write the same group with everything over."""
        return self._fill(self._resolved, number, started, ended)

    def _fill(self, body: bytes, number: int, started: float, ended: float) -> bytes:
        for mark, value in (
            (_NUMBER, f"{number:08}"),
            (_STARTED, write_moment(started)),
            (_ENDED, write_moment(ended)),
        ):
            body = body.replace(mark.encode(), value.encode())
        return body

    def _write(self, alerts: int, ended: str) -> bytes:
        host = f"web-{_NUMBER}"
        members = [
            write_member(
                {
                    "alertname": "AgentHighDisk",
                    "feed": "node",
                    "host": host,
                    "instance": f"{host}.example:9100",
                    "job": "node",
                    "mountpoint": f"/srv/disk-{count:02}",
                    "resource": "disk",
                    "severity": "critical" if count % 20 == 0 else "warning",
                },
                {
                    "summary": f"{host}: disk {count:02} is 91 % full",
                    "description": f"/srv/disk-{count:02} of {host} has 4.2 GB left and lost 1.1 GB"
                    " in the last hour.",
                    "runbook_url": "https://runbooks.example/AgentHighDisk",
                },
                started=_STARTED,
                ended=ended,
            )
            for count in range(alerts)
        ]
        return json.dumps(write_webhook(host, members), separators=(",", ":")).encode()
