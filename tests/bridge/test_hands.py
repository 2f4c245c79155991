"""How the bridge reaches a host: by the name and the key that its agent was let in with."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from agent.wire import Event, Told, Verb, read_order
from bridge import limits
from bridge.clients.agents import Agents, SignedOrder
from bridge.core.agents import Agent
from bridge.core.inventory import parse_inventory
from bridge.hands import Hands
from bridge.metrics import Metrics
from tests.fakes.clock import NOON

AGENT = Agent(host="web-1", key=b"k" * 32, serial="1", address="192.0.2.10:8001", enrolled_at=NOON)


class Known:
    async def find(self, host: str) -> Agent | None:
        return AGENT if host.lower() == AGENT.host else None


class Lines(Agents):
    def __init__(self) -> None:
        super().__init__(context=None, sign=lambda content: content)  # type: ignore[arg-type]  # nothing is sent
        self.sent: list[SignedOrder] = []

    async def ask(
        self, host: str, address: str, key: bytes, order: SignedOrder, **_: Any
    ) -> AsyncGenerator[Event, None]:
        assert (address, key) == (AGENT.address, AGENT.key)
        self.sent.append(order)
        yield Told(job=order.order.job, at=0, facts={"host": host})


async def test_an_agent_is_called_as_it_was_let_in_whatever_the_case_of_its_line() -> None:
    # An agent takes no order for another host, and people may write a name otherwise later.
    lines = Lines()
    hands = Hands(known=Known(), lines=lines, clock=lambda: NOON, metrics=Metrics("0"))
    [host] = parse_inventory("WEB-1 192.0.2.10:9100 192.0.2.10:8001\n").hosts
    events = hands.ask(host, Verb.PORTS, job="j", within=limits.JOB_GRACE)
    async with aclosing(events) as said:
        [told] = [event async for event in said]
    assert isinstance(told, Told)
    assert told.facts == {"host": "WEB-1"}
    assert read_order(lines.sent[0].body).host == "web-1"
