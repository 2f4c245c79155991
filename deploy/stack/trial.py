"""Send a test alert the way a real one goes, and its end."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bridge.core.inventory import InventoryError, parse_inventory
from bridge.settings import read_environment
from deploy.stack.credentials import find_credentials
from deploy.stack.folder import Folder, StackFault
from deploy.stack.preparation import load_settings
from deploy.stack.voice import Voice

SEVERITIES = ("critical", "warning", "info")
# group_wait is 10 s for a new group; a group that exists already waits group_interval, 30 s.
DELIVERY_SECONDS = 75
LOOK_SECONDS = 0.5
NOTIFIED = re.compile(
    r'^alertmanager_notifications_(failed_)?total\{[^}]*integration="webhook"[^}]*\}\s+(\S+)',
    re.MULTILINE,
)


def send_test_alert(folder: Folder, severity: str, voice: Voice) -> int:
    """Fire TestAlert, wait until the bridge took it, end it, wait again."""
    record = folder.require_record()
    if not record.urls:
        raise StackFault("this host is only measured; send the test where the alerts are")
    url, inventory = record.urls["ALERTMANAGER_URL"], Path(record.agents_file)
    return send_alert(url, inventory, severity, voice=voice, root=folder.root)


def send_alert(urls: str, inventory: Path, severity: str, *, voice: Voice, root: Path) -> int:
    """Give TestAlert to the first Alertmanager and see it through."""
    base = urls.split(",", 1)[0].strip().rstrip("/")
    auth = find_credentials(load_settings(read_environment(root)), "alertmanager")
    host = first_host(inventory)
    began = datetime.fromtimestamp(time.time(), tz=UTC)
    with httpx.Client(timeout=10, trust_env=False, auth=auth) as client:
        voice.say(f"TestAlert ({severity}) for {host} goes to Alertmanager at {base}")
        before = count_deliveries(client, base)
        post_alert(client, base, render_alert(host, severity, began=began, ended=None))
        wait_for_delivery(client, base, before)
        voice.say("the bridge has it on disk: its card appears as soon as Telegram takes it")
        before = count_deliveries(client, base)
        ended = datetime.fromtimestamp(time.time(), tz=UTC)
        post_alert(client, base, render_alert(host, severity, began=began, ended=ended))
        voice.say("its end is on the way (Alertmanager tells changes every 30 s)")
        wait_for_delivery(client, base, before)
    voice.say("the bridge has its end: the same card is edited to say that it is over")
    return 0


def first_host(inventory: Path) -> str:
    """Name the inventory's first host."""
    try:
        hosts = parse_inventory(inventory.read_text("utf-8", "surrogateescape")).hosts
    except (OSError, InventoryError) as error:
        raise StackFault(f"{inventory.name} cannot be read: {error}") from None
    if not hosts:
        raise StackFault(f"{inventory.name} names no host yet")
    return hosts[0].name


def render_alert(
    host: str, severity: str, *, began: datetime, ended: datetime | None
) -> dict[str, object]:
    """Write the alert as Alertmanager's API takes it."""
    until = ended or began + timedelta(minutes=10)
    return {
        "labels": {"alertname": "TestAlert", "severity": severity, "host": host, "test": "true"},
        "annotations": {
            "summary": f"{host}: this is a test, nothing is wrong",
            "description": "Sent by ./start.sh test-alert to show the way of an alert.",
        },
        "startsAt": began.isoformat(),
        "endsAt": until.isoformat(),
    }


def post_alert(client: httpx.Client, base: str, alert: dict[str, object]) -> None:
    """Give an alert to Alertmanager."""
    try:
        client.post(f"{base}/api/v2/alerts", json=[alert]).raise_for_status()
    except httpx.HTTPStatusError as error:
        raise StackFault(refusal(error)) from None
    except httpx.HTTPError as error:
        raise StackFault(
            f"Alertmanager does not take the alert ({type(error).__name__}); ./start.sh doctor"
        ) from None


def count_deliveries(client: httpx.Client, base: str) -> float:
    """Count what Alertmanager's webhooks delivered so far, by its own account."""
    try:
        text = client.get(f"{base}/metrics").raise_for_status().text
    except httpx.HTTPStatusError as error:
        raise StackFault(refusal(error)) from None
    except httpx.HTTPError:
        raise StackFault("Alertmanager does not answer; ./start.sh status says more") from None
    return sum(
        -float(match[2]) if match[1] else float(match[2]) for match in NOTIFIED.finditer(text)
    )


def refusal(error: httpx.HTTPStatusError) -> str:
    """Say in words that Alertmanager did not do what it was asked."""
    code = error.response.status_code
    if code in {401, 403}:
        return "Alertmanager refuses us; set ALERTMANAGER_USER and ALERTMANAGER_PASSWORD"
    return f"Alertmanager refuses with {code}; is ALERTMANAGER_URL the right address?"


def wait_for_delivery(client: httpx.Client, base: str, before: float) -> None:
    """Wait until one more delivery succeeded."""
    deadline = time.monotonic() + DELIVERY_SECONDS
    while count_deliveries(client, base) <= before:
        if time.monotonic() > deadline:
            raise StackFault(
                f"the bridge did not take it within {DELIVERY_SECONDS} seconds;"
                " ./start.sh doctor says what is wrong"
            )
        time.sleep(LOOK_SECONDS)
