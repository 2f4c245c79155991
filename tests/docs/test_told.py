"""What there is, is told of; what is told of, is there."""

from __future__ import annotations

import re

import pytest

from bridge.core.kinds import AlertKind
from deploy.stack.cli import create_parser
from tests.docs import checks, project, rows
from tests.docs.tables import PARTS, find_parts, put_parts

PAGES = project.read_pages()
SHOUTED = re.compile(r"^\| `([A-Z][A-Z_]+)` \|", re.MULTILINE)
INDEX = "docs/README.md"
PARTS_OF = {
    "README.md": ["commands", "short settings"],
    "docs/configuration.md": ["settings", "secrets", "old names"],
    "docs/agent-settings.md": ["agent settings"],
    "docs/metrics.md": ["bridge metrics", "agent metrics"],
}


def test_every_link_and_every_heading_that_it_names_is_there() -> None:
    files = project.list_files() | project.AWAITED_FILES
    assert list(checks.find_dead_links(PAGES, files)) == []


def test_every_page_is_in_the_index() -> None:
    assert list(checks.find_unlisted(PAGES, INDEX)) == []


def test_nothing_is_told_of_that_does_not_exist() -> None:
    assert list(checks.find_unknown(PAGES, project.name_everything())) == []


def test_what_is_taken_for_another_programs_is_not_ours() -> None:
    assert list(checks.find_not_theirs(PAGES, project.name_everything())) == []


@pytest.mark.parametrize("name", PARTS_OF)
def test_what_the_code_dictates_stands_there_as_it_dictates_it(name: str) -> None:
    text = PAGES[name].text
    assert find_parts(text) == PARTS_OF[name]
    assert put_parts(text) == text, "python -m tests.docs.write brings it up to date"


def test_each_part_that_the_code_dictates_has_its_page() -> None:
    assert sorted(part for parts in PARTS_OF.values() for part in parts) == sorted(PARTS)


def test_every_alert_has_its_row_with_its_severity_and_a_runbook() -> None:
    alerts, _ = project.read_rules()
    assert rows.read_alerts(PAGES["docs/alerts.md"].text) == alerts
    runbooks = {name.rsplit("/", 1)[1] for name in PAGES if name.startswith("docs/runbooks/")}
    assert list(checks.find_untold("runbook", (f"{each}.md" for each in alerts), runbooks)) == []


@pytest.mark.parametrize("heading", ["What it means", "Look first", "Mend", "Silence"])
def test_every_runbook_says(heading: str) -> None:
    for name, page in PAGES.items():
        if name.startswith("docs/runbooks/"):
            assert f"## {heading}" in page.text, name


def test_a_runbook_that_names_a_tool_leads_to_where_it_lies() -> None:
    """A setup of ours puts Alertmanager's tools on nobody's `PATH`."""
    for name, page in PAGES.items():
        typed = any(text.startswith("amtool ") for _, text in page.words)
        if name.startswith("docs/runbooks/") and typed:
            assert "../alerts.md#silencing" in {link.target for link in page.links}, name


def test_every_recorded_series_is_told_of() -> None:
    told = rows.read_series(PAGES["docs/metrics.md"].text)
    assert list(checks.find_untold("series", project.read_rules()[1], told)) == []


def test_every_table_of_the_database_is_told_of_once_with_how_long_it_is_kept() -> None:
    told = rows.read_kept(PAGES["docs/data.md"].text)
    assert list(checks.find_untold("table", project.name_tables(), told)) == []
    assert len(told) == len(set(told))


def test_every_port_is_in_the_port_table_with_what_moves_it() -> None:
    settings = [*project.list_settings(of_agent=False), *project.list_settings(of_agent=True)]
    ports = {each.name: each.default for each in settings if each.name.endswith("_PORT")}
    assert rows.read_ports(PAGES["docs/security.md"].text) == ports


def test_every_option_of_start_sh_is_told_of() -> None:
    options = set(re.findall(r"--[a-z][a-z-]+", create_parser().format_help())) - {"--version"}
    assert rows.find_unsaid(options, "".join(page.text for page in PAGES.values())) == []


def test_every_word_of_start_sh_is_told_of() -> None:
    told = rows.read_words(PAGES["README.md"].text)
    assert list(checks.find_untold("word", project.name_words() - {"run"}, told)) == []


def test_everything_that_the_console_does_is_told_of() -> None:
    told = rows.read_deeds(PAGES["docs/people.md"].text)
    assert list(checks.find_untold("deed", project.name_deeds(), told)) == []


def test_the_glossary_names_every_kind_of_alert_and_every_word_once() -> None:
    text = PAGES["docs/glossary.md"].text
    kinds = (each.value for each in AlertKind)
    assert list(checks.find_untold("kind", kinds, rows.read_kinds(text))) == []
    assert rows.find_twice(text) == []


def test_nothing_is_awaited_that_is_there_already() -> None:
    assert project.AWAITED_FILES.isdisjoint(project.list_files())
