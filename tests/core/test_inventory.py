from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.inventory import (
    JOBS,
    BadLine,
    Host,
    InventoryError,
    is_loopback,
    parse_address,
    parse_inventory,
)


def only_host(text: str) -> Host:
    (host,) = parse_inventory(text).hosts
    return host


def only_fault(text: str) -> BadLine:
    with pytest.raises(InventoryError) as refused:
        parse_inventory(text)
    (bad,) = refused.value.bad_lines
    return bad


def test_a_plain_list_of_names_and_addresses_is_an_inventory() -> None:
    hosts = parse_inventory("Server 192.168.0.0:9100\nAgent1 146.190.0.0:9100\n").hosts
    assert [(host.name, host.node_address, host.agent_address) for host in hosts] == [
        ("Server", "192.168.0.0:9100", None),
        ("Agent1", "146.190.0.0:9100", None),
    ]


def test_a_line_may_carry_an_agent_and_labels() -> None:
    host = only_host("db-1 10.0.0.5:9100 10.0.0.5:8001 group=db os=linux")
    assert host.agent_address == "10.0.0.5:8001"
    assert host.labels == {"group": "db", "os": "linux"}
    assert host.line == 1


def test_labels_need_no_agent() -> None:
    host = only_host("db-1 10.0.0.5:9100 group=a=b#c")
    assert host.agent_address is None
    assert host.labels == {"group": "a=b#c"}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffweb 10.0.0.1:9100",
        "web 10.0.0.1:9100\r\n",
        "\r\n\r\nweb 10.0.0.1:9100",
        "web\t10.0.0.1:9100\t\t",
        "   web   10.0.0.1:9100   ",
        "# the hosts\nweb 10.0.0.1:9100 # mine",
        "#web 10.0.0.2:9100\n  # more\nweb 10.0.0.1:9100",
        "web 10.0.0.1:9100\r# old line ends",
    ],
)
def test_blanks_comments_and_any_line_end_are_harmless(text: str) -> None:
    assert only_host(text).name == "web"
    assert only_host(text).node_address == "10.0.0.1:9100"


@pytest.mark.parametrize("text", ["", "\n\n", "# nobody yet", "\ufeff"])
def test_an_inventory_may_be_empty(text: str) -> None:
    assert parse_inventory(text).hosts == ()


@pytest.mark.parametrize(
    "address",
    ["[2001:db8::1]:9100", "web.example:9100", "localhost:1", "node_exporter:65535", "a.b-c.d:80"],
)
def test_every_kind_of_address_is_read(address: str) -> None:
    assert only_host(f"web {address}").node_address == address


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.0.0.1", "has no port"),
        ("10.0.0.1:", "is no number from 1 to 65535"),
        ("10.0.0.1:0", "is no number from 1 to 65535"),
        ("10.0.0.1:65536", "is no number from 1 to 65535"),
        ("10.0.0.1:٣", "is no number from 1 to 65535"),
        ("10.0.0.1:-1", "is no number from 1 to 65535"),
        (":9100", "neither an IP address nor a DNS name"),
        ("300.1.1.1:9100", "neither an IP address nor a DNS name"),
        ("10.0.0.1.:9100", "neither an IP address nor a DNS name"),
        ("-web.example:9100", "neither an IP address nor a DNS name"),
        ("wéb.example:9100", "neither an IP address nor a DNS name"),
        ("a" * 64 + ".example:9100", "neither an IP address nor a DNS name"),
        ("http://10.0.0.1:9100", "more than host and port"),
        ("10.0.0.1:9100/metrics", "more than host and port"),
        ("user@10.0.0.1:9100", "more than host and port"),
        ("2001:db8::1:9100", "too many colons"),
        ("[2001:db8::1]", "has no port"),
        ("[10.0.0.1]:9100", "no IPv6 address"),
        ("[fe80::1%eth0]:9100", "no IPv6 address"),
        ('10.0.0.1"]:9100', "neither an IP address nor a DNS name"),
    ],
)
def test_a_wrong_address_is_refused_with_its_reason(address: str, reason: str) -> None:
    assert reason in only_fault(f"web {address}").reason
    assert reason in only_fault(f"web 10.9.9.9:9100 {address}").reason


@pytest.mark.parametrize(
    "name",
    [
        "A'b",
        "x:1",
        "a" * 51,
        "-a",
        ".a",
        "_a",
        "ä",
        "a,b",
        "{{a}}",
        *JOBS,
        "Prometheus",
        "all",
        "30",
    ],
)
def test_a_name_that_commands_or_prometheus_would_misread_is_refused(name: str) -> None:
    assert only_fault(f"{name} 10.0.0.1:9100").line == 1


