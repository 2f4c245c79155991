"""The everyday actions that ship with the agent: they look, and change nothing.

What is not written here is not allowed. Left out on purpose, because they run or write something,
go elsewhere, or show what is secret: every option that takes a program, a file to write, another
host, another root or another network name space; `e` among the letters of `ps` without a dash;
`systemctl show` and `cat`; whatever clears, sets or kills.
"""

from __future__ import annotations

from typing import Final

from agent.actions_files import FILES
from agent.actions_network import NETWORK
from agent.actions_processes import PROCESSES
from agent.actions_system import SYSTEM

SHIPPED: Final = (*PROCESSES, *NETWORK, *SYSTEM, *FILES)
"""All of them; one name may stand several times, for ways that do not mix."""
INSTEAD: Final = {
    "netstat": "ss -tulpn",
    "dig": "getent hosts example.com",
    "host": "getent hosts example.com",
    "nslookup": "getent hosts example.com",
    "iostat": "vmstat 1 5",
    "traceroute": "ping -c 4 1.1.1.1",
    "ip": "hostname -I",
    "journalctl": "tail -n 50 /var/log/syslog",
}
"""What shows much the same where a program is not installed."""
