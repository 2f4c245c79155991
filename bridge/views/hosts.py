"""Hosts as a list: a line each, so many a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bridge.core.formatted import Formatted
from bridge.core.presence import Presence, State, Target
from bridge.views.units import render_share
from bridge.views.voice import Voice

MARKS: Final = {State.UP: "✅", State.DOWN: "❌", State.UNSEEN: "❔"}
Each = TypeVar("Each")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A part of a list."""

    number: int
    """From 1."""
    pages: int


@dataclass(frozen=True, kw_only=True)
class ShownHost:
    """A host's line; what is not known is empty."""

    mark: str
    name: str
    state: str
    """`up`, `down` or `unseen`."""
    since: str
    age: str
    """How old the last sample is."""
    share: str
    """How much of the time it was up."""
    observed: str
    """Of how much time that is."""
    agent: str
    """`none`, `up`, `down` or `unseen`."""


@dataclass(frozen=True, kw_only=True)
class ShownTarget:
    """The line of something else that Prometheus asks."""

    mark: str
    name: str
    job: str
    instance: str
    """Its address, where its name is another."""
    is_up: bool
    age: str


def write_hosts(
    voice: Voice,
    hosts: Sequence[Presence],
    others: Sequence[Target] | None,
    page: Page,
    *,
    size: int,
    warnings: Sequence[str] = (),
) -> Formatted:
    """Write one page of the list; `others` are put behind the hosts where they were asked for."""
    start = (page.number - 1) * size
    everything: list[Presence | Target] = [*hosts, *(others or ())]
    shown = everything[start : start + size]
    return voice.write(
        "agents",
        counts=count_hosts(voice, hosts),
        total=len(hosts),
        hosts=[_show(voice, each) for each in shown if isinstance(each, Presence)],
        others=[_show_target(voice, each) for each in shown if isinstance(each, Target)],
        page=page,
        warnings=list(warnings),
    )


def choose_page(wanted: int, length: int, size: int) -> Page:
    """Give the page of a list that was wanted, or the last there is."""
    pages = max(1, -(-length // size))
    return Page(number=min(max(wanted, 1), pages), pages=pages)


def cut_page(everything: Sequence[Each], page: Page, size: int) -> Sequence[Each]:
    """Give what stands on a page."""
    return everything[(page.number - 1) * size : page.number * size]


def count_hosts(voice: Voice, hosts: Iterable[Presence]) -> str:
    """Say how many hosts are how: `2 up, 1 down`."""
    counts = Counter(each.state for each in hosts)
    total = sum(counts.values())
    parts = [
        voice.say_count("%(count)s up", "%(count)s up", counts[State.UP]),
        voice.say_count("%(count)s down", "%(count)s down", counts[State.DOWN]),
        voice.say_count("%(count)s not watched", "%(count)s not watched", counts[State.UNSEEN]),
    ]
    told = [
        part
        for part, state in zip(parts, (State.UP, State.DOWN, State.UNSEEN), strict=True)
        if counts[state]
    ]
    hosts_words = voice.say_count("%(count)s host", "%(count)s hosts", total)
    return f"{hosts_words}: {voice.say(', ').join(told)}" if told else hosts_words


def _show(voice: Voice, host: Presence) -> ShownHost:
    is_dated = host.state is not State.UNSEEN and host.since is not None
    return ShownHost(
        mark=MARKS[host.state],
        name=host.host.name,
        state=host.state.value,
        since=voice.time(host.since) if is_dated and host.since else "",
        age=voice.ago(host.sampled_at) if host.sampled_at else "",
        share=render_share(host.share, voice.translator) if host.share is not None else "",
        observed=voice.span(host.observed) if host.observed is not None else "",
        agent=host.agent.value if host.agent else "none",
    )


def _show_target(voice: Voice, target: Target) -> ShownTarget:
    return ShownTarget(
        mark=MARKS[State.UP if target.is_up else State.DOWN],
        name=target.name,
        job=target.job,
        instance=target.instance if target.instance != target.name else "",
        is_up=target.is_up,
        age=voice.ago(target.sampled_at) if target.sampled_at else "",
    )
