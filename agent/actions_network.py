"""Sockets, addresses, names of hosts."""

from __future__ import annotations

from typing import Final

from agent.arguments import Host, Like, Name, OneOf, Whole
from agent.limits import LONG_ACTION_SECONDS, MOST_PINGS
from agent.matching import NOTHING, Action, Flags, Form, Otherwise

_SHOW: Final = OneOf(("show", "list", "ls"))
_OBJECT: Final = OneOf(
    (
        *("a", "addr", "address", "l", "link", "n", "neigh", "neighbour", "r", "ro", "route"),
        *("ru", "rule", "maddr"),
    )
)
_ROUTE: Final = OneOf(("r", "ro", "route"))
_STATES: Final = (
    *("established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "closed"),
    *("close-wait", "last-ack", "listening", "closing", "all", "connected", "synchronized"),
)
_RECORDS: Final = OneOf(
    (
        *("A", "AAAA", "ANY", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS"),
        *("PTR", "SOA", "SRV", "SSHFP", "TLSA", "TXT"),
    )
)
_SERVER: Final = Host("@", "@SERVER")
NETWORK: Final = (
    Action(
        name="ss",
        example="ss -tulpn",
        flags=Flags(
            letters="tulpnaeomsi46wxHO0",
            words=(
                *("--tcp", "--udp", "--listening", "--processes", "--numeric", "--all"),
                *("--summary", "--no-header", "--ipv4", "--ipv6", "--unix", "--extended"),
            ),
        ),
        forms=(
            NOTHING,
            Form(places=(OneOf(("state",)), OneOf(_STATES))),
            Form(places=(OneOf(("sport", "dport")), OneOf(("=",)), Like(":[0-9]{1,5}", ":PORT"))),
            Form(places=(OneOf(("src", "dst")), Host())),
        ),
    ),
    Action(
        name="ip",
        example="ip addr",
        flags=Flags(
            words=(
                *("-4", "-6", "-br", "-brief", "-s", "-stats", "-statistics", "-d", "-details"),
                *("-o", "-oneline", "-j", "-json", "-p", "-pretty"),
            )
        ),
        forms=(
            Form(places=(_OBJECT,)),
            Form(places=(_OBJECT, _SHOW)),
            Form(places=(_OBJECT, _SHOW, Name())),
            Form(places=(_OBJECT, _SHOW, OneOf(("dev", "table")), Name())),
            Form(places=(_ROUTE, OneOf(("get",)), Host())),
        ),
    ),
    Action(
        name="netstat",
        example="netstat -tulpn",
        flags=Flags(letters="tulpnarsieoWw46"),
    ),
    Action(
        name="ping",
        example="ping -c 4 1.1.1.1",
        flags=Flags(
            letters="n46",
            valued={"-c": Whole(1, MOST_PINGS), "-W": Whole(1, 10), "-i": Whole(1, 2)},
        ),
        forms=(Form(places=(Host(),)),),
        otherwise=(Otherwise(unless=("-c",), words=("-c", "4")),),
    ),
    Action(
        name="traceroute",
        example="traceroute -n 1.1.1.1",
        flags=Flags(letters="n46", valued={"-m": Whole(1, 30), "-w": Whole(1, 5)}),
        forms=(Form(places=(Host(),)),),
        seconds=LONG_ACTION_SECONDS,
    ),
    Action(
        name="dig",
        example="dig +short example.com",
        flags=Flags(
            letters="46",
            words=(
                "+short",
                "+noall",
                "+answer",
                "+stats",
                "+tcp",
                "+trace",
                "+dnssec",
                "+nocomments",
            ),
            valued={"-x": Host(), "-t": _RECORDS},
        ),
        forms=(
            NOTHING,
            Form(places=(_SERVER,)),
            Form(places=(Host(),)),
            Form(places=(Host(), _RECORDS)),
            Form(places=(_RECORDS, Host())),
            Form(places=(_SERVER, Host())),
            Form(places=(Host(), _SERVER)),
            Form(places=(_SERVER, Host(), _RECORDS)),
            Form(places=(Host(), _RECORDS, _SERVER)),
        ),
    ),
    Action(
        name="host",
        example="host example.com",
        flags=Flags(letters="av46", valued={"-t": _RECORDS, "-W": Whole(1, 10)}),
        forms=(Form(places=(Host(),)), Form(places=(Host(), Host("", "SERVER")))),
    ),
    Action(
        name="nslookup",
        example="nslookup example.com",
        forms=(Form(places=(Host(),)), Form(places=(Host(), Host("", "SERVER")))),
    ),
    Action(
        name="getent",
        example="getent hosts example.com",
        forms=(Form(places=(OneOf(("hosts", "ahosts", "ahostsv4", "ahostsv6")), Host())),),
    ),
)