def test_a_name_of_fifty_characters_is_accepted() -> None:
    assert only_host("a" * 50 + " 10.0.0.1:9100").name == "a" * 50


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        ("WEB 10.0.0.2:9100", "taken by web, line 1"),
        ("db 10.0.0.1:9100", "taken by web, line 1"),
        ("db 10.0.0.3:9100 10.0.0.1:8001", "taken by web, line 1"),
        ("db 10.0.0.1:8001", "taken by web, line 1"),
        ("db 10.0.0.3:9100 10.0.0.3:9100", "one address for its exporter and its agent"),
    ],
)
def test_names_and_addresses_are_nobody_elses(second: str, reason: str) -> None:
    bad = only_fault(f"web 10.0.0.1:9100 10.0.0.1:8001\n{second}")
    assert bad.line == 2
    assert reason in bad.reason


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Web.Example:9100", "web.example:9100"),
        ("[2001:db8::1]:9100", "[2001:DB8:0:0::1]:9100"),
    ],
)
def test_two_spellings_of_one_address_are_one_address(first: str, second: str) -> None:
    assert "taken by a, line 1" in only_fault(f"a {first}\nb {second}").reason


@pytest.mark.parametrize(
    "label",
    [
        *(f"{key}=x" for key in ("host", "job", "instance", "feed", "scope", "severity")),
        *(f"{key}=x" for key in ("alertname", "resource", "__scheme__", "mode", "mountpoint")),
        "1a=x",
        "a-b=x",
        "=x",
        "group=",
        "group=" + "x" * 201,
        "a=1 a=2",
        "a=1 10.0.0.1:8001",
        " ".join(f"k{n}=x" for n in range(17)),
    ],
)
def test_a_label_that_would_harm_is_refused(label: str) -> None:
    assert only_fault(f"web 10.0.0.1:9100 {label}").line == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("web", "has no address"),
        ("web group=db", "has no address"),
        ("a b", "has no port"),
        ("web 10.0.0.1:9100 second third", "has no port"),
        ("w\x00eb 10.0.0.1:9100", "NUL"),
        ("web 10.0.0.1:9100 group=a\x1bb", "control character"),
        ("web 10.0.0.1:9100 group=a\u2028b", "control character"),
        ("web 10.0.0.1:9100 group=\udcff", "not UTF-8"),
    ],
)
def test_a_line_that_is_no_host_says_why(line: str, reason: str) -> None:
    assert reason in only_fault(line).reason


def test_every_bad_line_is_reported_with_its_number_and_what_would_be_right() -> None:
    with pytest.raises(InventoryError) as refused:
        parse_inventory("web\n\nok 10.0.0.1:9100\n30 10.0.0.2:9100\nOK 10.0.0.3:9100\n")
    assert [bad.line for bad in refused.value.bad_lines] == [1, 4, 5]
    assert all(bad.right for bad in refused.value.bad_lines)
    assert str(refused.value).splitlines()[0] == (
        "line 1: web has no address; write its address: web 192.0.2.10:9100"
    )


def test_a_host_is_found_whatever_the_case() -> None:
    inventory = parse_inventory("Web-1 10.0.0.1:9100")
    assert inventory.find("wEB-1") is inventory.hosts[0]
    assert inventory.find("web-2") is None


def test_an_address_splits_into_host_and_port() -> None:
    assert parse_address("[2001:db8::1]:9100") == ("2001:db8::1", 9100)
    with pytest.raises(ValueError, match="has no port; write"):
        parse_address("10.0.0.1")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_the_loopback_is_known(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


# Text near the grammar, so that lines are often nearly right.
NEAR = st.text(alphabet="ab1.:[]#=_- \t\n\r\x00\ufeffé٣", max_size=120) | st.text(max_size=80)


@given(NEAR)
def test_any_text_is_read_or_refused_line_by_line(text: str) -> None:
    try:
        hosts = parse_inventory(text).hosts
    except InventoryError as refused:
        numbers = [bad.line for bad in refused.bad_lines]
    else:
        numbers = [host.line for host in hosts]
    assert numbers == sorted(set(numbers))


@given(st.text(max_size=2000))
def test_a_reason_is_one_short_line(text: str) -> None:
    try:
        parse_inventory(text)
    except InventoryError as refused:
        shown = [str(bad) for bad in refused.bad_lines]
    else:
        shown = []
    assert all(len(line) < 400 and line.isprintable() for line in shown)
