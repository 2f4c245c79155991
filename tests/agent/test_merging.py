"""Many lines are few events."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.limits import SESSIONS_KEPT
from agent.logins import read_line
from agent.merging import PREAUTH, LoginEvent, Merging

NOW = 1_800_000_000.0


class Log:
    """A log whose lines are merged, and everything that came of them."""

    def __init__(self, *, tells_sudo: bool = False) -> None:
        self.now = NOW
        names = (f"event-{number}" for number in itertools.count())
        self.merging = Merging(lambda: next(names), tells_sudo=tells_sudo)
        self.events: list[LoginEvent] = []

    def write(self, *texts: str, pid: int | str = 7, program: str = "sshd") -> list[LoginEvent]:
        events: list[LoginEvent] = []
        for text in texts:
            told = read_line(f"Nov 26 22:31:15 web-1 {program}[{pid}]: {text}")
            events += self.merging.note(told, self.now) if told else []
        self.events += events
        return events

    def wait(self, seconds: float) -> list[LoginEvent]:
        self.now += seconds
        events = self.merging.flush(self.now)
        self.events += events
        return events

    @property
    def kinds(self) -> list[str]:
        return [each.kind for each in self.events]


def accepted(user: str = "bob", port: int = 5022, method: str = "password") -> str:
    return f"Accepted {method} for {user} from 1.2.3.4 port {port} ssh2"


def left(user: str = "bob", port: int = 5022) -> str:
    return f"Disconnected from user {user} 1.2.3.4 port {port}"


def failed(user: str = "root", address: str = "1.2.3.4") -> str:
    return f"Failed password for {user} from {address} port 5022 ssh2"


OPENED = "pam_unix(sshd:session): session opened for user bob(uid=1000) by (uid=0)"
CLOSED = "pam_unix(sshd:session): session closed for user bob"


def test_one_password_login_and_its_logout_are_two_events() -> None:
    log = Log()
    log.write(accepted(), OPENED)
    log.write("New session 7 of user bob.", pid=500, program="systemd-logind")
    log.wait(600)
    log.write("Received disconnect from 1.2.3.4 port 5022:11: disconnected by user", pid=9)
    log.write(left(), pid=9)
    log.write(CLOSED)
    log.write("Removed session 7.", pid=500, program="systemd-logind")
    log.wait(600)
    assert log.kinds == ["login", "logout"]
    login, logout = log.events
    assert (login.user, login.address, login.method) == ("bob", "1.2.3.4", "password")
    assert (logout.user, logout.address, logout.method) == ("bob", "1.2.3.4", "password")
    assert logout.last - logout.first == 600
    assert login.id != logout.id


@pytest.mark.parametrize("lines", list(itertools.permutations([(left(), 9), (CLOSED, 7)])))
def test_a_logout_is_told_once_whichever_line_comes_first(
    lines: Iterable[tuple[str, int]],
) -> None:
    log = Log()
    log.write(accepted())
    for text, pid in lines:
        log.write(text, pid=pid)
    assert log.kinds == ["login", "logout"]


def test_a_connection_that_broke_is_a_logout_too() -> None:
    log = Log()
    log.write(accepted(), OPENED, CLOSED)
    assert log.kinds == ["login", "logout"]


def test_a_session_from_before_the_watch_ends_once() -> None:
    log = Log()
    log.write(CLOSED)
    assert log.events == []
    log.write(left(), pid=9)
    log.write(left(), pid=9)
    log.write(CLOSED)
    assert log.kinds == ["logout"]


def test_two_sessions_of_one_person_are_told_apart() -> None:
    log = Log()
    log.write(accepted(port=1), pid=1)
    log.write(accepted(port=2), pid=2)
    log.write(left(port=1), pid=11)
    log.write(CLOSED, pid=1)
    assert log.kinds == ["login", "login", "logout"]
    log.write(CLOSED, pid=2)
    assert log.kinds == ["login", "login", "logout", "logout"]


def test_a_process_and_a_port_that_come_again_are_another_session() -> None:
    log = Log()
    for _ in range(3):
        log.write(accepted(), left(), CLOSED)
    assert log.kinds == ["login", "logout"] * 3


def test_a_line_read_twice_is_the_same_event() -> None:
    first, second = Log(), Log()
    assert first.write(accepted())[0].id == second.write(accepted())[0].id
    assert first.write(accepted()) == []


@pytest.mark.parametrize("program", ["sshd", "sshd-session"])
def test_a_publickey_login_after_other_keys_is_no_failure(program: str) -> None:
    log = Log()
    key = "RSA SHA256:" + "a" * 43
    log.write(*[f"Failed publickey for bob from 1.2.3.4 port 5022 ssh2: {key}"] * 4)
    log.write(f"{accepted(method='publickey')}: {key}", program=program)
    log.wait(600)
    assert log.kinds == ["login"]


def test_all_lines_of_one_failure_are_one_failure() -> None:
    log = Log()
    log.write(
        "Invalid user admin from 1.2.3.4 port 5022",
        "pam_unix(sshd:auth): check pass; user unknown",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 rhost=1.2.3.4",
        "Failed password for invalid user admin from 1.2.3.4 port 5022 ssh2",
        "Connection closed by invalid user admin 1.2.3.4 port 5022 [preauth]",
    )
    log.wait(600)
    assert [(each.kind, each.count, each.user) for each in log.events] == [("failure", 1, "admin")]


def test_an_unknown_name_alone_is_a_failure() -> None:
    log = Log()
    log.write(
        "Invalid user admin from 1.2.3.4 port 5022",
        "Connection closed by invalid user admin 1.2.3.4 port 5022 [preauth]",
    )
    assert [(each.kind, each.address) for each in log.events] == [("failure", "1.2.3.4")]


def test_who_goes_before_trying_anything_is_counted_and_kept_apart() -> None:
    log = Log()
    for pid in range(100):
        log.write("Connection closed by authenticating user root 1.2.3.4 port 5 [preauth]", pid=pid)
    assert log.events == []
    log.wait(60)
    (event,) = log.events
    assert (event.kind, event.method, event.count) == ("failure", PREAUTH, 100)


def test_a_thousand_failures_in_a_minute_are_two_events_with_their_count() -> None:
    log = Log()
    for number in range(1000):
        log.write(failed(user=f"user{number % 37}", address=f"10.0.0.{number % 5}"), pid=number)
        log.wait(60 / 1000)
    log.wait(60)
    first, rest = log.events
    assert (first.count, rest.count) == (1, 999)
    assert (rest.users, rest.addresses, rest.method) == (37, 5, "password")
    assert rest.first < rest.last <= log.now


def test_a_failure_is_told_at_once_and_again_when_the_minute_is_over() -> None:
    log = Log()
    assert len(log.write(failed())) == 1
    assert log.write(failed()) == []
    assert log.wait(59) == []
    assert [each.count for each in log.wait(1)] == [1]
    assert log.wait(60) == []
    assert len(log.write(failed())) == 1


def test_what_the_log_itself_has_folded_is_counted_whole() -> None:
    log = Log()
    log.write(f"message repeated 5 times: [ {failed()}]")
    assert [each.count for each in log.events] == [5]


def test_a_clock_that_is_put_back_keeps_nothing_waiting() -> None:
    log = Log()
    log.write(failed(), failed())
    assert [each.count for each in log.wait(-86400)] == [1]


def test_sudo_is_told_only_where_it_is_wanted_and_once() -> None:
    command = "bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls"
    opened = "pam_unix(sudo:session): session opened for user root(uid=0) by bob(uid=1000)"
    wrong = "bob : 3 incorrect password attempts ; PWD=/ ; USER=root ; COMMAND=/bin/ls"
    quiet, loud = Log(), Log(tells_sudo=True)
    for log in (quiet, loud):
        log.write(command, opened, "pam_unix(sudo:session): session closed", program="sudo")
        log.write(opened, pid=8, program="sudo")
        log.write(wrong, pid=9, program="sudo")
    assert quiet.events == []
    assert loud.kinds == ["sudo", "sudo", "failure"]
    assert loud.events[0].method == "sudo root"


def test_a_flood_of_sessions_is_remembered_within_bounds() -> None:
    log = Log()
    for number in range(SESSIONS_KEPT + 50):
        log.write(accepted(port=number % 60000), pid=number + 1)
        log.write(failed(), pid=100_000 + number)
    kept = (log.merging._sessions, log.merging._places, log.merging._attempts)
    assert all(len(each._kept) <= SESSIONS_KEPT for each in kept)
    log.write(CLOSED, pid=1)
    assert "logout" not in log.kinds


lines = st.sampled_from(
    [accepted(), left(), CLOSED, OPENED, failed(), "Invalid user x from 1.2.3.4 port 5022"]
)


@given(st.lists(st.tuples(lines, st.integers(1, 3)), max_size=60))
def test_whatever_the_order_no_session_ends_more_often_than_it_may(
    written: list[tuple[str, int]],
) -> None:
    log = Log()
    for text, pid in written:
        log.write(text, pid=pid)
    # Each Accepted and each Disconnected of an unknown session may end once.
    texts = [text for text, _ in written]
    assert log.kinds.count("login") <= texts.count(accepted())
    assert log.kinds.count("logout") <= log.kinds.count("login") + texts.count(left())
    log.merging.flush(log.now, is_last=True)


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 4)), max_size=80))
def test_no_failure_is_lost_or_counted_twice(written: list[tuple[float, int]]) -> None:
    log = Log()
    for number, (pause, count) in enumerate(written):
        log.wait(pause)
        log.write(f"message repeated {count} times: [ {failed()}]", pid=number + 1)
    log.events += log.merging.flush(log.now, is_last=True)
    assert sum(each.count for each in log.events) == sum(count for _, count in written)
    minutes = sum(pause for pause, _ in written) / 60
    assert len(log.events) <= 2 * (minutes + 1)
