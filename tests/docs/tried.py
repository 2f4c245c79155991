"""By what each command of the manual is tried, and what a machine may lack for the others."""

from __future__ import annotations

from typing import Final

HERE: Final = "tests/docs/test_commands.py::test_a_command_of_the_manual_works_as_it_is_written"
"""In a copy of the project, with nothing running."""
_FIRST: Final = (
    "tests/live/test_first_light.py"
    "::test_one_command_leads_to_a_page_and_a_stopped_exporter_to_a_card_and_its_end"
)
_STACK: Final = (
    "tests/live/test_manual.py::test_what_the_manual_says_to_type_beside_a_running_stack_works"
)

TRIED: Final = {
    r"\./start\.sh( --sandbox)?": _FIRST,
    r"\./start\.sh (stop|start) node_exporter": _FIRST,
    r"\./start\.sh (doctor|down|test-alert (warning|critical))": _STACK,
    r"\./start\.sh console (people list|chats list|audit verify)": _STACK,
    r"\./start\.sh console (backup|restore( --dry-run)?) /srv/backups/opswire\.zip": _STACK,
    r"\./start\.sh (stop|start) bridge": _STACK,
    r"curl -s http://127\.0\.0\.1:8002/readyz": _STACK,
    r"cp \.env\.example \.env": HERE,
    r"chmod 600 \.env": HERE,
    r"python3 gen_config\.py --check": HERE,
    r"promtool check rules prometheus/rules/alerts\.yml": HERE,
    r"\.venv/bin/python -m bridge (people list|chats list|--version)": HERE,
    r"\.venv/bin/python -m deploy\.stack\.secret_scan": HERE,
}
"""A pattern of commands, and the test that runs them."""

NEEDED: Final = {
    r"sudo .*": "root",
    r"docker(-compose)? .*": "docker",
    r"(AGENT_HOST=\S+ )?\./start\.sh agent": "another host",
    r"\./start\.sh --docker( --detach)?": "docker",
    r"journalctl .*": "an installed service",
    r"\.venv/bin/python -m bridge (backup|restore) .*": "a database",
    r"\./start\.sh --native console backup .*": "a database",
    r"deploy/(upgrade|rollback)\.sh": "another version",
}
"""A pattern of commands that say by themselves what they need, and that."""

NEEDS: Final = frozenset(
    {
        "telegram",
        "root",
        "docker",
        "a network",
        "another host",
        "an idle machine",
        "a quarter of an hour",
        "a test environment",
        "a stopped bridge",
        "a restored backup",
        "an installed service",
        "sqlite3",
        "a database",
        "another version",
    }
)
"""What a comment before a block may say that it needs."""
