"""Webhook bodies as Alertmanager writes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.fakes.clock import NOON

ZERO = "0001-01-01T00:00:00Z"


def alert(
    name: str = "AgentDown",
    *,
    host: str = "web-1",
    ends: datetime | None = None,
    starts: datetime = NOON,
    severity: str = "critical",
    **annotations: str,
) -> dict[str, Any]:
    """Write one member; with `ends` it is resolved."""
    return {
        "status": "resolved" if ends else "firing",
        "labels": {"alertname": name, "host": host, "severity": severity},
        "annotations": {"summary": f"{host}: {name}", **annotations},
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat() if ends else ZERO,
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up",
        "fingerprint": "0123456789abcdef",
    }


def webhook(*alerts: object, group: str = "web-1", **fields: object) -> dict[str, Any]:
    """Write a whole body."""
    return {
        "version": "4",
        "groupKey": f'{{}}:{{host="{group}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "bridge",
        "groupLabels": {"host": group},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": list(alerts),
        **fields,
    }
