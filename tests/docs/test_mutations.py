"""Each check of the manual fails where something is missing or wrong, shown on a few lines."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.docs import checks, rows
from tests.docs.checks import Names
from tests.docs.pages import Page
from tests.docs.tables import put_parts

NAMES = Names(
    settings={"BOT_TOKEN", "BOT_TOKEN_FILE"},
    limits={"MESSAGE_CHARACTERS"},
    figures={"opswire_ready", "opswire_webhook_seconds"},
    recorded={"host:up:since"},
    alerts={"AgentDown"},
    commands={"agents", "mon_cpu"},
    words={"status", "console", "test-alert"},
    deeds={"people list", "enrol"},
    modules={"bridge", "tests.docs.write", "agent.rooted"},
    tests={"test_it_is_so"},
    files={"README.md", "docs/hosts.md", "bridge/app.py", "docs/README.md"},
    made={"prometheus/prometheus.local.yml"},
    foreign={"/alerts", "PATH"},
)


def read(text: str, name: str = "README.md") -> dict[str, Page]:
    return {name: Page(PurePosixPath(name), text)}


RIGHT = """
`BOT_TOKEN`, `BOT_TOKEN_FILE=/path`, `MESSAGE_CHARACTERS`, `opswire_ready`,
`opswire_webhook_seconds_bucket`, `host:up:since{host="web-1"}`, `host:port`,
`amtool silence add alertname=AgentDown`, `/agents`, `/mon_cpu web-1`, `/alerts`,
`/alerts/<chat>`, `./start.sh status`, `python -m bridge people list`, `python -m bridge people`,
`.venv/bin/python -m bridge enrol web-1`, `python -m tests.docs.write`, `test_it_is_so`,
`bridge/app.py`, `bridge/app`, `docs/`, `docs/runbooks/*.md`, `/etc/opswire/ceiling`, `bridge/…`
"""


def test_what_is_right_is_left_alone() -> None:
    assert list(checks.find_unknown(read(RIGHT), NAMES)) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("`BOT_TOKEN` is `BOT_TOKN_X`", "setting BOT_TOKN_X"),
        ("`WEBHOOK_TOKEN_FILE`", "setting WEBHOOK_TOKEN_FILE"),
        ("`opswire_redy`", "metric opswire_redy"),
        ("`sum(opswire_ready_total)`", "metric opswire_ready_total"),
        ("`host:up:sinse`", "series host:up:sinse"),
        ("`alertname=AgentDwn`", "alert AgentDwn"),
        ("`/agent`", "command /agent"),
        ("`/mon_cpus web-1`", "command /mon_cpus"),
        ("`./start.sh stauts`", "word of start.sh stauts"),
        ("`python -m bridge people lst`", "word of the console people lst"),
        ("`./start.sh console people lst`", "word of the console people lst"),
        ("`python -m bridge persons`", "word of the console persons"),
        ("`python -m tests.docs.wrote`", "module tests.docs.wrote"),
        ("`test_it_is_not_so`", "test test_it_is_not_so"),
        ("`bridge/ap.py`", "file bridge/ap.py"),
        ("```sh\n./start.sh stauts\n```", "word of start.sh stauts"),
        ("    ./start.sh stauts", "word of start.sh stauts"),
        ("| a |\n| --- |\n| `/agent` |", "command /agent"),
    ],
)
def test_what_does_not_exist_is_named(wrong: str, named: str) -> None:
    assert [named in each for each in checks.find_unknown(read(wrong), NAMES)] == [True]


def test_a_page_may_speak_of_another_programs_words_that_it_names() -> None:
    text = "<!-- theirs: /stop, CHECK_INTERVAL -->\n\n`/stop`, `CHECK_INTERVAL`, `/halt`\n"
    [fault] = checks.find_unknown(read(text), NAMES)
    assert "/halt" in fault


@pytest.mark.parametrize(
    ("word", "is_wrong"), [("/stop", False), ("/agents", True), ("BOT_TOKEN", True), ("/go", True)]
)
def test_a_word_is_another_programs_only_where_it_is_not_ours(word: str, *, is_wrong: bool) -> None:
    pages = read(f"<!-- theirs: {word} -->\n\n`/stop`, `/agents`, `BOT_TOKEN`\n")
    assert len(list(checks.find_not_theirs(pages, NAMES))) == is_wrong


PAGES = {
    **read("[hosts](docs/hosts.md#add-a-host) [folder](docs) ![](docs/hosts.md)\n"),
    **read("# Hosts\n\n## Add a `host`!\n\n[up](../README.md)\n", "docs/hosts.md"),
    **read("# The manual\n\n[hosts](hosts.md)\n", "docs/README.md"),
}


def test_links_that_lead_somewhere_are_left_alone() -> None:
    assert list(checks.find_dead_links(PAGES, NAMES.files)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "[hosts](docs/host.md)",
        "[hosts](docs/hosts.md#add-host)",
        "[here](#nowhere)",
        "![picture](docs/images/none.png)",
        "[app](bridge/app.py#start)",
        "[by name][there]\n\n[there]: docs/host.md",
    ],
)
def test_a_link_that_leads_nowhere_is_named(wrong: str) -> None:
    assert len(list(checks.find_dead_links({**PAGES, **read(wrong)}, NAMES.files))) == 1


def test_a_heading_that_stands_twice_has_two_anchors() -> None:
    page = Page(PurePosixPath("x.md"), "# One\n\n# One\n\n# What's `x_y`, then?\n")
    assert page.anchors == {"one", "one-1", "whats-x_y-then"}


def test_a_page_that_the_index_leaves_out_is_named() -> None:
    pages = {**PAGES, **read("# Lost\n", "docs/runbooks/Lost.md")}
    assert list(checks.find_unlisted(PAGES, "docs/README.md")) == []
    assert ["Lost.md" in each for each in checks.find_unlisted(pages, "docs/README.md")] == [True]


@pytest.mark.parametrize(
    ("there_is", "told"), [({"a", "b"}, {"a"}), ({"a"}, {"a", "b"}), ({"a"}, {"b"})]
)
def test_what_is_not_told_of_and_what_is_not_there_are_both_named(
    there_is: set[str], told: set[str]
) -> None:
    assert len(list(checks.find_untold("alert", there_is, told))) == len(there_is ^ told)
    assert list(checks.find_untold("alert", there_is, there_is)) == []


STATUS = {r"\./start\.sh status": "a test"}


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n$ ./start.sh   status  # all of it\n```",
        "    ./start.sh status",
        "<!-- needs: root -->\n```sh\nrm -rf /\n```\n\n```sh\n./start.sh status\n```",
        "<!-- needs: root -->\n\n    sudo true\n\nand\n\n    ./start.sh \\\n        status",
        "```yaml\nrm -rf /\n```\n\n    ./start.sh status\n\n    web-1 192.0.2.10:9100",
    ],
)
def test_commands_that_are_tried_or_say_what_they_need_are_left_alone(text: str) -> None:
    assert list(checks.find_untried(read(text), STATUS)) == []
    assert list(checks.find_wrong_marks(read(text), {"root"})) == []


@pytest.mark.parametrize(
    "text",
    [
        "```sh\n./start.sh status\nanything at all\n```",
        "    ./start.sh status\n    rm -rf /",
        "```\n./start.sh status\nsudo reboot\n```",
        "<!-- needs: root -->\n\nA word.\n\n    sudo reboot\n\nand\n\n    ./start.sh status",
    ],
)
def test_a_command_that_nobody_tries_is_named(text: str) -> None:
    assert len(list(checks.find_untried(read(text), STATUS))) == 1


def test_a_command_may_say_by_itself_what_it_needs() -> None:
    text = "    ./start.sh status\n    sudo reboot\n    docker ps"
    [fault] = checks.find_untried(read(text), STATUS, {"sudo .*"})
    assert "docker ps" in fault


def test_a_row_of_the_table_without_a_command_is_named() -> None:
    assert len(list(checks.find_untried(read("No command."), STATUS))) == 1


def test_a_mark_that_nobody_knows_is_named() -> None:
    text = "<!-- needs: luck -->\n```sh\nrm -rf /\n```"
    assert len(list(checks.find_wrong_marks(read(text), {"root"}))) == 1


@pytest.mark.parametrize(
    "stale",
    [
        "| a |\n| --- |\n| one |\n",  # a row is missing
        "| a |\n| --- |\n| one |\n| two |\n| three |\n",  # one row does not exist
        "| a |\n| --- |\n| one |\n| 2 |\n",  # one says something else
        "",  # nothing stands there yet
    ],
)
def test_a_table_that_is_not_what_the_code_says_is_seen_and_mended(stale: str) -> None:
    def make() -> list[str]:
        return ["| a |", "| --- |", "| one |", "| two |"]

    before, after = "# Title\n\n<!-- made: it -->\n", "\nWords that stay.\n"
    text = before + (f"\n{stale}" if stale else "") + after
    right = before + "\n| a |\n| --- |\n| one |\n| two |\n" + after
    assert text != right
    assert put_parts(text, {"it": make}) == right
    assert put_parts(right, {"it": make}) == right


ALERTS = "| [`AgentDown`](runbooks/AgentDown.md) | critical | silent |\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ALERTS.replace("critical", "warning"),
        ALERTS.replace("AgentDown.md", "HighLoad.md"),
        ALERTS.replace("[`AgentDown`](runbooks/AgentDown.md)", "`AgentDown`"),
        ALERTS + ALERTS.replace("AgentDown", "AgentUp"),
        "",
    ],
)
def test_an_alert_without_its_row_severity_or_runbook_is_seen(wrong: str) -> None:
    assert rows.read_alerts(ALERTS) == {"AgentDown": "critical"}
    assert rows.read_alerts(wrong) != {"AgentDown": "critical"}


PORTS = "| 8002 | the bridge | `SERVER_HOST` | `SERVER_PORT` | anybody |\n"


@pytest.mark.parametrize(
    "wrong", ["", PORTS.replace("8002", "8003"), PORTS.replace("`SERVER_PORT`", "nothing")]
)
def test_a_port_that_is_missing_or_another_is_seen(wrong: str) -> None:
    assert rows.read_ports(PORTS) == {"SERVER_PORT": "8002"}
    assert rows.read_ports(wrong) != {"SERVER_PORT": "8002"}


KEPT = (
    "| table | holds | until |\n| --- | --- | --- |\n| `people`, `codes` | `who` | gone |\n\n`no`"
)
DEEDS = (
    "| `./start.sh console …` | does |\n| --- | --- |\n| `people list`, `enrol <name>` | `x` |\n\n"
)
WORDS = (
    "| call | does |\n| --- | --- |\n| `./start.sh` | all |\n| `./start.sh logs [name]` | shows |\n"
)


def test_what_the_tables_tell_of_is_read_from_their_first_column_alone() -> None:
    assert rows.read_kept(KEPT) == ["people", "codes"]
    assert rows.read_deeds(DEEDS) == {"people list", "enrol"}
    assert rows.read_words(WORDS) == {"logs"}
    assert rows.read_kinds("| kind | `cpu`, `mem` |\n| other | `disk` |") == {"cpu", "mem"}
    assert rows.read_series("`host:up:since`, `host:up:avg1h{host}`") == {"host:up:since"}


def test_a_row_that_is_taken_out_is_missed() -> None:
    assert rows.read_kept(KEPT.replace("`codes`", "")) == ["people"]
    assert rows.read_deeds(DEEDS.replace("people list", "people lst")) == {"people lst", "enrol"}
    assert rows.read_words(WORDS.replace("logs [name]", "")) == set()
    assert rows.read_kinds("| kinds | `cpu` |") == set()


def test_options_and_words_that_stand_twice_are_seen() -> None:
    assert rows.find_unsaid({"--docker", "--native"}, "`./start.sh --docker-x`") == ["--native"]
    assert rows.find_unsaid({"--docker"}, "`./start.sh x--docker`") == ["--docker"]
    assert rows.find_twice("| a | one |\n| --- | --- |\n| b | x |\n| a | two |\n") == ["a"]
