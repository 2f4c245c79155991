"""The shipped dashboards, and every question in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRAFANA = Path(__file__).resolve().parents[2] / "grafana"
NAMES = ("fleet", "host", "opswire")
_STRING = r'"(?:[^"\\]|\\.)*"'
_RANGE = re.compile(rf"({_STRING})|\[[^\]]*\]")
_LABELS = re.compile(
    r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", re.IGNORECASE
)
_SELECTOR = re.compile(
    rf"(?<![\w:.])(?P<name>[a-zA-Z_:][\w:]*)\s*(?P<labels>\{{(?:[^\"}}]|{_STRING})*\}})?(?P<call>\s*\()?"
)
_WORDS = {"and", "or", "unless", "bool", "offset", "start", "end", "inf", "nan"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One query of a dashboard."""

    where: str
    """The dashboard and what asks there, in words."""
    expression: str
    """As it stands in the file, with Grafana's variables."""
    is_instant: bool = False
    label: str = ""
    """The label whose values are wanted, where a variable asks."""


def read(name: str, folder: Path = GRAFANA / "dashboards") -> dict[str, Any]:
    """Read a dashboard."""
    dashboard: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return dashboard


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the panels that show something."""
    return [each for each in dashboard["panels"] if each["type"] != "row"]


def questions(name: str, dashboard: Mapping[str, Any]) -> Iterator[Question]:
    """List every query: of panels, of annotations, of variables."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield Question(
                where=f"{name}: {panel['title']}, {target['refId']}",
                expression=target["expr"],
                is_instant=target.get("instant", False),
            )
    for annotation in dashboard["annotations"]["list"]:
        where = f"{name}: annotation {annotation['name']}"
        yield Question(where=where, expression=annotation["expr"])
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert asked is not None, variable["query"]
            yield Question(
                where=f"{name}: variable {variable['name']}",
                expression=asked[1],
                label=asked[2],
            )


def fill_in(expression: str, values: Mapping[str, str]) -> str:
    """Put values in the place of Grafana's variables; one that is not known stays."""
    return re.sub(
        r"\$(\w+)|\$\{(\w+)\}",
        lambda match: values.get(match[1] or match[2], match[0]),
        expression,
    )


def selectors(expression: str) -> list[str]:
    """List what an expression reads, each as a metric with its labels."""
    text = _RANGE.sub(lambda match: match[1] or "", _LABELS.sub("", expression))
    return [
        f"{match['name']}{match['labels'] or ''}"
        for match in _SELECTOR.finditer(_blank_strings_outside(text))
        if not match["call"] and match["name"].lower() not in _WORDS
    ]


def _blank_strings_outside(text: str) -> str:
    """Take out texts that are no matchers: what a function is given."""
    return re.sub(rf"([,(]\s*){_STRING}", r"\1", text)
