from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from deploy.stack.folder import StackFault
from deploy.stack.trial import count_deliveries, first_host, render_alert

OLD = """\
alertmanager_notifications_total{integration="email"} 9
alertmanager_notifications_total{integration="webhook"} 5
alertmanager_notifications_failed_total{integration="webhook"} 2
"""
# Newer ones tell receivers and reasons apart.
RECENT = """\
alertmanager_notifications_total{integration="webhook",receiver_name="a"} 5
alertmanager_notifications_total{integration="webhook",receiver_name="b"} 1
alertmanager_notifications_failed_total{integration="webhook",reason="serverError"} 1
alertmanager_notifications_failed_total{integration="webhook",reason="other"} 2
"""


@pytest.mark.parametrize("text", [OLD, RECENT])
def test_deliveries_are_those_that_did_not_fail(text: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    with httpx.Client(transport=transport) as client:
        assert count_deliveries(client, "http://am") == 3


def test_an_alertmanager_that_is_away_is_one_sentence() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    client = httpx.Client(transport=httpx.MockTransport(refuse))
    with client, pytest.raises(StackFault, match="does not answer"):
        count_deliveries(client, "http://am")


def test_a_test_alert_says_that_it_is_one_and_ends_when_told() -> None:
    began = datetime(2030, 1, 1, tzinfo=UTC)
    alert = render_alert("web-1", "warning", began=began, ended=began)
    assert alert["endsAt"] == began.isoformat()
    assert "test" in str(alert["annotations"])
    running = render_alert("web-1", "warning", began=began, ended=None)
    assert running["endsAt"] == "2030-01-01T00:10:00+00:00"
    assert running["labels"] == alert["labels"]


def test_the_first_host_bears_the_test(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    path.write_text("# ours\nweb-1 10.0.0.1:9100\ndb 10.0.0.2:9100\n")
    assert first_host(path) == "web-1"
    path.write_text("# nobody\n")
    with pytest.raises(StackFault, match="names no host"):
        first_host(path)
