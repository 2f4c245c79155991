"""What the hand-written tables of the manual tell of, read from a page's text."""

from __future__ import annotations

import re
from collections.abc import Iterable


def read_alerts(text: str) -> dict[str, str]:
    """Read the alerts, each with its severity; a row has to lead to the runbook."""
    row = re.compile(r"^\| \[`(\w+)`\]\(runbooks/\1\.md\) \| (\w+) \|", re.MULTILINE)
    return dict(row.findall(text))


def read_series(text: str) -> set[str]:
    """Read the recorded series."""
    return set(re.findall(r"`(host:[a-z0-9_:]+)`", text))


def read_kept(text: str) -> list[str]:
    """Read the tables of the database from the first column of those that say until when."""
    rows = _rows(text, "| table | holds | until |")
    return [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def read_ports(text: str) -> dict[str, str]:
    """Read what moves each port, and which port that is at first."""
    found = re.findall(r"^\| (\d+) \| .* \| `([A-Z_]+_PORT)` \| ", text, re.MULTILINE)
    return {setting: port for port, setting in found}


def read_kinds(text: str) -> set[str]:
    """Read the kinds of alerts."""
    row = next((line for line in text.splitlines() if line.startswith("| kind |")), "")
    return set(re.findall(r"`(\w+)`", row))


def read_deeds(text: str) -> set[str]:
    """Read what the console does."""
    rows = [row.split(" | ")[0] for row in _rows(text, "| `./start.sh console …` | does |")]
    return {name for row in rows for name in re.findall(r"`(\w+(?: [a-z][\w-]*)?)", row)}


def read_words(text: str) -> set[str]:
    """Read the words of start.sh."""
    return set(re.findall(r"^\| `\./start\.sh ([a-z-]+)", text, re.MULTILINE))


def find_unsaid(options: Iterable[str], text: str) -> list[str]:
    """Name options that no text has."""
    return [each for each in sorted(options) if not re.search(rf"(?<![\w-]){each}\b", text)]


def find_twice(text: str) -> list[str]:
    """Name what the first column of the tables has twice."""
    words = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return sorted({word for word in words if words.count(word) > 1} - {"---"})


def _rows(text: str, head: str) -> list[str]:
    return text.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()[1:]
