"""The ceiling: one word in a file that only the host's owner can write."""

# ruff: noqa: RUF001 - what looks alike is the point
from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from agent.errors import Denied
from agent.owned import Untrusted, read_owned
from agent.policy import Ceiling, judge_ceiling, read_ceiling, render_raise, require
from agent.wire import Verb
from tests.agent.owners import NOT_ROOT, write_as_owner


@pytest.mark.parametrize(
    ("content", "ceiling"),
    [
        (b"monitor\n", Ceiling.MONITOR),
        (b"actions\n", Ceiling.ACTIONS),
        (b"shell\n", Ceiling.SHELL),
        (b"shell", Ceiling.SHELL),
        (b"  shell \r\n\n", Ceiling.SHELL),
    ],
)
def test_the_file_says_how_much_the_host_allows(
    content: bytes, ceiling: Ceiling, tmp_path: Path
) -> None:
    path = write_as_owner(tmp_path / "ceiling", content)
    standing = judge_ceiling(path, own=NOT_ROOT)
    assert standing.ceiling is ceiling
    assert standing.why == ""


def test_without_a_file_the_host_runs_its_actions(tmp_path: Path) -> None:
    for path in (tmp_path / "ceiling", tmp_path / "no-folder" / "ceiling"):
        assert judge_ceiling(path, own=NOT_ROOT).ceiling is Ceiling.ACTIONS
        assert read_ceiling(path, own=NOT_ROOT) is Ceiling.ACTIONS


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"",
            b"\n",
            b"Shell\n",
            b"SHELL",
            b"shell\nshell\n",
            b"shell # yes",
            b"# shell",
            b"shell;",
        ),
        *(b"root", b"shell\0", b"\xff\xfe", b"\xef\xbb\xbfshell", b"sh ell", "ѕhell".encode()),
        *(b"\x0bshell", "shell\u2028".encode(), "\u200bshell".encode(), b"shell" + b" " * 300),
    ],
)
def test_any_other_content_counts_as_monitor_and_says_why(content: bytes, tmp_path: Path) -> None:
    path = write_as_owner(tmp_path / "ceiling", content)
    standing = judge_ceiling(path, own=NOT_ROOT)
    assert standing.ceiling is Ceiling.MONITOR
    assert str(path) in standing.why
    assert standing.why.isprintable()


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666, 0o777, 0o602, 0o620])
def test_a_file_that_others_can_write_counts_as_monitor(mode: int, tmp_path: Path) -> None:
    path = write_as_owner(tmp_path / "ceiling", "shell\n", mode)
    standing = judge_ceiling(path, own=NOT_ROOT)
    assert standing.ceiling is Ceiling.MONITOR
    assert "can be written by others" in standing.why


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o444, 0o755])
def test_a_file_that_only_its_owner_can_write_counts(mode: int, tmp_path: Path) -> None:
    path = write_as_owner(tmp_path / "ceiling", "shell\n", mode)
    if os.access(path, os.R_OK):
        assert judge_ceiling(path, own=NOT_ROOT).ceiling is Ceiling.SHELL


