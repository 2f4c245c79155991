"""The agent of a monitored host: made known with a code that somebody pastes, then run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.stack.folder import Member, StackFault, strip_environ
from deploy.stack.local_agent import ENROLLED, hand_over
from deploy.stack.questions import Terminal

QUESTION = "Code from /add in the chat (empty: only measure this host): "
STATE = "agent"
"""Its folder in STATE_DIR."""


def open_agent(
    root: Path, given: Mapping[str, str], state_dir: Path, terminal: Terminal | None
) -> Member | None:
    """Give the agent's program, once this host is known to a bridge; None where it is not.

    Raises:
        StackFault: the code is not good.
    """
    state = Path(given.get("AGENT_STATE_DIR") or root / state_dir / STATE).absolute()
    own = {name: text for name, text in given.items() if name.startswith("AGENT_")}
    environ = {**strip_environ(os.environ), **own, "AGENT_STATE_DIR": str(state)}
    if not (state / ENROLLED).exists():
        code = terminal.ask_secretly(QUESTION).strip() if terminal is not None else ""
        if not code:
            return None
        try:
            fault = hand_over(code, environ)
        except (OSError, subprocess.TimeoutExpired) as late:
            fault = type(late).__name__
        if fault:
            raise StackFault(fault, code=2)
    return Member(name="agent", command=[sys.executable, "-m", "agent"], environ=environ)
