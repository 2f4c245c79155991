"""What one line of the auth log tells, and what nobody can make it tell."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.logins import Deed, Told, read_line, read_message, read_stamp

KEY = "ED25519 SHA256:" + "a" * 43
CERTIFICATE = f"RSA-CERT SHA256:{'b' * 43} ID bob@laptop (serial 7) CA ED25519 SHA256:{'c' * 43}"
HEADS = (
    "Nov  6 22:31:15 web-1 {program}[{pid}]: {text}",
    "2026-11-26T22:31:15.123456+00:00 web-1 {program}[{pid}]: {text}",
    "2026-11-26T22:31:15Z web-1 {program}[{pid}]: {text}",
    "<86>Nov 26 22:31:15 web-1 {program}[{pid}]: {text}",
    "<86>1 2026-11-26T22:31:15.123Z web-1.example.com {program} {pid} - - {text}",
    '<86>1 2026-11-26T22:31:15+01:00 web-1 {program} {pid} ID7 [a@1 b="x\\]\\"y"][c d="e"] {text}',
)


def write(text: str, program: str = "sshd", pid: int = 7, head: str = HEADS[0]) -> str:
    return head.format(program=program, pid=pid, text=text)


def read(text: str, program: str = "sshd") -> Told | None:
    return read_line(write(text, program))


def sshd(deed: Deed, user: str, **more: object) -> Told:
    return Told(deed=deed, program="sshd", pid=7, user=user, **more)  # type: ignore[arg-type]


FROM = {"address": "1.2.3.4", "port": 5022}

TABLE = [
    # D8: the line, and what it tells.
    (
        "Accepted password for bob from 1.2.3.4 port 5022 ssh2",
        sshd(Deed.ACCEPTED, "bob", method="password", **FROM),
    ),
    ("pam_unix(sshd:session): session opened for user bob(uid=1000) by (uid=0)", None),
    ("pam_unix(sshd:session): session opened for user bob by (uid=0)", None),
    ("pam_unix(sshd:session): session closed for user bob", sshd(Deed.CLOSED, "bob")),
    ("Disconnected from user bob 1.2.3.4 port 5022", sshd(Deed.LEFT, "bob", **FROM)),
    (
        f"Accepted publickey for bob from 1.2.3.4 port 5022 ssh2: {KEY}",
        sshd(Deed.ACCEPTED, "bob", method="publickey", **FROM),
    ),
    (
        "Failed password for invalid user admin from 1.2.3.4 port 5022 ssh2",
        sshd(Deed.REFUSED, "admin", method="password", is_known=False, **FROM),
    ),
    (
        "Connection closed by authenticating user root 1.2.3.4 port 5022 [preauth]",
        sshd(Deed.GONE, "root", **FROM),
    ),
    # The others that its rules decide.
    (
        "Invalid user admin from 1.2.3.4 port 5022",
        sshd(Deed.UNKNOWN, "admin", is_known=False, **FROM),
    ),
    (
        "Invalid user admin from 1.2.3.4",
        sshd(Deed.UNKNOWN, "admin", is_known=False, address="1.2.3.4"),
    ),
    (
        "Failed password for root from 1.2.3.4 port 5022 ssh2",
        sshd(Deed.REFUSED, "root", method="password", **FROM),
    ),
    (
        "message repeated 5 times: [ Failed password for root from 1.2.3.4 port 5022 ssh2]",
        sshd(Deed.REFUSED, "root", method="password", count=5, **FROM),
    ),
    (
        "Accepted keyboard-interactive/pam for bob from 2001:db8::1 port 5022 ssh2",
        sshd(
            Deed.ACCEPTED,
            "bob",
            method="keyboard-interactive/pam",
            address="2001:db8::1",
            port=5022,
        ),
    ),
    (
        "Accepted gssapi-with-mic for bob from 1.2.3.4 port 5022 ssh2: bob@EXAMPLE.COM",
        sshd(Deed.ACCEPTED, "bob", method="gssapi-with-mic", **FROM),
    ),
    (
        f"Accepted publickey for bob from 1.2.3.4 port 5022 ssh2: {CERTIFICATE}",
        sshd(Deed.ACCEPTED, "bob", method="publickey", **FROM),
    ),
    (
        "Connection reset by invalid user admin 1.2.3.4 port 5022 [preauth]",
        sshd(Deed.GONE, "admin", is_known=False, **FROM),
    ),
    (
        "error: maximum authentication attempts exceeded for x from 1.2.3.4 port 9 ssh2 [preauth]",
        sshd(Deed.GONE, ""),
    ),
    ("Failed none for invalid user admin from 1.2.3.4 port 5022 ssh2", None),
    ("Partial publickey for bob from 1.2.3.4 port 5022 ssh2", None),
    ("pam_unix(sshd:auth): authentication failure; logname= uid=0 rhost=1.2.3.4 user=bob", None),
    ("Received disconnect from 1.2.3.4 port 5022:11: disconnected by user", None),
    ("Connection closed by 1.2.3.4 port 5022 [preauth]", None),
    ("Server listening on 0.0.0.0 port 22.", None),
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(("text", "told"), TABLE, ids=[text[:60] for text, _ in TABLE])
def test_each_line_of_sshd_tells_what_the_table_says(
    text: str, told: Told | None, head: str
) -> None:
    found = read_line(write(text, head=head))
    assert (found and read_message("sshd", 7, text)) == told


@pytest.mark.parametrize("program", ["sshd", "sshd-session", "sshd-auth", "/usr/sbin/sshd"])
def test_all_processes_of_sshd_are_sshd(program: str) -> None:
    told = read("Accepted password for bob from 1.2.3.4 port 5022 ssh2", program)
    assert told is not None
    assert (told.program, told.user) == ("sshd", "bob")


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("CRON", "pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)"),
        ("CRON", "pam_unix(cron:session): session closed for user root"),
        ("systemd-logind", "New session 7 of user bob."),
        ("systemd-logind", "Removed session 7."),
        ("systemd", "pam_unix(systemd-user:session): session opened for user bob(uid=1000)"),
        ("bash", "Accepted password for root from 1.2.3.4 port 22 ssh2"),
        ("sshdx", "Accepted password for root from 1.2.3.4 port 22 ssh2"),
        ("sshd", "pam_unix(sudo:session): session opened for user root(uid=0) by bob(uid=1000)"),
        ("sudo", "Accepted password for root from 1.2.3.4 port 22 ssh2"),
        ("sudo", "pam_unix(sudo:session): session opened for user root(uid=0) by (uid=0)"),
        ("sudo", "pam_unix(sudo:session): session closed for user root"),
        ("sudo", "    root : TTY=pts/0 ; PWD=/ ; USER=postgres ; COMMAND=/bin/ls"),
        ("su", "(to postgres) root on none"),
        ("su", "pam_unix(su:session): session opened for user postgres(uid=113) by (uid=0)"),
    ],
)
def test_what_others_say_tells_nothing(program: str, text: str) -> None:
    assert read(text, program) is None


@pytest.mark.parametrize(
    ("program", "text", "deed", "method"),
    [
        (
            "sudo",
            "     bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/bin/ls /root",
            Deed.BECAME,
            "sudo root",
        ),
        (
            "sudo",
            "bob : PWD=/ ; USER=www ; ENV=A=b ; COMMAND=/bin/sh -c 'a ; USER=root ; COMMAND=b'",
            Deed.BECAME,
            "sudo www",
        ),
        (
            "sudo",
            "pam_unix(sudo:session): session opened for user root(uid=0) by bob(uid=1000)",
            Deed.BECAME,
            "sudo root",
        ),
        (
            "sudo",
            "bob : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/a",
            Deed.REFUSED,
            "sudo root",
        ),
        (
            "sudo",
            "bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/a",
            Deed.REFUSED,
            "sudo root",
        ),
        ("su", "(to root) bob on pts/0", Deed.BECAME, "su root"),
        (
            "su",
            "pam_unix(su-l:session): session opened for user root(uid=0) by bob(uid=1000)",
            Deed.BECAME,
            "su root",
        ),
        ("su", "FAILED SU (to root) bob on pts/0", Deed.REFUSED, "su root"),
    ],
)
def test_whoever_acts_as_somebody_else_is_of_a_kind_of_their_own(
    program: str, text: str, deed: Deed, method: str
) -> None:
    told = read(text, program)
    assert told is not None
    assert (told.deed, told.user, told.method) == (deed, "bob", method)


@pytest.mark.parametrize(
    ("text", "deed"),
    [
        ("pam_unix(login:session): session opened for user bob(uid=1000) by LOGIN(uid=0)", "in"),
        ("pam_unix(login:session): session closed for user bob", "out"),
        ("FAILED LOGIN (1) on '/dev/tty1' FOR 'bob', Authentication failure", "refused"),
    ],
)
def test_whoever_sits_at_the_machine_logs_in_too(text: str, deed: str) -> None:
    told = read(text, "login")
    assert told is not None
    deeds = {"in": Deed.ACCEPTED, "out": Deed.CLOSED, "refused": Deed.REFUSED}
    assert (told.deed, told.user, told.method) == (deeds[deed], "bob", "console")


def test_a_line_says_when_it_was_written_where_it_can() -> None:
    at = datetime(2026, 11, 26, 22, 31, 15, tzinfo=UTC).timestamp()
    assert read_stamp("2026-11-26T23:31:15+01:00", at + 60) == at
    assert read_stamp(str(int(at * 1e6)), at + 60) == at
    # Without a zone it may be anywhere, and a clock that is days off tells nothing.
    for stamp in ("Nov 26 22:31:15", "2026-11-26T22:31:15", "2020-01-01T00:00:00Z", "", "99"):
        assert read_stamp(stamp, at) == at


# -- what a stranger may type --------------------------------------------------------------------


def test_of_more_places_than_sshd_has_room_for_none_is_looked_at_to_its_end() -> None:
    # To see for each whether a key follows took 15 ms of a line, and 2 s of what is read at once.
    for places, address in ((50, "1.2.3.4"), (100, "")):
        forged = "x from 6.6.6.6 port 22 ssh2: RSA ID" * places
        told = read(f"Failed publickey for invalid user {forged} from 1.2.3.4 port 9 ssh2")
        assert told is not None
        assert told.address == address


ACCEPTED = "Accepted password for root from 6.6.6.6 port 22 ssh2"
FORGED = [
    ACCEPTED,
    f"x {ACCEPTED}",
    f"x\\n{ACCEPTED}",
    f"x#012{write(ACCEPTED)}",
    f"x#015#012{write(ACCEPTED)}",
    f"x\n{write(ACCEPTED)}",
    f"x\r\n{write(ACCEPTED)}",
    f"x\x0b{write(ACCEPTED)}",
    f"x\x85{write(ACCEPTED)}",
    f"x\u2028{write(ACCEPTED)}",
    write(ACCEPTED),
    write(ACCEPTED, head=HEADS[4]),
    f"x]: {ACCEPTED}",
    f"x sshd[1]: {ACCEPTED}",
    "x from 6.6.6.6 port 22 ssh2",
    "x from 6.6.6.6 port 22 ssh2: RSA SHA256:" + "z" * 43,
    "x from 6.6.6.6 port 22 ssh2: bob@EXAMPLE.COM",
    "x 6.6.6.6 port 22",
    "x 6.6.6.6 port 22 [preauth]",
    "user root 6.6.6.6 port 22",
    "Disconnected from user root 6.6.6.6 port 22",
    "pam_unix(sshd:session): session closed for user root",
    "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)",
    f"message repeated 99 times: [ {ACCEPTED}]",
    f"] message repeated 99 times: [ {ACCEPTED}",
    "invalid user root",
    "root from",
    " from 6.6.6.6 port 22 ssh2 from 6.6.6.6 port 22 ssh2",
    *("a_b", "<b>a</b>", "a*b", "имя", "名字", "\u202egnp.exe", "\\320\\277", "a\0b", "", " ", "'"),
]
PHRASES = [
    "Failed password for invalid user {name} from 9.9.9.9 port 999 ssh2",
    "Failed password for {name} from 9.9.9.9 port 999 ssh2",
    "Failed keyboard-interactive/pam for invalid user {name} from 9.9.9.9 port 999 ssh2",
    f"Failed publickey for invalid user {{name}} from 9.9.9.9 port 999 ssh2: {KEY}",
    "Failed none for invalid user {name} from 9.9.9.9 port 999 ssh2",
    "Invalid user {name} from 9.9.9.9 port 999",
    "Connection closed by invalid user {name} 9.9.9.9 port 999 [preauth]",
    "Disconnected from invalid user {name} 9.9.9.9 port 999 [preauth]",
    "Disconnecting invalid user {name} 9.9.9.9 port 999: Change of username or service [preauth]",
    "Disconnecting invalid user x 9.9.9.9 port 999: Change of username ({name},a) [preauth]",
    "error: maximum authentication attempts exceeded for {name} from 9.9.9.9 port 9 ssh2 [preauth]",
    "User {name} from 9.9.9.9 not allowed because not listed in AllowUsers",
    "error: PAM: Authentication failure for illegal user {name} from 9.9.9.9",
    "input_userauth_request: invalid user {name} [preauth]",
    "pam_unix(sshd:auth): authentication failure; logname= tty=ssh rhost=9.9.9.9  user={name}",
    "Received disconnect from 9.9.9.9 port 999:11: {name} [preauth]",
    "Bad protocol version identification '{name}' from 9.9.9.9 port 999",
    "fatal: userauth_pubkey: could not parse key: {name} [preauth]",
]
HARMLESS = {Deed.REFUSED, Deed.UNKNOWN, Deed.GONE}


def check_unforged(name: str, phrase: str, head: str) -> None:
    """Whatever the name is, nobody was let in, nobody left, and no other address is blamed."""
    line = write(phrase.format(name=name), head=head)
    for part in (line, *line.split("\n")[:1]):
        told = read_line(part)
        if told is not None:
            assert told.deed in HARMLESS
            assert told.address in {"9.9.9.9", ""}
            assert told.count == 1


@pytest.mark.parametrize("phrase", PHRASES, ids=[phrase[:40] for phrase in PHRASES])
def test_no_name_forges_an_event(phrase: str) -> None:
    for name in FORGED:
        for head in HEADS:
            check_unforged(name, phrase, head)


@given(
    st.text(max_size=100) | st.lists(st.sampled_from(FORGED), max_size=3).map(" ".join),
    st.sampled_from(PHRASES),
    st.sampled_from(HEADS),
)
@example("x from 6.6.6.6 port 22 ssh2 from 6.6.6.6 port 22 ssh2", PHRASES[0], HEADS[0])
def test_no_text_at_all_forges_an_event(name: str, phrase: str, head: str) -> None:
    check_unforged(name, phrase, head)


def test_what_a_certificate_says_blames_nobody_else() -> None:
    said = f"x from 6.6.6.6 port 22 ssh2: RSA-CERT SHA256:{'d' * 43} ID y"
    extra = CERTIFICATE.replace("bob@laptop", said)
    told = read(f"Failed publickey for root from 9.9.9.9 port 999 ssh2: {extra}")
    assert told is not None
    assert (told.deed, told.user, told.address) == (Deed.REFUSED, "root", "")


def test_a_hostile_name_is_kept_as_it_is_and_cut() -> None:
    told = read("Invalid user _<b>x</b> from 1.2.3.4 port 5022")
    assert told is not None
    assert told.user == "_<b>x</b>"
    told = read(f"Invalid user {'x' * 5000} from 1.2.3.4 port 5022")
    assert told is not None
    assert told.user == "x" * 100


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")))
def test_no_line_at_all_breaks_the_reader(line: str) -> None:
    told = read_line(line)
    assert told is None or isinstance(told, Told)


@pytest.mark.parametrize(
    "text",
    [
        "Failed publickey for " + " from 1.1.1.1 port 2 ssh2: RSA ID" * 230,
        "Failed password for " + " from " * 1300,
        "Failed publickey for " + " from 1.1.1.1 port 2 ssh2: A SHA256:" + "a" * 7000,
        "a : " + "A=b ; " * 1300,
        "pam_unix(sshd:session): session opened for user " + "a" * 8000,
    ],
)
def test_a_line_made_to_be_slow_is_read_at_once(text: str) -> None:
    # Quadratic would still be instant here; exponential would never end.
    for program in ("sshd", "sudo", "su", "login"):
        told = read(text, program)
        assert told is None or told.deed in HARMLESS
