"""Hosts as a list: a line each, so many a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.core.formatted import Formatted
from bridge.core.pages import Page
from bridge.core.presence import Presence, State, Target
from bridge.views.units import render_share
from bridge.views.voice import Voice

MARKS: Final = {State.UP: "✅", State.DOWN: "❌", State.UNSEEN: "❔"}


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
    ceiling: str
    """What the host allows at most: `monitor`, `actions` or `shell`."""


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
    states: Mapping[State, int],
    hosts: Sequence[Presence],
    others: Sequence[Target],
    *,
    page: Page,
    warnings: Sequence[str] = (),
) -> Formatted:
    """Write one page of the list."""
    return voice.write(
        "agents",
        counts=count_hosts(voice, states),
        total=sum(states.values()),
        hosts=[_show(voice, each) for each in hosts],
        others=[_show_target(voice, each) for each in others],
        page=page,
        warnings=list(warnings),
    )


def count_hosts(voice: Voice, states: Mapping[State, int]) -> str:
    """Say how many hosts are how: `2 up, 1 down`."""
    up, down, unseen = (states.get(each, 0) for each in (State.UP, State.DOWN, State.UNSEEN))
    parts = (
        (up, voice.say_count("%(count)s up", "%(count)s up", up)),
        (down, voice.say_count("%(count)s down", "%(count)s down", down)),
        (unseen, voice.say_count("%(count)s not watched", "%(count)s not watched", unseen)),
    )
    told = [part for count, part in parts if count]
    total = voice.say_count("%(count)s host", "%(count)s hosts", up + down + unseen)
    if not told:
        return total
    states_words = voice.say(", ").join(told)
    return voice.say("%(hosts)s: %(states)s", hosts=total, states=states_words)


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
        ceiling=host.ceiling,
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
