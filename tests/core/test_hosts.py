from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.access import EVERYWHERE, Scope, parse_scope
from bridge.core.hosts import MOST_NAMED, default_host, find_host
from bridge.core.inventory import Inventory, parse_inventory
from bridge.core.keyboards import name_host
from bridge.errors import BridgeError, Expired, Missing, Mistake

FLEET = parse_inventory(
    """
    Server 10.107.26.176:9100
    Agent1 146.190.147.94:9100 group=web
    db-1 db.example.com:9100 group=db
    db-2 [2001:db8::1]:9100 group=db
    twin-a 10.0.0.9:9100
    twin-b 10.0.0.9:9200
    10.9.9.9 10.5.5.5:9100
    """
)
DATABASES = parse_scope(["group=db"])


def find(word: str, scope: Scope = EVERYWHERE) -> str:
    return find_host(FLEET, scope, word).name


def refusal(word: str, scope: Scope = EVERYWHERE, fleet: Inventory = FLEET) -> str:
    with pytest.raises(BridgeError) as caught:
        find_host(fleet, scope, word)
    return caught.value.sentence


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Server", "Server"),
        ("server", "Server"),
        ("AGENT1", "Agent1"),
        ("146.190.147.94:9100", "Agent1"),
        ("146.190.147.94", "Agent1"),
        ("db.example.com", "db-1"),
        ("DB.Example.com:9100", "db-1"),
        ("db.example.com.", "db-1"),
        ("[2001:db8::1]:9100", "db-2"),
        ("[2001:db8::1]", "db-2"),
        ("2001:db8::1", "db-2"),
        ("2001:0DB8:0::1", "db-2"),
        ("10.0.0.9:9200", "twin-b"),
    ],
)
def test_a_host_is_found_by_its_name_in_any_case_and_by_its_address(word: str, name: str) -> None:
    assert find(word) == name


def test_a_name_that_looks_like_an_address_is_the_name() -> None:
    assert find("10.9.9.9") == "10.9.9.9"
    assert find("10.5.5.5") == "10.9.9.9"


def test_the_address_of_several_hosts_asks_for_a_name() -> None:
    with pytest.raises(Mistake, match=r"10\.0\.0\.9 is the address of twin-a, twin-b; write"):
        find("10.0.0.9")


@pytest.mark.parametrize("word", ["146.190.147.94:9200", "10.0.0.1:9100", "1.2.3.4", "nonsense"])
def test_an_address_or_name_of_nobody_is_no_host(word: str) -> None:
    with pytest.raises(Missing, match=f"there is no host {word}"):
        find(word)


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("Agent9", "did you mean Agent1"),
        ("db", "did you mean db-1, db-2"),
        ("win-a", "did you mean twin-a"),
        ("146.190.147.49", "did you mean Agent1"),
    ],
)
def test_an_unknown_host_gets_the_nearest_names(word: str, named: str) -> None:
    assert named in refusal(word)


def test_without_a_near_name_a_few_hosts_are_all_named_and_many_are_pointed_at() -> None:
    assert refusal("nonsense").endswith("; /agents lists them all")
    few = parse_inventory("Server 10.0.0.1:9100\nAgent1 10.0.0.2:9100")
    assert refusal("nonsense", fleet=few).endswith("try Server, Agent1")


def test_one_sentence_never_names_more_than_the_eye_takes_in() -> None:
    many = parse_inventory("\n".join(f"web-{each} 10.0.0.1:{9100 + each}" for each in range(300)))
    assert refusal("web", fleet=many).count("web-") == MOST_NAMED
    assert refusal("10.0.0.1", fleet=many).count("web-") == MOST_NAMED
    assert "…" in refusal("10.0.0.1", fleet=many)


@pytest.mark.parametrize("hidden", ["Agent1", "agent1", "146.190.147.94", "146.190.147.94:9100"])
def test_a_hidden_host_is_told_from_nonsense_by_nothing(hidden: str) -> None:
    assert refusal(hidden, DATABASES) == refusal("x" * 7, DATABASES).replace("xxxxxxx", hidden)


def test_a_near_name_or_a_twin_that_is_hidden_is_not_named() -> None:
    assert "Agent1" not in refusal("Agent9", DATABASES)
    assert find("10.0.0.9", parse_scope(["host=twin-a"])) == "twin-a"


def test_a_pressed_button_finds_its_host_until_it_is_gone() -> None:
    assert find(name_host("Agent1")) == "Agent1"
    with pytest.raises(Expired, match="the list of hosts has changed"):
        find(name_host("Agent9"))
    with pytest.raises(Expired, match="the list of hosts has changed"):
        find(name_host("Agent1"), DATABASES)


def test_a_command_without_a_host_is_about_the_configured_one_or_else_the_first() -> None:
    assert default_host(FLEET, None, EVERYWHERE).name == "Server"
    assert default_host(FLEET, "AGENT1", EVERYWHERE).name == "Agent1"
    assert default_host(FLEET, "gone", EVERYWHERE).name == "Server"
    assert default_host(FLEET, "Agent1", DATABASES).name == "db-1"


def test_where_there_are_no_hosts_a_sentence_says_so() -> None:
    for fleet, scope in ((Inventory(hosts=()), EVERYWHERE), (FLEET, parse_scope(["group=x"]))):
        with pytest.raises(Missing, match="no hosts here yet"):
            default_host(fleet, None, scope)
        with pytest.raises(Missing, match="there is no host web"):
            find_host(fleet, scope, "web")


def sentence_or_name(word: str) -> str:
    try:
        return find(word)
    except BridgeError as fault:
        return fault.sentence


@given(st.text(min_size=1, max_size=300))
def test_whatever_is_typed_ends_in_a_host_or_in_one_short_sentence(word: str) -> None:
    said = sentence_or_name(word)
    assert len(said) < 300
    assert said.isprintable()
