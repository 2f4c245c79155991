"""What can go wrong in the agent and may be told to the bridge."""

from __future__ import annotations


class AgentError(Exception):
    """A failure whose sentence may be told."""


class Denied(AgentError):
    """This host does not do that, for anybody."""

    def __init__(self, rule: str, sentence: str, *, nearest: str = "", remedy: str = "") -> None:
        super().__init__(sentence)
        self.rule = rule
        """Which rule says so, in a word."""
        self.sentence = sentence
        self.nearest = nearest
        """The action that comes closest."""
        self.remedy = remedy
        """The one line that the host's owner would write to allow it."""
