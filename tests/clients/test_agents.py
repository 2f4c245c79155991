"""Orders to agents: what goes well, and hosts that cannot be reached."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.wire import (
    ORDER,
    SIGNATURE_HEADER,
    VALID_SECONDS,
    Refused,
    Verb,
    is_sealed,
    read_order,
)
from bridge import errors
from bridge.clients.agents import Agents
from bridge.clients.authority import Authority
from bridge.clients.certificates import create_verifier
from tests.clients.calling import JOB, OUTPUT, STARTED, fail, hear, order, saying, well
from tests.fakes.clock import NOON
from tests.fakes.local_agent import (
    LocalAgent,
    create_authority,
    ended,
    open_local_agent,
)

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


async def test_however_many_kept_connections_have_died_the_order_arrives(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    together = asyncio.Barrier(3)

    async def at_once(agent: LocalAgent, body: bytes) -> AsyncIterator[bytes]:
        await together.wait()
        async for piece in well(agent, body):
            yield piece

    async with open_local_agent(authority, at_once, folder=tmp_path) as agent:
        await asyncio.gather(*(hear(agents, agent) for _ in range(3)))
        assert agent.connections == 3
        agent.answer, agent.hangs_up = well, 3
        assert (await hear(agents, agent))[-1] == ended(JOB, bytes=10)
    assert agent.connections == 4
    assert len({each.body for each in agent.calls[3:]}) == 1


async def test_an_agent_that_is_let_go_while_it_is_asked_has_not_answered(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        await hear(agents, agent)
        agent.hangs_up, agent.on_hanging_up = 1, partial(agents.forget, agent.address)
        assert type(await fail(agents, agent)) is errors.Unanswered


async def test_a_bridge_that_has_ended_asks_nobody(
    authority: Authority, agents: Agents, tmp_path: Path
) -> None:
    async with open_local_agent(authority, well, folder=tmp_path) as agent:
        await agents.close()
        assert type(await fail(agents, agent)) is errors.Outage
        assert agent.calls == []


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
