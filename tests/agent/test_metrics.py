"""The agent's own figures."""

from __future__ import annotations

from agent.metrics import Metrics
from agent.policy import Ceiling

LEVELS = [each.value for each in Ceiling]


def test_the_ceiling_that_is_shown_is_the_one_of_this_moment() -> None:
    owner = {"says": "actions"}
    metrics = Metrics("1")
    metrics.watch_ceiling(LEVELS, lambda: owner["says"])
    for word in ("actions", "monitor", "shell"):
        owner["says"] = word
        figures = metrics.render().decode()
        shown = [
            f'opswire_agent_ceiling{{level="{each}"}} {float(each == word)}' for each in LEVELS
        ]
        assert all(line in figures for line in shown)
