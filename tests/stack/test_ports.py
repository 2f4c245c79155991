from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing

import pytest

from deploy.stack.folder import StackFault
from deploy.stack.ports import Port, Reservations, choose_ports, find_obstacle, is_free
from tests.ports import free_port

PROMETHEUS = Port(program="prometheus", setting="PROMETHEUS_PORT", default=9090)
BRIDGE = Port(program="bridge", setting="SERVER_PORT", default=8002)


def free_but(*taken: int) -> Callable[[str, int], bool]:
    return lambda _host, port: port not in taken


def test_defaults_are_taken_when_they_are_free() -> None:
    found, notices = choose_ports([PROMETHEUS, BRIDGE], {}, is_free=free_but())
    assert found == {"prometheus": 9090, "bridge": 8002}
    assert notices == []


def test_a_taken_default_moves_to_the_next_free_port_and_says_so() -> None:
    found, notices = choose_ports([PROMETHEUS], {}, is_free=free_but(9090, 9091))
    assert found == {"prometheus": 9092}
    assert notices == ["port 9090 is taken: prometheus listens on 9092"]


def test_nobody_moves_onto_a_neighbours_usual_port_or_a_chosen_one() -> None:
    found, _ = choose_ports([PROMETHEUS], {"X": 9091}, is_free=free_but(9090, 9092))
    assert found == {"prometheus": 9094}
    found, _ = choose_ports([BRIDGE], {}, is_free=free_but(8002))
    assert found == {"bridge": 8004}


def test_a_chosen_port_that_is_taken_is_an_error_naming_the_setting() -> None:
    chosen = {"PROMETHEUS_PORT": 9090, "SERVER_PORT": 1}
    with pytest.raises(StackFault, match=r"PROMETHEUS_PORT=9090(.|\n)*SERVER_PORT=1"):
        choose_ports([PROMETHEUS, BRIDGE], chosen, is_free=free_but(9090, 1))


def test_two_programs_never_share_a_chosen_port() -> None:
    chosen = {"PROMETHEUS_PORT": 5000, "SERVER_PORT": 5000}
    with pytest.raises(StackFault, match="SERVER_PORT=5000"):
        choose_ports([PROMETHEUS, BRIDGE], chosen, is_free=free_but())


def test_a_port_with_a_listener_is_not_free() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)


def test_an_address_that_is_none_of_this_machine_is_no_taken_port() -> None:
    host = "192.0.2.7"  # RFC 5737: nobody's
    assert find_obstacle(host, 0) == "192.0.2.7 is no address of this machine"
    door = Port(program="agents_door", setting="AGENTS_PORT", default=8003, host=host)
    with pytest.raises(StackFault, match=r"^AGENTS_HOST: 192\.0\.2\.7 is no address"):
        choose_ports([door], {})
    with pytest.raises(StackFault, match=r"AGENTS_PORT=8003: 192\.0\.2\.7 is no address"):
        choose_ports([door], {"AGENTS_PORT": 8003})


def test_two_stacks_that_start_together_never_choose_the_same_port() -> None:
    free = free_port()
    wish = Port(program="bridge", setting="SERVER_PORT", default=free)
    with closing(Reservations()) as first, closing(Reservations()) as second:
        assert choose_ports([wish], {}, is_free=first.is_free)[0] == {"bridge": free}
        other, notices = choose_ports([wish], {}, is_free=second.is_free)
        assert other["bridge"] > free
        assert len(notices) == 1
        with pytest.raises(StackFault, match="SERVER_PORT"):
            choose_ports([wish], {"SERVER_PORT": free}, is_free=second.is_free)
    with closing(Reservations()) as third:
        assert choose_ports([wish], {}, is_free=third.is_free)[0] == {"bridge": free}
