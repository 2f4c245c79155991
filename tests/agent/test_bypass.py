"""Nothing passes the catalogue by a trick: wrappers, options, paths, hidden characters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.actions import SHIPPED
from agent.catalogue import Catalogue, load_catalogue
from agent.errors import Denied
from tests.agent.owners import NOT_ROOT, write_as_owner
from tests.agent.tricks import ALL, WRAPPERS


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(None, find=lambda name: f"/usr/bin/{name}")


def test_there_are_enough_tricks() -> None:
    assert len(ALL) >= 400


@pytest.mark.parametrize("text", ALL, ids=ascii)
def test_no_trick_passes(catalogue: Catalogue, text: str) -> None:
    with pytest.raises(Denied) as refused:
        catalogue.match(text)
    refusal = refused.value
    assert refusal.rule in {"words", "catalogue", "argument"}
    assert refusal.sentence
    # What is told about hidden characters hides none itself.
    assert refusal.sentence.isprintable()
    assert refusal.remedy.isprintable()
    assert refusal.remedy.startswith(("echo ", "printf "))
    assert refusal.nearest == "" or catalogue.match(refusal.nearest).argv


@pytest.mark.parametrize("text", WRAPPERS)
def test_nobody_is_told_how_to_allow_a_program_that_runs_others(
    catalogue: Catalogue, text: str
) -> None:
    program = text.split(maxsplit=1)[0]
    with pytest.raises(Denied) as refused:
        catalogue.match(text)
    if program in {"env", "bash", "sudo", "busybox", "xargs", "find", "tar", "awk", "git", "ssh"}:
        assert refused.value.remedy == "echo shell | sudo tee /etc/opswire/ceiling"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("sudo df", "df -h"),
        ("/usr/bin/df", "df -h"),
        ("bash -c 'journalctl -xe'", "journalctl -u nginx -n 50"),
        ("ps aux | grep x", "ps aux"),
        ("jornalctl -xe", "journalctl -u nginx -n 50"),
        ("systemct", "systemctl status nginx"),
        ("DF -h", "df -h"),
        ("cat /etc/shadow", "cat /etc/os-release"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_a_refusal_names_the_action_that_comes_closest(
    catalogue: Catalogue, text: str, nearest: str
) -> None:
    with pytest.raises(Denied) as refused:
        catalogue.match(text)
    assert refused.value.nearest == nearest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lsof -i", "lsof is no action of this host"),
        ("ping -f 1.1.1.1", "ping: -f is no option that is allowed here"),
        ("ping -c 99 1.1.1.1", "ping: 99 is no number from 1 to 20"),
        ("ping", "ping: something is missing: HOST"),
        ("cat /etc/shadow", "cat: /etc/shadow does not lie under /var/log"),
        (
            "systemctl restart nginx",
            "systemctl: restart does not go here; an example: systemctl status nginx",
        ),
        ("journalctl -u", "journalctl: -u lacks its value: UNIT"),
        ("ps -ef -ely", "ps: -ely does not go with the option before"),
        ("uptime now", "uptime: now is too much"),
        ("df \u202e-h", "<U+202E> cannot be seen"),
    ],
)
def test_a_refusal_says_what_is_wrong(catalogue: Catalogue, text: str, says: str) -> None:
    with pytest.raises(Denied) as refused:
        catalogue.match(text)
    assert says in refused.value.sentence


def test_a_link_in_an_allowed_folder_that_leads_out_of_it_is_not_followed(tmp_path: Path) -> None:
    owner = tmp_path / "actions.yml"
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "evil").symlink_to("/etc/shadow")
    (logs / "up").symlink_to("/")
    write_as_owner(
        owner, f'"show {{file}}": {{run: "cat {{file}}", arguments: {{file: {{under: {logs}}}}}}}'
    )
    catalogue = load_catalogue(owner, own=NOT_ROOT)
    for each in ("evil", "up/etc/shadow", "../actions.yml", "up"):
        with pytest.raises(Denied):
            catalogue.match(f"show {logs}/{each}")
    assert catalogue.match(f"show {logs}/good").argv[1:] == (f"{logs}/good",)


NAMES = sorted({each.name for each in SHIPPED})
PIECES = st.sampled_from(
    [
        *NAMES,
        *(
            "-h",
            "-n",
            "5",
            "-c",
            "-f",
            "--",
            "-",
            "aux",
            "e",
            "status",
            "nginx",
            "/etc/shadow",
            "--x=y",
        ),
        *(
            "/var/log/syslog",
            "/var/log/../../etc/shadow",
            "'",
            '"',
            "$(id)",
            ";",
            "|",
            "\n",
            "\0",
            "\t",
        ),
        *(
            "\u200b",
            "\u202e",
            "\u00a0",
            "--since",
            "today",
            "@1.1.1.1",
            "+short",
            "show",
            "addr",
            "=",
        ),
        *("sh", "bash", "env", "-K", "exec", "=:80", ":80", "sport", "1.1.1.1", "example.com"),
    ]
)


@settings(max_examples=1500)
@given(st.lists(PIECES | st.text(max_size=6), max_size=8).map(" ".join) | st.text(max_size=60))
def test_whatever_is_typed_only_an_actions_program_runs_and_no_word_of_it_hides(text: str) -> None:
    catalogue = load_catalogue(None, find=lambda name: f"/usr/bin/{name}")
    match = refusal = None
    try:
        match = catalogue.match(text)
    except Denied as refused:
        refusal = refused
    if match is None:
        assert refusal is not None
        assert (refusal.sentence + refusal.remedy + refusal.nearest).isprintable()
        return
    assert match.argv[0] == f"/usr/bin/{match.name}"
    assert match.name in NAMES
    assert all(word.isprintable() for word in match.argv)
    if match.name in {"cat", "head", "tail", "wc"}:
        assert "/etc/shadow" not in match.argv
    assert match.is_read_only
