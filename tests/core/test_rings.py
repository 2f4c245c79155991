from __future__ import annotations

from bridge.core.alerts import Severity
from bridge.core.rings import is_worse, worst

BARE = {"alertname": "DiskFull", "host": "web-1"}


def of(severity: str, **labels: str) -> dict[str, str]:
    return {**BARE, "severity": severity, **labels}


def test_the_same_alert_with_a_worse_severity_is_worse() -> None:
    assert is_worse(of("critical"), [of("warning")])
    assert is_worse(of("warning"), [of("info")])
    assert is_worse(of("info"), [of("page")])


def test_the_same_severity_or_a_milder_one_is_not_worse() -> None:
    assert not is_worse(of("warning"), [of("critical")])
    assert not is_worse(of("warning"), [of("warning"), of(" WARNING ")])
    assert not is_worse(of("critical"), [])


def test_an_alert_of_another_host_or_name_is_another() -> None:
    assert not is_worse(of("critical"), [of("warning", host="web-2")])
    assert not is_worse(of("critical"), [of("warning", alertname="DiskSlow")])
    assert not is_worse(of("critical"), [of("warning", mount="/")])


def test_one_milder_among_many_is_enough() -> None:
    assert is_worse(of("critical"), [of("warning", host="web-2"), of("critical"), of("info")])


def test_an_alert_without_a_severity_is_the_mildest() -> None:
    assert is_worse(of("info"), [BARE])
    assert not is_worse(BARE, [of("info")])


def test_the_worst_of_none_is_other() -> None:
    assert worst([]) is Severity.OTHER
    assert worst([Severity.INFO, Severity.CRITICAL, Severity.OTHER]) is Severity.CRITICAL
