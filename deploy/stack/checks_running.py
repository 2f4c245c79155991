"""What the doctor asks the programs that run."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from bridge.settings import Settings
from deploy.stack.findings import Finding, bad, good
from deploy.stack.folder import Record

# Chosen: signatures and "how long" stay right with this much; more is a clock that runs wild.
SKEW_SECONDS = 5
TELEGRAM = "https://api.telegram.org"
UNKNOWN_TOKEN = "does not know this BOT_TOKEN"  # noqa: S105  a sentence
# Chosen: a line of a terminal or two.
LONGEST_REASON = 200
LOOK_AT_LOGS = "./start.sh logs {name} says why"
LOOK_AGAIN = "just after a start, look again in half a minute"


def read_bearer(record: Record, settings: Settings) -> str:
    """Give the token that the bridge expects."""
    if settings.webhook_token:
        return settings.webhook_token.reveal()
    path = Path(record.bridge_state_dir) / "webhook_token"
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def check_prometheus(client: httpx.Client, base: str) -> list[Finding]:
    """Ask Prometheus for its targets and rules."""
    name = "prometheus"
    targets = client.get(f"{base}/api/v1/targets", params={"state": "active"}).json()["data"]
    active = targets["activeTargets"]
    down = [target for target in active if target["health"] == "down"]
    found = [
        bad(
            "target",
            f"{target['labels'].get('job')} of {target['labels'].get('host', 'this machine')}"
            f" does not answer: {target['lastError']}",
            f"see that {target['scrapeUrl']} answers from here",
        )
        for target in down
    ]
    if not active:
        found.append(
            bad("targets", "there are none", f"{LOOK_AGAIN}; else put hosts into agents.txt")
        )
    elif not down:
        found.append(good("targets", f"{len(active)} watched, none silent"))
    groups = client.get(f"{base}/api/v1/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    for rule in rules:
        if rule.get("lastError"):
            mend = "see prometheus/rules"
            found.append(bad("rule", f"{rule['name']}: {rule['lastError']}", mend))
    alerts = sum(rule["type"] == "alerting" for rule in rules)
    if not alerts:
        mend = "Prometheus must read prometheus/rules/*.yml"
        found.append(bad("rules", "no alert rule is loaded", mend))
    else:
        found.append(good("rules", f"{alerts} alert rules loaded"))
    known = client.get(f"{base}/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"]
    if known:
        found.append(good(name, f"sends alerts to {known[0]['url']}"))
    else:
        mend = f"{LOOK_AGAIN}; else its configuration must name Alertmanager under alerting"
        found.append(bad(name, "knows no Alertmanager", mend))
    return found


def check_alertmanager(client: httpx.Client, base: str, bridge: str) -> list[Finding]:
    """Ask Alertmanager whether it sends to the bridge."""
    original = client.get(f"{base}/api/v2/status").json()["config"]["original"]
    if f"{bridge}/alerts" in original:
        return [good("alertmanager", f"sends to {bridge}/alerts")]
    # Some versions write a webhook's address as a secret.
    if "webhook_configs" in original and "<secret>" in original:
        return [good("alertmanager", "sends to a webhook whose address it keeps secret")]
    mend = f"its configuration needs a webhook to {bridge}/alerts"
    return [bad("alertmanager", "does not send to the bridge", mend)]


def check_bridge(client: httpx.Client, base: str, bearer: str) -> list[Finding]:
    """Ask the bridge how it is, and whether the token of the configurations opens it."""
    found = read_readiness(client.get(f"{base}/readyz"))
    answer = client.post(
        f"{base}/alerts",
        json={"version": "4", "alerts": []},
        headers={"Authorization": f"Bearer {bearer}"},
    )
    if answer.status_code in {401, 403}:
        mend = "./start.sh down and ./start.sh lay the token anew"
        found.append(bad("webhook", "the bridge refuses Alertmanager's token", mend))
    elif answer.is_success:
        found.append(good("webhook", "the token opens /alerts"))
    else:
        mend = LOOK_AT_LOGS.format(name="bridge")
        found.append(bad("webhook", f"/alerts answers {answer.status_code}", mend))
    return found


def read_readiness(answer: httpx.Response) -> list[Finding]:
    """Name each check of the bridge that does not pass, with its reason."""
    if answer.is_success:
        return [good("bridge", "ready")]
    checks: dict[str, object] = answer.json()["checks"]
    mend = f"mend it; {LOOK_AGAIN}"
    return [
        bad("bridge", f"not ready: {name}: {str(reason)[:LONGEST_REASON]}", mend)
        for name, reason in checks.items()
        if reason != "ok"
    ]


def check_token_copies(places: list[Path], bearer: str) -> list[Finding]:
    """Look at the copies of the token that Prometheus and Alertmanager read."""
    stale = [
        place
        for place in places
        if not place.exists() or place.read_text(encoding="utf-8").strip() != bearer
    ]
    return [
        bad("token", f"{place} is missing or stale", "./start.sh down, then ./start.sh")
        for place in stale
    ]


def check_bot(settings: Settings, base: str, token: str) -> list[Finding]:
    """Ask Telegram who the token belongs to; the token itself is never shown."""
    proxy = settings.telegram_proxy.reveal() if settings.telegram_proxy else None
    here = not base.startswith("https")
    try:
        with httpx.Client(timeout=10, proxy=proxy, trust_env=not here) as client:
            answer = client.get(f"{base}/bot{token}/getMe")
    except (httpx.HTTPError, ImportError) as error:
        # The exception's text would hold the address, and with it the token.
        text = f"{base} cannot be reached ({type(error).__name__})"
        return [bad("telegram", text, "check the network, TELEGRAM_PROXY, TELEGRAM_API_BASE")]
    if answer.status_code in {401, 404}:
        mend = "take the token from @BotFather again and put it into .env as BOT_TOKEN"
        return [bad("telegram", UNKNOWN_TOKEN, mend)]
    if not answer.is_success:
        return [bad("telegram", f"answers {answer.status_code}", "wait, then look again")]
    name = answer.json()["result"].get("username", "?")
    return [good("telegram", f"the token is @{name}'s"), *check_skew("telegram", answer)]


def check_skew(name: str, answer: httpx.Response) -> list[Finding]:
    """Compare a program's clock with ours by the date of its answer."""
    stamp = answer.headers.get("Date")
    if stamp is None:
        return []
    skew = time.time() - parsedate_to_datetime(stamp).timestamp()
    if abs(skew) > SKEW_SECONDS:
        mend = "set this machine's clock: timedatectl set-ntp true"
        return [bad("clock", f"differs from {name}'s by {skew:+.0f} s", mend)]
    return [good("clock", f"agrees with {name}'s")]


def attempt(name: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    """Look at a program; one that does not answer, or not as it should, is a finding."""
    try:
        return look()
    except httpx.HTTPError as error:
        text = f"does not answer ({type(error).__name__})"
    except (KeyError, ValueError, TypeError):
        text = "answers something that is not its own"
    return [bad(name, text, LOOK_AT_LOGS.format(name=name))]
