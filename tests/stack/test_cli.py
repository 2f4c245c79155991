from __future__ import annotations

import errno
import os

import pytest

from deploy.stack import cli
from deploy.stack.suggestion import suggest
from deploy.stack.trial import SEVERITIES


@pytest.fixture(autouse=True)
def stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cli.ROOT)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("staus", "status"), ("stat", "status"), ("tset", "test"), ("docter", "doctor")],
)
def test_a_mistyped_word_gets_the_nearest(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([typed]) == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_a_word_like_no_other_gets_no_guess() -> None:
    assert suggest("xyz", cli.COMMANDS) == ""


def test_docker_asked_for_where_there_is_none_says_the_way_that_works(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert cli.main(["--docker"]) == 1
    said = capsys.readouterr().err
    assert "no docker on PATH" in said
    assert "./start.sh --native" in said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full (/a b/file): make room"),
        (errno.EACCES, "/a b/file: permission denied; where it is another user's"),
    ],
    ids=["full", "somebody else's"],
)
def test_a_file_that_cannot_be_written_is_a_sentence(
    number: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> int:
        raise OSError(number, os.strerror(number), "/a b/file")

    monkeypatch.setattr(cli, "perform", fail)
    assert cli.main(["status"]) == 1
    assert said in capsys.readouterr().err


def test_a_fault_that_nobody_knows_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise OSError(errno.EBADF, "of ours")

    monkeypatch.setattr(cli, "perform", fail)
    with pytest.raises(OSError, match="of ours"):
        cli.main(["status"])


def test_only_containers_run_on_by_themselves(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["--native", "--detach"]) == 1
    assert "--docker --detach" in capsys.readouterr().err


def test_every_word_is_done_and_shown_in_the_help() -> None:
    assert set(cli.ACTIONS) | {"run"} == set(cli.COMMANDS)
    assert set(cli.ABOUT_CONTAINERS) == set(cli.COMMANDS) - {"run", "test", "agent"}
    text = cli.create_parser().format_help()
    assert all(word in text for word in cli.COMMANDS)


def test_the_version_is_the_projects(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"Opswire {cli.read_version()}\n"


def test_words_behind_two_dashes_are_pytests() -> None:
    wish = cli.parse(["test", "--", "-k", "one or two", "--", "x"])
    assert wish.passed == ["-k", "one or two", "--", "x"]


def test_a_severity_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test-alert", "loud"]) == 2
    assert "critical, warning, info" in capsys.readouterr().err


def test_the_completion_knows_every_word() -> None:
    text = (cli.ROOT / "deploy" / "completion.bash").read_text(encoding="utf-8")
    assert all(word in text for word in (*cli.COMMANDS, *SEVERITIES))
