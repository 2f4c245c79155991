from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from bridge.settings import Settings
from deploy.stack import checks_machine, checks_running
from deploy.stack.findings import Finding
from deploy.stack.plan import Wishes

ROOT = Path(__file__).resolve().parents[2]
Answers = dict[str, httpx.Response]


def client(answers: Answers) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda call: answers[call.url.path]))


def prometheus(**changes: object) -> Answers:
    data: dict[str, object] = {
        "targets": {"activeTargets": [{"health": "up"}]},
        "rules": {"groups": [{"rules": [{"type": "alerting", "name": "AgentDown"}]}]},
        "alertmanagers": {"activeAlertmanagers": [{"url": "http://am"}]},
        **changes,
    }
    return {
        f"/api/v1/{key}": httpx.Response(200, json={"data": value}) for key, value in data.items()
    }


def wrong(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if not finding.is_good]


def test_a_healthy_prometheus_has_nothing_to_mend() -> None:
    assert wrong(checks_running.check_prometheus(client(prometheus()), "http://p")) == []


def test_a_silent_target_missing_rules_and_no_alertmanager_are_named() -> None:
    silent = {
        "health": "down",
        "labels": {"job": "node", "host": "web-1"},
        "lastError": "connection refused",
        "scrapeUrl": "http://10.0.0.1:9100/metrics",
    }
    answers = prometheus(
        targets={"activeTargets": [silent]},
        rules={"groups": []},
        alertmanagers={"activeAlertmanagers": []},
    )
    found = wrong(checks_running.check_prometheus(client(answers), "http://p"))
    assert found == [
        "node of web-1 does not answer: connection refused",
        "no alert rule is loaded",
        "knows no Alertmanager",
    ]


def test_what_a_prometheus_that_has_just_begun_lacks_may_only_take_a_moment() -> None:
    answers = prometheus(
        targets={"activeTargets": []},
        alertmanagers={"activeAlertmanagers": []},
    )
    found = checks_running.check_prometheus(client(answers), "http://p")
    assert wrong(found) == ["there are none", "knows no Alertmanager"]
    assert all("just after a start" in finding.mend for finding in found if finding.mend)


def test_an_alertmanager_that_sends_elsewhere_is_named() -> None:
    def look(original: str) -> list[str]:
        answer = httpx.Response(200, json={"config": {"original": original}})
        with client({"/api/v2/status": answer}) as asked:
            return wrong(checks_running.check_alertmanager(asked, "http://am", "http://b:1"))

    assert look("webhook_configs: [{url: 'http://b:1/alerts'}]") == []
    assert look("webhook_configs: [{url: <secret>}]") == []
    assert look("webhook_configs: [{url: 'http://else/'}]") == ["does not send to the bridge"]


@pytest.mark.parametrize(
    ("code", "says"), [(200, []), (401, ["refuses"]), (503, ["/alerts answers 503"])]
)
def test_the_webhook_is_tried_with_the_token(code: int, says: list[str]) -> None:
    seen: list[str] = []

    def answer(call: httpx.Request) -> httpx.Response:
        if call.url.path == "/readyz":
            return httpx.Response(200)
        seen.append(call.headers["Authorization"])
        return httpx.Response(code)

    with httpx.Client(transport=httpx.MockTransport(answer)) as asked:
        found = wrong(checks_running.check_bridge(asked, "http://b", "open-sesame"))
    assert seen == ["Bearer open-sesame"]
    assert len(found) == len(says)
    assert all(part in text for part, text in zip(says, found, strict=True))


def test_each_check_of_the_bridge_that_does_not_pass_is_named() -> None:
    checks = {"store": "ok", "telegram": "does not answer", "people": "not asked yet"}
    answer = httpx.Response(503, json={"status": "not ready", "checks": checks})
    assert wrong(checks_running.read_readiness(answer)) == [
        "not ready: telegram: does not answer",
        "not ready: people: not asked yet",
    ]
    assert wrong(checks_running.read_readiness(httpx.Response(200))) == []


def test_a_clock_that_runs_wild_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    # A machine that stands still for seconds between two looks at the clock is not wild.
    monkeypatch.setattr(time, "time", lambda: now)
    right = httpx.Response(200, headers={"Date": formatdate(now, usegmt=True)})
    assert wrong(checks_running.check_skew("telegram", right)) == []
    late = httpx.Response(200, headers={"Date": formatdate(now - 3600, usegmt=True)})
    assert len(wrong(checks_running.check_skew("telegram", late))) == 1


def test_a_program_that_is_away_or_strange_is_a_finding() -> None:
    def away() -> list[Finding]:
        raise httpx.ConnectError("no")

    def strange() -> list[Finding]:
        raise KeyError("data")

    assert wrong(checks_running.attempt("x", away)) == ["does not answer (ConnectError)"]
    assert wrong(checks_running.attempt("x", strange)) == ["answers something that is not its own"]


def test_an_unreachable_telegram_never_shows_the_token() -> None:
    token = "123456789:" + "A" * 35
    settings = Settings.load({"BOT_TOKEN": token})
    found = checks_running.check_bot(settings, "http://127.0.0.1:1", token)
    assert wrong(found)
    assert token not in str(found)


def test_the_pinned_packages_of_this_project_are_here() -> None:
    assert wrong([checks_machine.check_packages(ROOT)]) == []


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    place = tmp_path / "deploy" / "requirements"
    place.mkdir(parents=True)
    (place / "all.txt").write_text(
        "opswire-no-such-thing==1.0 \\\n    --hash=sha256:00\n"
        "only-elsewhere==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    )
    found = wrong([checks_machine.check_packages(tmp_path)])
    assert found == ["missing or of another version: opswire-no-such-thing"]


def test_every_bad_line_of_the_inventory_is_named(tmp_path: Path) -> None:
    path = tmp_path / "agents.txt"
    assert wrong(checks_machine.check_inventory(path))
    path.write_text("a\nb\n")
    assert len(wrong(checks_machine.check_inventory(path))) == 2
    path.write_text("web-1 10.0.0.1:9100\n")
    assert wrong(checks_machine.check_inventory(path)) == []
    path.write_bytes("# Büro\nweb-1 10.0.0.1:9100\n".encode("latin-1"))
    assert wrong(checks_machine.check_inventory(path)) == []
    path.write_bytes("web-1 10.0.0.1:9100 room=Büro\n".encode("latin-1"))
    assert wrong(checks_machine.check_inventory(path)) == ["line 1: not UTF-8"]


def test_wrong_settings_are_all_named() -> None:
    settings, found = checks_machine.check_settings({"SERVER_PORT": "x", "LOG_LEVEL": "loud"})
    assert settings is None
    assert len(wrong(found)) == 2


def test_only_a_chosen_port_must_be_free(
    wish: Callable[..., Wishes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks_machine, "is_free", lambda _host, _port: False)
    assert wrong(checks_machine.check_ports(wish())) == []
    assert len(wrong(checks_machine.check_ports(wish(SERVER_PORT="8002")))) == 1
