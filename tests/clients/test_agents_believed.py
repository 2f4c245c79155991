"""An agent is believed as far as its host has signed it, and every ending is told apart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.wire import (
    LINE_BYTES,
    Event,
    Told,
    write_event,
)
from bridge import errors, limits
from bridge.clients.agents import Agents
from bridge.clients.authority import Authority
from tests.clients.calling import JOB, OUTPUT, STARTED, fail, hear, order, saying, well
from tests.fakes.local_agent import (
    LocalAgent,
    break_off,
    ended,
    open_local_agent,
)

# ---- whoever does not say the truth ----------------------------------------------------------


async def test_a_key_that_died_is_not_believed_a_word(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    """Its certificate is still good at this address; what it would show first is not told."""
    today = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    heard: list[Event] = []
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        fault = await fail(agents, agent, key=today, heard=heard)
    assert type(fault) is errors.Unanswered
    assert heard == []


def altered(agent: LocalAgent) -> bytes:
    return agent.write(ended(JOB)).replace(b'\\"code\\":0', b'\\"code\\":1')


def unsigned(_agent: LocalAgent) -> bytes:
    body = {"event": "told", "job": JOB, "at": 1.0, "facts": {}}
    return json.dumps(body).encode() + b"\n"


def anothers(_agent: LocalAgent) -> bytes:
    return write_event(ended(JOB), Ed25519PrivateKey.generate().sign)


def other_job(agent: LocalAgent) -> bytes:
    return agent.write(ended("job-2"))


def broken(agent: LocalAgent) -> bytes:
    break_off()
    return agent.write(ended(JOB))


@pytest.mark.parametrize(
    "last",
    [altered, unsigned, anothers, other_job, broken, b"", b"hello\n", b"{}\n", b"[" * 3000 + b"\n"],
    ids=lambda each: getattr(each, "__name__", str(each)[:10]),
)
async def test_without_a_signed_end_nobody_knows_how_it_ended(
    authority: Authority,
    agents: Agents,
    tmp_path: Path,
    last: bytes | Callable[[LocalAgent], bytes],
) -> None:
    answer = saying(lambda agent: agent.write(STARTED), last)
    async with open_local_agent(authority, answer, folder=tmp_path) as agent:
        heard: list[Event] = []
        fault = await fail(agents, agent, heard=heard)
    assert type(fault) is errors.Unanswered
    assert heard == [STARTED]


@pytest.mark.parametrize("status", ["twenty", "200 OK\r\nno header at all"])
async def test_what_is_no_http_is_no_answer(
    authority: Authority, agents: Agents, tmp_path: Path, status: str
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        agent.status = status
        assert type(await fail(agents, agent)) is errors.Unanswered


async def test_the_end_of_a_line_that_never_comes_is_not_waited_for(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async def endless(_agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65_536
            await asyncio.sleep(0)

    async with open_local_agent(authority, endless, folder=tmp_path) as agent:
        assert "too much at once" in (await fail(agents, agent)).sentence


async def test_an_answer_without_end_is_cut_off(
    authority: Authority, agents: Agents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "AGENT_ANSWER_BYTES", 4 * LINE_BYTES)

    async def endless(agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
        while True:
            yield agent.write(replace(OUTPUT, text="y\n" * 10_000))
            await asyncio.sleep(0)

    async with open_local_agent(authority, endless, folder=tmp_path) as agent:
        assert "more than anybody can take" in (await fail(agents, agent)).sentence
        await asyncio.wait_for(agent.gone.wait(), 60)


# ---- whoever refuses, is late, or is left ----------------------------------------------------


async def test_an_order_turned_away_unread_is_told_in_the_agents_words(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    words = "the clock of the bridge is ahead\x1b[31m " + "x" * 1000
    answer = saying(json.dumps({"detail": words}).encode())
    async with open_local_agent(authority, answer, folder=tmp_path) as agent:
        agent.status = "401 Unauthorized"
        fault = await fail(agents, agent)
    assert type(fault) is errors.Refused
    assert "the clock of the bridge is ahead [31m xxx" in fault.sentence
    assert len(fault.sentence) < 400


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b"[" * 5000])
async def test_a_refusal_without_words_is_one_all_the_same(
    authority: Authority, agents: Agents, tmp_path: Path, body: bytes
) -> None:
    async with open_local_agent(authority, saying(body), folder=tmp_path) as agent:
        agent.status = "429 Too Many Requests"
        assert (await fail(agents, agent)).sentence == "web-1 refuses the order: 429"


async def test_an_agent_in_trouble_has_not_answered(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        agent.status = "500 Internal Server Error"
        assert type(await fail(agents, agent)) is errors.Unanswered


async def test_a_job_that_goes_on_for_longer_than_anybody_waits_is_late_and_left(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async def slow(agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
        yield agent.write(STARTED)
        await asyncio.Event().wait()

    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        await hear(agents, agent)  # the connection is there, and only the job takes long
        agent.answer = slow
        assert type(await fail(agents, agent, patience=3)) is errors.Late
        await asyncio.wait_for(agent.gone.wait(), 60)


async def test_whoever_stops_listening_is_gone_for_the_agent_too(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async def long(agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
        yield agent.write(STARTED)
        await asyncio.Event().wait()

    async with open_local_agent(authority, long, folder=tmp_path) as agent:
        events = agents.ask("web-1", agent.address, agent.public, order(agents))
        async with aclosing(events):
            assert await anext(events) == STARTED
        await asyncio.wait_for(agent.gone.wait(), 60)


async def test_a_listener_that_is_stopped_is_gone_for_the_agent_too(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    begun = asyncio.Event()

    async def long(agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
        yield agent.write(STARTED)
        begun.set()
        await asyncio.Event().wait()

    async with open_local_agent(authority, long, folder=tmp_path) as agent:
        listening = asyncio.create_task(hear(agents, agent))
        await begun.wait()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await asyncio.wait_for(agent.gone.wait(), 60)


async def test_many_hosts_are_asked_at_once(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    told = Told(job=JOB, at=1.0, facts={"version": "1"})
    answer = saying(lambda agent: agent.write(told))
    async with open_local_agent(authority, answer, folder=tmp_path) as agent:
        heard = await asyncio.gather(*(hear(agents, agent) for _ in range(20)))
    assert heard == [[told]] * 20
