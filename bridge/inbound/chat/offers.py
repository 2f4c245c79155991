"""The buttons under answers about hosts: what people ask next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bridge.core.inventory import Host
from bridge.core.keyboards import PRESS_BYTES, Button, Keyboard, in_rows, name_host
from bridge.core.presence import Presence
from bridge.core.promql import CPU, DISK, LOAD, MEMORY, NETWORK, Metric
from bridge.core.troubles import Troubled
from bridge.views.hosts import MARKS
from bridge.views.voice import Voice, marked

PICTURES: Final = {
    CPU.key: "mon_cpu_picture",
    MEMORY.key: "mon_mem_picture",
    DISK.key: "mon_disk_picture",
    NETWORK.key: "mon_net_picture",
    LOAD.key: "mon_load_picture",
}
"""The commands that draw a metric."""
NOW: Final = {
    CPU.key: "mon_cpu",
    MEMORY.key: "mon_mem",
    DISK.key: "mon_disk",
    NETWORK.key: "mon_net",
}
"""The commands that tell what it is now."""
SHORT_TITLES: Final = {
    CPU.key: marked("CPU"),
    MEMORY.key: marked("memory"),
    DISK.key: marked("disk"),
    NETWORK.key: marked("network"),
    LOAD.key: marked("load"),
}
AGAIN: Final = "🔄"
CHART: Final = "📈"
HOST: Final = "🖥"
SPANS: Final = (
    (60, marked("1 h")),
    (360, marked("6 h")),
    (1440, marked("24 h")),
    (10080, marked("7 d")),
    (43200, marked("30 d")),
)
"""Minutes of the pictures that buttons offer."""


def offer_after_card(voice: Voice, host: Host, command: str) -> Keyboard:
    """Offer the pictures of a host, and its card anew."""
    where = name_host(host.name)
    charts = [
        Button(label=f"{CHART} {voice.say(SHORT_TITLES[key])}", press=f"{picture} {where} 60")
        for key, picture in PICTURES.items()
        if key != LOAD.key
    ]
    again = Button(label=AGAIN, press=f"{command} {where}")
    return Keyboard((*in_rows(charts, 2), (again, _offer_all(voice))))


def offer_after_reading(voice: Voice, host: Host, metric: Metric) -> Keyboard:
    """Offer the other metrics, the picture of this one, and the number anew."""
    where = name_host(host.name)
    others = tuple(
        Button(label=voice.say(SHORT_TITLES[key]), press=f"{command} {where}")
        for key, command in NOW.items()
        if key != metric.key
    )
    charts = tuple(
        Button(label=f"{CHART} {voice.say(label)}", press=f"{PICTURES[metric.key]} {where} {span}")
        for span, label in SPANS
        if span in {60, 1440}
    )
    again = Button(label=AGAIN, press=f"{NOW[metric.key]} {where}")
    return Keyboard((others, (*charts, again)))


def offer_after_line(voice: Voice, host: Host, command: str, metric: Metric | None) -> Keyboard:
    """Offer the picture, the whole card, and the line anew."""
    where = name_host(host.name)
    everything = voice.say("all about it")
    row = [
        Button(label=f"{HOST} {everything}", press=f"status {where}"),
        Button(label=AGAIN, press=f"{command} {where}"),
    ]
    if metric is not None:
        label = f"{CHART} {voice.say(SPANS[0][1])}"
        row.insert(0, Button(label=label, press=f"{PICTURES[metric.key]} {where} 60"))
    return Keyboard((tuple(row),))


def offer_after_summary(voice: Voice, worst: Iterable[Troubled]) -> Keyboard:
    """Offer the hosts that were named, the lists, and the summary anew."""
    hosts = [_offer_host(each.presence) for each in worst]
    alerts = voice.say("alerts")
    lists = (
        _offer_all(voice),
        Button(label=f"🔔 {alerts}", press="alerts"),
        Button(label=AGAIN, press="status"),
    )
    return Keyboard((*in_rows(hosts, 2), lists))


def offer_hosts(hosts: Iterable[Host], turning: tuple[Button, ...]) -> Keyboard:
    """Offer hosts two a row, as `name address`."""
    buttons = [
        Button(
            label=f"{each.name} {each.node_address.rpartition(':')[0]}",
            press=f"status {name_host(each.name)}",
        )
        for each in hosts
    ]
    rows = in_rows(buttons, 2)
    return Keyboard((*rows, turning) if turning else rows)


def offer_pages(command: str, number: int, pages: int, *more: Button) -> tuple[Button, ...]:
    """Offer the pages before and behind, whichever there are."""
    turning = []
    if number > 1:
        turning.append(Button(label="◀", press=f"{command} {number - 1}"))
    if number < pages:
        turning.append(Button(label="▶", press=f"{command} {number + 1}"))
    return (*turning, *more)


def offer_spans(
    voice: Voice, command: str, *, again: str, others: Iterable[Button] = ()
) -> Keyboard | None:
    """Offer other spans of a picture, other pictures, and this one anew.

    There are none where a button could not hold what it asks for.
    """
    spans = [Button(label=voice.say(label), press=f"{command} {span}") for span, label in SPANS]
    below, refresh = tuple(others), Button(label=AGAIN, press=again)
    if any(len(each.press.encode()) > PRESS_BYTES for each in (*spans, *below, refresh)):
        return None
    return Keyboard((tuple(spans), *([below] if below else []), (refresh,)))


def offer_other_pictures(voice: Voice, host: Host, metric: Metric, rest: str) -> list[Button]:
    """Offer pictures of the other metrics over the same time."""
    where = name_host(host.name)
    return [
        Button(label=voice.say(SHORT_TITLES[key]), press=f"{picture} {where} {rest}".strip())
        for key, picture in PICTURES.items()
        if key != metric.key
    ]


def _offer_all(voice: Voice) -> Button:
    every = voice.say("all hosts")
    return Button(label=f"{HOST} {every}", press="agents")


def _offer_host(presence: Presence) -> Button:
    name = presence.host.name
    return Button(label=f"{MARKS[presence.state]} {name}", press=f"status {name_host(name)}")
