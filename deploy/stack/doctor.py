"""Look at everything and say in words what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx

from bridge.settings import Settings, read_environment
from deploy.stack import checks_machine as machine
from deploy.stack import checks_running as running
from deploy.stack.credentials import find_credentials
from deploy.stack.findings import Finding, bad, good
from deploy.stack.folder import Folder, Record
from deploy.stack.plan import Wishes
from deploy.stack.supervision import fetch_states, name_state
from deploy.stack.voice import BAD, GOOD, NAME_WIDTH, Voice

ANSWER_SECONDS = 10


def examine(folder: Folder, voice: Voice) -> int:
    """Print every finding; 1 when one needs mending."""
    return report(look_around(folder), voice)


def report(findings: Sequence[Finding], voice: Voice) -> int:
    """Print findings; 1 when one needs mending."""
    for finding in findings:
        sign = GOOD if finding.is_good else BAD
        voice.mark(sign, f"{finding.subject:<{NAME_WIDTH}}{finding.text}")
        if finding.mend:
            voice.say(f"    {'':<{NAME_WIDTH}}→ {finding.mend}")
    wrong = sum(not finding.is_good for finding in findings)
    voice.say(f"\n  {wrong} to mend" if wrong else "\n  everything is well")
    return 1 if wrong else 0


def look_around(folder: Folder) -> list[Finding]:
    """Look at the machine, then at the programs if they run."""
    root = folder.root
    given = read_environment(root)
    settings, said = machine.check_settings(given)
    found = [machine.check_python(), machine.check_packages(root), *machine.check_programs(root)]
    found += said
    if settings is None:
        return found
    found += machine.check_inventory(root / settings.agents_file)
    found.append(machine.check_disk(root / settings.state_dir))
    record = folder.find_record()
    if record is None:
        wishes = Wishes(
            root=root, settings=settings, given=given, is_sandbox=settings.bot_token is None
        )
        found += machine.check_ports(wishes)
        found += look_at_bot(settings, None)
        return [*found, bad("stack", "does not run", "./start.sh starts it")]
    return [*found, *look_at_programs(folder, record, settings)]


def look_at_programs(folder: Folder, record: Record, settings: Settings) -> list[Finding]:
    """Ask the supervisor and every program."""
    found = []
    for name, state in fetch_states(folder).items():
        shown = name_state(state)
        if shown == "running":
            found.append(good(name, f"runs as process {state['pid']}"))
        elif shown == "stopped":
            found.append(bad(name, shown, f"./start.sh start {name}"))
        else:
            found.append(bad(name, shown, running.LOOK_AT_LOGS.format(name=name)))
    urls = record.urls
    if not urls:
        return found
    bearer = running.read_bearer(record, settings)
    copies = [
        folder.root / part / "secrets" / "webhook_token" for part in ("prometheus", "alertmanager")
    ]
    bridge = urls["SERVER_URL"]
    with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
        found += look_at_monitoring(client, urls, bridge, settings)
        found += running.attempt("bridge", lambda: running.check_bridge(client, bridge, bearer))
    return [*found, *running.check_token_copies(copies, bearer), *look_at_bot(settings, record)]


def look_at_monitoring(
    client: httpx.Client, urls: dict[str, str], bridge: str, settings: Settings
) -> list[Finding]:
    """Ask Prometheus and every Alertmanager."""
    found = []
    prometheus = urls["PROMETHEUS_URL"].rstrip("/")
    client.auth = find_credentials(settings, "prometheus")
    found += running.attempt("prometheus", lambda: running.check_prometheus(client, prometheus))
    client.auth = find_credentials(settings, "alertmanager")
    for entry in urls["ALERTMANAGER_URL"].split(","):
        base = entry.strip().rstrip("/")
        found += running.attempt(
            "alertmanager",
            lambda base=base: running.check_alertmanager(client, base, bridge),  # type: ignore[misc]  # mypy infers no type for a default
        )
    client.auth = httpx.Auth()
    return found


def look_at_bot(settings: Settings, record: Record | None) -> list[Finding]:
    """Ask Telegram, real or local, about the token."""
    if record is not None and record.is_sandbox:
        token = (Path(record.sandbox_dir) / "bot_token").read_text(encoding="utf-8").strip()
        return running.check_bot(settings, f"http://{record.addresses['sandbox']}", token)
    if settings.bot_token is None:
        return [good("telegram", "no BOT_TOKEN: the local Telegram is used")]
    base = settings.telegram_api_base or running.TELEGRAM
    return running.check_bot(settings, base.rstrip("/"), settings.bot_token.reveal())