@pytest.mark.parametrize(
    ("mode", "counts"), [(0o755, True), (0o775, False), (0o777, False), (0o1777, True)]
)
def test_a_file_in_a_folder_where_others_can_replace_it_counts_as_monitor(
    mode: int, *, counts: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    folder.chmod(mode)
    path = write_as_owner(folder / "ceiling", "shell\n")
    assert (judge_ceiling(path, own=NOT_ROOT).ceiling is Ceiling.SHELL) is counts


def test_a_file_that_somebody_could_have_taken_away_counts_as_monitor(tmp_path: Path) -> None:
    above = tmp_path / "etc"
    (above / "opswire").mkdir(parents=True)
    above.chmod(0o777)
    for path in (above / "ceiling", above / "opswire" / "ceiling", above / "none" / "ceiling"):
        standing = judge_ceiling(path, own=NOT_ROOT)
        assert standing.ceiling is Ceiling.MONITOR
        assert f"{above} can be written by others" in standing.why
    above.chmod(0o755)
    ours = frozenset({above.stat().st_uid or 4242})
    if above.stat().st_uid == 0:
        os.chown(above, 4242, -1)
    assert judge_ceiling(above / "ceiling", own=ours).ceiling is Ceiling.MONITOR


def test_a_file_of_a_user_that_the_agent_is_counts_as_monitor(tmp_path: Path) -> None:
    path = write_as_owner(tmp_path / "ceiling", "shell\n")
    owner = path.stat().st_uid
    if owner == 0:
        os.chown(path, 4242, -1)
    theirs = path.stat().st_uid
    for own in ({theirs}, {theirs, 77}, {0}, {0, 77}):
        standing = judge_ceiling(path, own=frozenset(own))
        assert standing.ceiling is Ceiling.MONITOR
        assert "not to root" in standing.why


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of root")
def test_a_file_of_root_counts_for_an_agent_that_is_root(tmp_path: Path) -> None:
    path = write_as_owner(tmp_path / "ceiling", "shell\n")
    assert judge_ceiling(path).ceiling is Ceiling.SHELL
    assert read_ceiling(path) is Ceiling.SHELL


def test_a_link_a_folder_or_a_pipe_in_its_place_counts_as_monitor(tmp_path: Path) -> None:
    real = write_as_owner(tmp_path / "real", "shell\n")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "folder", "pipe"):
        standing = judge_ceiling(tmp_path / name, own=NOT_ROOT)
        assert standing.ceiling is Ceiling.MONITOR, name
        assert standing.why


def test_a_folder_in_the_way_that_is_none_counts_as_monitor(tmp_path: Path) -> None:
    write_as_owner(tmp_path / "file", "x")
    standing = judge_ceiling(tmp_path / "file" / "ceiling", own=NOT_ROOT)
    assert standing.ceiling is Ceiling.MONITOR


def test_what_is_wrong_with_the_file_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_as_owner(tmp_path / "ceiling", "Shell\n", 0o666)
    with caplog.at_level(logging.WARNING):
        assert read_ceiling(path, own=NOT_ROOT) is Ceiling.MONITOR
    assert "can be written by others" in caplog.text


FREE = (
    *(Verb.CANCEL, Verb.FOLLOW, Verb.FETCH, Verb.PORTS, Verb.TOP, Verb.SESSIONS, Verb.LOGINS),
    Verb.DESCRIBE,
)


@pytest.mark.parametrize("ceiling", Ceiling)
@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("is_shell", [False, True])
def test_the_host_does_what_its_ceiling_covers_and_nothing_above(
    ceiling: Ceiling, verb: Verb, *, is_shell: bool
) -> None:
    needs = Ceiling.SHELL if is_shell else Ceiling.MONITOR if verb in FREE else Ceiling.ACTIONS
    if ceiling.rank >= needs.rank:
        require(ceiling, verb, is_shell=is_shell)
        return
    with pytest.raises(Denied) as refused:
        require(ceiling, verb, is_shell=is_shell)
    assert refused.value.rule == "ceiling"
    assert f"its ceiling is {ceiling.value}" in refused.value.sentence
    assert refused.value.remedy == f"echo {needs.value} | sudo tee /etc/opswire/ceiling"


def test_a_refusal_because_of_a_wrong_file_says_so_and_mends_it(tmp_path: Path) -> None:
    path = write_as_owner(tmp_path / "ceiling", "shell\n", 0o666)
    standing = judge_ceiling(path, own=NOT_ROOT)
    with pytest.raises(Denied) as refused:
        require(standing.ceiling, Verb.RUN, is_shell=True, why=standing.why, path=path)
    assert "can be written by others" in refused.value.sentence
    assert refused.value.remedy == f"echo shell | sudo install -D -m 644 /dev/stdin {path}"
    assert render_raise(Ceiling.SHELL) == "echo shell | sudo tee /etc/opswire/ceiling"


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = write_as_owner(tmp_path / "file", "12345")
    assert read_owned(path, at_most=5, own=NOT_ROOT) == b"12345"
    with pytest.raises(Untrusted):
        read_owned(path, at_most=4, own=NOT_ROOT)
