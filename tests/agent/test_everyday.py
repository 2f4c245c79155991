"""The everyday commands run, as the argument vectors that they say."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from agent.actions import INSTEAD, SHIPPED
from agent.catalogue import Catalogue, find_program, load_catalogue
from agent.errors import Denied

# What is typed, and what runs where that differs.
EVERYDAY: dict[str, str] = {
    "uptime": "",
    "uptime -p": "",
    "df": "",
    "df -h": "",
    "df -hT": "",
    "df -i": "",
    "df -h /": "",
    "df -h /var/log": "",
    "df --human-readable --total": "",
    "df -x tmpfs -h": "",
    "free": "",
    "free -m": "",
    "free -h": "",
    "free -h --wide": "",
    "ps": "",
    "ps aux": "",
    "ps -ef": "",
    "ps -aux": "",
    "ps axf": "",
    "ps aux --sort=-%cpu": "ps --sort=-%cpu aux",
    "ps aux --sort -%mem": "ps --sort=-%mem aux",
    "ps -eo pid,user,%cpu,comm --sort=-%cpu": "",
    "ps -p 1 -f": "",
    "ss -tulpn": "",
    "ss -s": "",
    "ss -ltn": "",
    "ss -tn state established": "",
    "ss -tn sport = :443": "",
    "ip a": "",
    "ip addr": "",
    "ip -br a": "",
    "ip addr -br": "ip -br addr",
    "ip addr show eth0": "",
    "ip link show dev eth0": "",
    "ip -s link": "",
    "ip route": "",
    "ip r": "",
    "ip route get 1.1.1.1": "",
    "ip neigh": "",
    "netstat -tulpn": "",
    "who": "",
    "who -b": "",
    "w": "",
    "last": "last -n 50",
    "last -n 20": "",
    "last -20": "last -n 20",
    "last alice": "last -n 50 alice",
    "dmesg": "",
    "dmesg -T": "",
    "dmesg -T --level=err,warn": "",
    "journalctl -u nginx -n 50 --no-pager": "",
    "journalctl -u nginx -n 50": "journalctl -u nginx -n 50 --no-pager",
    "journalctl -xe": "journalctl -xe --no-pager -n 200",
    "journalctl -xeu nginx": "journalctl -xe -u nginx --no-pager -n 200",
    "journalctl -u nginx --since '1 hour ago'": (
        "journalctl -u nginx '--since=1 hour ago' --no-pager"
    ),
    "journalctl -u nginx.service --since today -p err": (
        "journalctl -u nginx.service --since=today -p err --no-pager"
    ),
    "journalctl -f -u nginx": "journalctl -f -u nginx --no-pager -n 200",
    "journalctl -k -n100": "journalctl -k -n 100 --no-pager",
    "journalctl --disk-usage": "journalctl --disk-usage --no-pager",
    "systemctl status nginx": "systemctl --no-pager status nginx",
    "systemctl status nginx php-fpm": "systemctl --no-pager status nginx php-fpm",
    "systemctl status getty@tty1.service": "systemctl --no-pager status getty@tty1.service",
    "systemctl list-units --failed": "systemctl --failed --no-pager list-units",
    "systemctl list-units --type=service --state=running": (
        "systemctl --type=service --state=running --no-pager list-units"
    ),
    "systemctl --failed": "systemctl --failed --no-pager",
    "systemctl is-active nginx": "systemctl --no-pager is-active nginx",
    "systemctl list-timers --all": "systemctl --all --no-pager list-timers",
    "ls": "",
    "ls -l": "",
    "ls -la /etc": "",
    "ls -lht /var/log": "",
    "cat /etc/os-release": "",
    "cat /var/log/syslog": "",
    "cat /proc/meminfo": "",
    "cat /proc/loadavg": "",
    "cat /var/log/../log/syslog": "cat /var/log/syslog",
    "head /var/log/syslog": "",
    "head -5 /var/log/syslog": "head -n 5 /var/log/syslog",
    "tail -n 50 /var/log/syslog": "",
    "tail -100 /var/log/syslog": "tail -n 100 /var/log/syslog",
    "tail -f /var/log/syslog": "",
    "tail --lines=5 /var/log/syslog": "",
    "grep -i error /var/log/syslog": "",
    "grep -c 'out of memory' /var/log/syslog": "",
    "wc -l /var/log/syslog": "",
    "du -sh /var/log": "",
    "du -h --max-depth=1 /var": "",
    "du -hd1 /var": "du -h -d 1 /var",
    "stat /var/log": "",
    "ping -c 4 1.1.1.1": "",
    "ping 1.1.1.1": "ping -c 4 1.1.1.1",
    "ping -c3 example.com": "ping -c 3 example.com",
    "ping -6 2001:db8::1": "ping -6 -c 4 2001:db8::1",
    "traceroute -n 1.1.1.1": "",
    "dig example.com": "",
    "dig +short example.com": "",
    "dig example.com +short": "dig +short example.com",
    "dig example.com MX": "",
    "dig @1.1.1.1 example.com A": "",
    "dig -x 1.1.1.1": "",
    "host example.com": "",
    "host -t MX example.com": "",
    "nslookup example.com": "",
    "getent hosts example.com": "",
    "uname -a": "",
    "hostname": "",
    "hostname -I": "",
    "date": "",
    "date -u": "",
    "date +%s": "",
    "date '+%Y-%m-%d %H:%M'": "",
    "id": "",
    "id alice": "",
    "vmstat": "",
    "vmstat 1 5": "",
    "iostat -x 1 3": "",
    "lsblk": "",
    "lsblk -f": "",
    "mount": "",
    "mount -t ext4": "",
    "findmnt": "",
    "top": "top -b -n 1",
    "top -b -n1": "top -b -n 1",
    "top -bn1": "top -b -n 1",
    "top -bn 1 -o %MEM": "top -b -n 1 -o %MEM",
    "nproc": "",
    "lscpu": "",
    "pgrep -a nginx": "",
    "pidof nginx": "",
    "echo hi there": "",
    "echo information": "",
    "timedatectl": "",
}

WAYS_OF_PS = [each for each in SHIPPED if each.name == "ps"]


def name_program(name: str) -> str:
    return f"/usr/bin/{name}"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(None, find=name_program)


@pytest.mark.parametrize(("typed", "runs"), EVERYDAY.items())
def test_an_everyday_command_runs_as_an_argument_vector(
    catalogue: Catalogue, typed: str, runs: str
) -> None:
    match = catalogue.match(typed)
    program, *arguments = shlex.split(runs or typed)
    assert match.argv == (f"/usr/bin/{program}", *arguments)
    assert match.shown == shlex.join(match.argv)
    assert match.is_read_only
    assert match.name == program
    assert 0 < match.seconds <= 120


def test_there_are_enough_everyday_commands_and_each_action_has_one() -> None:
    assert len(EVERYDAY) >= 100
    unused = {each.name for each in SHIPPED} - {typed.split()[0] for typed in EVERYDAY}
    assert unused == {"hostnamectl", "lsmod", "lspci", "lsusb", "pwd"}


@pytest.mark.parametrize(
    "example", sorted({each.example for each in SHIPPED} | {*INSTEAD.values()})
)
def test_every_example_that_is_suggested_runs(catalogue: Catalogue, example: str) -> None:
    assert catalogue.match(example).argv


def test_a_program_that_is_not_installed_is_said_to_be_missing_and_another_way_is_told() -> None:
    catalogue = load_catalogue(None, find=lambda _: None)
    with pytest.raises(Denied) as refused:
        catalogue.match("netstat -tulpn")
    assert refused.value.rule == "missing"
    assert refused.value.sentence == "netstat is not installed on this host"
    assert refused.value.nearest == "ss -tulpn"
    assert catalogue.describe() == []


def test_programs_are_found_in_fixed_folders_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program("ls") in {"/usr/bin/ls", "/bin/ls"}
    assert find_program("/bin/ls") == "/bin/ls"
    assert find_program("no-such-program") is None
    plain = tmp_path / "plain"
    plain.touch(0o644)
    assert find_program(str(plain)) is None
    assert find_program("/usr/bin") is None


def test_the_catalogue_lists_each_name_once_with_an_example(catalogue: Catalogue) -> None:
    listed = catalogue.describe()
    names = [each["name"] for each in listed]
    assert names == sorted(set(names))
    assert {"name": "df", "example": "df -h", "seconds": 30.0, "read_only": True} in listed


@pytest.mark.skipif(find_program("ps") is None, reason="ps is not installed")
@pytest.mark.parametrize("letters", ["", "aux", "axo", "-p", "-eo"])
def test_no_way_of_ps_shows_what_is_in_an_environment(letters: str) -> None:
    catalogue = load_catalogue(None)
    with subprocess.Popen(
        ["sleep", "3600"], env={"PLANTED": "planted-secret"}, stdin=subprocess.DEVNULL
    ) as planted:
        try:
            for text in ways_of_ps(letters, planted.pid):
                match = catalogue.match(text)
                done = subprocess.run(match.argv, env={}, capture_output=True, check=False)
                assert b"planted-secret" not in done.stdout, text
                # Where nothing is found it ends with 1, and without complaint.
                assert not done.stderr, text
            shown = subprocess.run(["ps", "eww", str(planted.pid)], capture_output=True, check=True)
            assert b"planted-secret" in shown.stdout, "the test could see it"
        finally:
            planted.kill()


def ways_of_ps(letters: str, pid: int) -> list[str]:
    """Write commands of one kind, each option with each that it is let stand beside."""
    sorts = ("", " --sort=-%cpu", " --sort=rss", " --no-headers", " --forest")
    if letters == "":
        return [
            *(f"ps {style}{sort}" for style in WAYS_OF_PS[0].flags.styles for sort in sorts),
            *(f"ps {style}{sort}" for style in WAYS_OF_PS[1].flags.styles for sort in sorts[:4]),
        ]
    if letters == "aux":
        words = WAYS_OF_PS[2].forms[0].places[0].form.split("|")
        return [f"ps {word}{sort}" for word in words for sort in sorts]
    if letters == "axo":
        return [f"ps axo pid,user,args{sort}" for sort in sorts]
    if letters == "-p":
        return [f"ps -p {pid}{more}" for more in ("", " -f", " -F", " -l", " -o pid,args")]
    return [
        f"ps {each} pid,args,cmd{sort}" for each in ("-eo", "-Ao", "-e -o") for sort in sorts[:4]
    ]


def test_the_agent_itself_is_not_asked_for_its_folder(catalogue: Catalogue) -> None:
    assert os.sep not in catalogue.match("pwd").shown.removeprefix("/usr/bin/")
