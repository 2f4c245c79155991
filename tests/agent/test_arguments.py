"""A value has a grammar; what does not fit it is not run."""

# ruff: noqa: RUF001 - what looks alike is the point
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.arguments import (
    Grammar,
    Host,
    Like,
    Moment,
    Name,
    OneOf,
    Place,
    SomeOf,
    Text,
    Unfit,
    Unit,
    Whole,
    parse_port,
)
from agent.errors import Denied

VALUES: tuple[Grammar, ...] = (
    Whole(0, 99),
    Unit(),
    Name(),
    Host(),
    Host("@"),
    Moment(),
    Like(".*", "ANY"),
    Text(),
    Place(folders=("/",)),
)

GOOD: list[tuple[Grammar, str]] = [
    (OneOf(("a", "-b")), "-b"),
    (SomeOf(("err", "warn")), "err,warn"),
    (Whole(1, 50), "50"),
    (Whole(0, 5), "0"),
    (Unit(), "nginx"),
    (Unit(), "getty@tty1.service"),
    (Unit(), "dev-sda1.device"),
    (Name(), "eth0.100"),
    (Host(), "example.com"),
    (Host(), "example.com."),
    (Host(), "_dmarc.example.com"),
    (Host(), "1.1.1.1"),
    (Host(), "2001:db8::1"),
    (Host("@"), "@1.1.1.1"),
    (Moment(), "2 hours ago"),
    (Moment(), "2030-01-31 09:30"),
    (Like(":[0-9]+", ":PORT"), ":80"),
    (Text(), "out of memory (killed)"),
]
BAD: list[tuple[Grammar, str]] = [
    (OneOf(("a",)), "A"),
    (OneOf(("a",)), ""),
    (SomeOf(("err",)), "err,"),
    (Whole(1, 50), "51"),
    (Whole(1, 50), "0"),
    (Whole(1, 50), "01"),
    (Whole(1, 50), "+1"),
    (Whole(1, 50), "1_0"),
    (Whole(1, 50), " 1"),
    (Whole(1, 50), "1\n"),
    (Whole(1, 50), "٣"),
    (Whole(1, 50), "²"),
    (Whole(1, 50), "９"),
    (Unit(), "a*"),
    (Unit(), "../x"),
    (Unit(), "a b"),
    (Unit(), "nginx\n"),
    (Unit(), "x" * 256),
    (Name(), "a/b"),
    (Name(), "a=b"),
    (Host(), "fe80::1%eth0"),
    (Host(), "a..b"),
    (Host(), "a/b"),
    (Host(), "exаmple.com"),
    (Host(), "١.١.١.١"),
    (Host("@"), "1.1.1.1"),
    (Host("@"), "@/etc/passwd"),
    (Host("@"), "@"),
    (Moment(), "whenever"),
    (Moment(), "today; id"),
    (Like(":[0-9]+", ":PORT"), ":80 "),
    (Text(), "x" * 201),
]


@pytest.mark.parametrize(("grammar", "word"), GOOD)
def test_a_word_that_fits_is_run_as_it_is(grammar: Grammar, word: str) -> None:
    assert grammar.accept(word) == word


@pytest.mark.parametrize(("grammar", "word"), BAD)
def test_a_word_that_does_not_fit_is_refused_with_a_sentence(grammar: Grammar, word: str) -> None:
    with pytest.raises(Unfit) as refused:
        grammar.accept(word)
    assert refused.value.sentence.isprintable()


@pytest.mark.parametrize("grammar", VALUES)
@given(word=st.text(max_size=12))
def test_no_value_is_empty_or_hidden_or_begins_with_a_dash(grammar: Grammar, word: str) -> None:
    for each in (word, f"-{word}", f"@-{word}"):
        try:
            accepted = grammar.accept(each)
        except Unfit:
            continue
        assert accepted
        assert accepted.isprintable()
        assert not accepted.startswith("-")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "logs"
    (inside / "deep").mkdir(parents=True)
    (inside / "app.log").write_text("x")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "logs-of-others").mkdir()
    return inside


def place(folder: Path) -> Place:
    return Place(folders=(str(folder),), files=("/etc/hostname",))


def test_a_path_is_run_as_what_it_leads_to(folder: Path) -> None:
    (folder / "now").symlink_to(folder / "app.log")
    for written in ("app.log", "deep/../app.log", "./app.log", "deep//../app.log", "now"):
        assert place(folder).accept(f"{folder}/{written}") == f"{folder}/app.log"
    assert place(folder).accept(f"{folder}/not-there") == f"{folder}/not-there"
    assert place(folder).accept("/etc/hostname") == "/etc/hostname"


def test_a_path_that_leaves_its_folder_is_refused(folder: Path) -> None:
    (folder / "out").symlink_to(folder.parent / "secret")
    (folder / "up").symlink_to("..")
    (folder / "chain").symlink_to(folder / "up")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "root").symlink_to("/proc/self/root")
    written = (
        *("out", "up/secret", "chain/secret", "../secret", "deep/../../secret", "/../secret"),
        *("../logs-of-others", "..", "loop/../out", "root/etc/passwd"),
    )
    for each in written:
        with pytest.raises(Unfit):
            place(folder).accept(f"{folder}/{each}")
    for each in (f"{folder}-of-others", "app.log", "logs/app.log", "/", "/etc/shadow", "~/x"):
        with pytest.raises(Unfit):
            place(folder).accept(each)


def test_a_path_by_a_link_that_may_not_be_read_is_refused() -> None:
    for each in ("/proc/1/cwd/etc/shadow", "/proc/1/exe", "/proc/2/exe"):
        with pytest.raises(Unfit):
            Place(folders=("/var/log",)).accept(each)


def test_a_folder_that_is_itself_a_link_is_the_folder_it_leads_to(folder: Path) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert place(link).accept(f"{link}/app.log") == f"{folder}/app.log"


def test_a_path_to_a_pipe_or_a_device_is_refused(folder: Path) -> None:
    import os  # noqa: PLC0415 - for this one test

    os.mkfifo(folder / "pipe")
    (folder / "null").symlink_to("/dev/null")
    for each in ("pipe", "null"):
        with pytest.raises(Unfit):
            place(folder).accept(f"{folder}/{each}")


def test_a_link_to_a_name_that_cannot_be_shown_is_refused(folder: Path) -> None:
    (folder / "a\nb").write_text("x")
    (folder / "link").symlink_to(folder / "a\nb")
    with pytest.raises(Unfit):
        place(folder).accept(f"{folder}/link")


@pytest.mark.parametrize("value", [1, 22, 65535, "1", "80", "443", "9876", "65535"])
def test_a_port_is_a_number_of_a_port(value: object) -> None:
    assert parse_port(value) == int(str(value))


@pytest.mark.parametrize(
    "value",
    [
        *(
            "abc",
            "0",
            "65536",
            "1;id",
            "-1",
            "1;echo${IFS}X>file",
            "",
            " 80",
            "80 ",
            "80.0",
            "80\n",
        ),
        *("٣", "²", "８０", "1_0", "0x50", "080", "+80", "1e3", "99999999999", "80,81", "80-90"),
        *(0, -1, 65536, True, 80.0, None),
    ],
)
def test_anything_else_is_no_port(value: object) -> None:
    with pytest.raises(Denied) as refused:
        parse_port(value)
    assert refused.value.rule == "argument"
    assert refused.value.sentence.isprintable()
