"""An agent is believed as far as its host has signed it, and every ending is told apart."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.wire import (
    LINE_BYTES,
    ORDER,
    SIGNATURE_HEADER,
    VALID_SECONDS,
    Event,
    Output,
    Refused,
    Started,
    Told,
    Verb,
    is_sealed,
    read_order,
    write_event,
)
from bridge import errors, limits
from bridge.clients.agents import Agents, SignedOrder
from bridge.clients.authority import Authority
from bridge.clients.certificates import create_verifier
from tests.fakes.clock import NOON
from tests.fakes.local_agent import (
    LocalAgent,
    break_off,
    create_authority,
    ended,
    open_local_agent,
)

JOB = "job-1"
PLANTED = "planted-secret-in-the-command"
STARTED = Started(at=1.0, shown="uptime")
OUTPUT = Output(at=2.0, is_error=False, text="up 3 days\n")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return create_authority(tmp_path)


@pytest.fixture
async def agents(authority: Authority) -> AsyncIterator[Agents]:
    agents = Agents(authority.create_calling_context(), authority.sign)
    yield agents
    await agents.close()


def order(agents: Agents, **arguments: Any) -> SignedOrder:
    return agents.create_order("web-1", Verb.RUN, arguments, job=JOB, now=NOON)


async def hear(
    agents: Agents,
    agent: LocalAgent,
    *,
    key: bytes | None = None,
    patience: float = 20,
    heard: list[Event] | None = None,
) -> list[Event]:
    """Everything that comes of an order; what came before a failure is in `heard`."""
    events = [] if heard is None else heard
    wanted = order(agents, command=PLANTED)
    told = agents.ask("web-1", agent.address, key or agent.public, wanted, patience=patience)
    async with aclosing(told):
        async for event in told:
            events.append(event)
    return events


async def fail(agents: Agents, agent: LocalAgent, **changes: Any) -> errors.BridgeError:
    """How an order fails; whatever it is, it repeats nothing of the command."""
    with pytest.raises(errors.BridgeError) as caught:
        await hear(agents, agent, **changes)
    assert PLANTED not in repr(caught.value) + str(caught.value)
    return caught.value


async def well(agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
    """Answer as an agent does."""
    yield agent.write(STARTED)
    yield agent.write(OUTPUT)
    yield agent.write(ended(JOB, bytes=10))


def saying(*pieces: bytes | Callable[[LocalAgent], bytes]) -> Any:
    """Make an answer of given pieces; those that are functions are given the agent."""

    async def answer(agent: LocalAgent, _body: bytes) -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece if isinstance(piece, bytes) else piece(agent)

    return answer


# ---- what goes well --------------------------------------------------------------------------


async def test_events_are_told_in_order_and_the_signed_end_is_the_last(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        assert await hear(agents, agent) == [STARTED, OUTPUT, ended(JOB, bytes=10)]


async def test_an_order_is_signed_as_it_travels_and_good_for_a_minute_at_most(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        await hear(agents, agent)
        await hear(agents, agent)
    verify = create_verifier(authority.order_key)
    read = [read_order(call.body) for call in agent.calls]
    for call in agent.calls:
        assert call.head.startswith("POST /v1/orders ")
        assert is_sealed(ORDER, call.body, call.header(SIGNATURE_HEADER), verify)
        assert not is_sealed(ORDER, call.body + b" ", call.header(SIGNATURE_HEADER), verify)
    assert [(each.host, each.job, each.verb) for each in read] == [("web-1", JOB, Verb.RUN)] * 2
    assert read[0].nonce != read[1].nonce
    assert {each.expires - each.issued for each in read} == {VALID_SECONDS}
    long = agents.create_order("web-1", Verb.RUN, {}, job=JOB, now=NOON, valid=3600)
    assert long.order.expires - long.order.issued == VALID_SECONDS


async def test_a_command_that_no_agent_would_read_is_not_sent(agents: Agents) -> None:
    with pytest.raises(errors.TooMuch):
        order(agents, command="x" * 70_000)


async def test_what_the_host_itself_refuses_is_its_own_signed_event(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    refused = Refused(job=JOB, at=1.0, rule="ceiling", sentence="monitor only", remedy="actions")
    answer = saying(lambda agent: agent.write(refused))
    async with open_local_agent(authority, answer, folder=tmp_path) as agent:
        assert await hear(agents, agent) == [refused]


async def test_a_connection_is_kept_for_the_next_order(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        for _ in range(3):
            await hear(agents, agent)
        assert agent.connections == 1
        await agents.forget(agent.address)
        await hear(agents, agent)
        assert agent.connections == 2


async def test_a_kept_connection_that_died_is_made_anew_with_the_same_order(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        await hear(agents, agent)
        agent.hangs_up = 1
        assert (await hear(agents, agent))[-1] == ended(JOB, bytes=10)
    assert agent.connections == 2
    assert agent.calls[1].body == agent.calls[2].body


async def test_an_order_that_may_have_arrived_is_not_said_to_be_refused(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    """The agent took it, broke off, and turns the second copy away as a replay."""
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        await hear(agents, agent)
        agent.hangs_up, agent.status = 1, "401 Unauthorized"
        assert type(await fail(agents, agent)) is errors.Unanswered


async def test_letters_of_any_script_and_the_longest_line_come_through(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    long = replace(OUTPUT, text="щ" * 80_000 + "\x00\ud800")
    answer = saying(lambda agent: agent.write(long), lambda agent: agent.write(ended(JOB)))
    async with open_local_agent(authority, answer, folder=tmp_path) as agent:
        assert await hear(agents, agent) == [long, ended(JOB)]


async def test_what_follows_a_signed_end_changes_nothing_and_the_connection_is_let_go(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    answer = saying(
        lambda agent: agent.write(ended(JOB)), lambda agent: agent.write(ended(JOB, code=1))
    )
    async with open_local_agent(authority, answer, folder=tmp_path) as agent:
        assert await hear(agents, agent) == [ended(JOB)]


# ---- whoever cannot be reached ---------------------------------------------------------------


async def test_a_host_that_is_not_there_was_asked_nothing(agents: Agents) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    nobody = LocalAgent(key=Ed25519PrivateKey.generate(), answer=well, address=address)
    assert type(await fail(agents, nobody)) is errors.Outage


async def test_a_host_that_takes_the_call_and_is_silent_was_asked_nothing(agents: Agents) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        nobody = LocalAgent(key=Ed25519PrivateKey.generate(), answer=well, address=address)
        assert type(await fail(agents, nobody, patience=0.1)) is errors.Outage


async def test_an_agent_of_another_bridge_is_asked_nothing(agents: Agents, tmp_path: Path) -> None:
    other = create_authority(tmp_path / "other")
    async with open_local_agent(other, well, folder=tmp_path) as agent:
        fault = await fail(agents, agent)
        assert type(fault) is errors.Outage
        assert "certificate" in fault.sentence
        assert agent.calls == []


async def test_an_agent_whose_certificate_is_for_another_address_is_asked_nothing(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path, place="127.0.0.2") as agent:
        assert type(await fail(agents, agent)) is errors.Outage
        assert agent.calls == []


async def test_an_agent_takes_orders_of_its_own_bridge_alone(
    authority: Authority, tmp_path: Path
) -> None:
    """Somebody with an authority of their own, who trusts ours, is not even heard."""
    stranger = create_authority(tmp_path / "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=authority.certificate)
    context.load_cert_chain(stranger.folder / "bridge.pem", stranger.folder / "bridge.key")
    agents = Agents(context, stranger.sign)
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        assert type(await fail(agents, agent)) is errors.Unanswered
        assert agent.calls == []
    await agents.close()


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
        await asyncio.wait_for(agent.gone.wait(), 10)


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

    async with open_local_agent(authority, slow, folder=tmp_path) as agent:
        assert type(await fail(agents, agent, patience=0.5)) is errors.Late
        await asyncio.wait_for(agent.gone.wait(), 10)


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
        await asyncio.wait_for(agent.gone.wait(), 10)


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
        await asyncio.wait_for(agent.gone.wait(), 10)


async def test_many_hosts_are_asked_at_once(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    told = Told(job=JOB, at=1.0, facts={"version": "1"})
    answer = saying(lambda agent: agent.write(told))
    async with open_local_agent(authority, answer, folder=tmp_path) as agent:
        heard = await asyncio.gather(*(hear(agents, agent) for _ in range(20)))
    assert heard == [[told]] * 20
