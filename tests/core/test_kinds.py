from __future__ import annotations

import pytest

from bridge.core.cards import CardFacts, Member
from bridge.core.kinds import AlertKind, ChartSubject, choose_chart, kind_of
from tests.fakes.clock import NOON


def member(**labels: str) -> Member:
    return Member(labels=labels, annotations={}, started_at=NOON, ended_at=None)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ({"alertname": "AgentHighCPU", "resource": "cpu"}, AlertKind.CPU),
        ({"alertname": "HighMemoryUsage", "resource": "memory"}, AlertKind.MEM),
        ({"alertname": "Odd", "resource": "MEM"}, AlertKind.MEM),
        ({"alertname": "AgentHighDisk", "resource": "disk"}, AlertKind.DISK),
        ({"alertname": "HighLoad", "resource": "load"}, AlertKind.LOAD),
        ({"alertname": "Thrashing", "resource": "swap"}, AlertKind.SWAP),
        ({"host": "web-1", "resource": "login"}, AlertKind.LOGIN),
        ({"alertname": "LoginGuessing"}, AlertKind.OTHER),
        ({"alertname": "AgentDown"}, AlertKind.DOWN),
        ({"alertname": "ServiceDown", "resource": ""}, AlertKind.DOWN),
        ({"alertname": "LoadBalancerDown"}, AlertKind.DOWN),
        ({"alertname": "DownloadsFail"}, AlertKind.OTHER),
        ({"alertname": "CPUFanStopped"}, AlertKind.OTHER),
        ({"alertname": "Odd", "resource": "patience"}, AlertKind.OTHER),
        ({}, AlertKind.OTHER),
    ],
)
def test_an_alert_is_about_what_its_rule_says_and_nothing_is_guessed(
    labels: dict[str, str], kind: AlertKind
) -> None:
    assert kind_of(labels) is kind


def test_the_chart_behind_a_card_is_that_of_its_first_alert_which_has_one() -> None:
    members = (
        member(alertname="AgentDown", host="web-1"),
        member(alertname="HighLoad", resource="load"),
        member(alertname="AgentHighCPU", resource="cpu", host="web-2"),
        member(alertname="AgentHighDisk", resource="disk", host="web-3"),
    )
    card = CardFacts(members=members, group_labels={})
    assert choose_chart(card) == ChartSubject("web-2", AlertKind.CPU, NOON, None)
    assert choose_chart(CardFacts(members=members[:2], group_labels={})) is None
