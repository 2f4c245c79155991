"""A fork server whose runners go on ending a job for as long as a busy machine needs.

How soon each step comes is tested by a clock that a test moves, in test_sweeping.
"""

from __future__ import annotations

from typing import Final

from agent import nursery
from tests.agent.processes import PATIENCE_SECONDS

PATIENT_BOOT: Final = nursery._BOOT.replace(
    "from agent.fork_server",
    f"from agent import limits\nlimits.JOB_END_SECONDS = {PATIENCE_SECONDS}\n"
    "from agent.fork_server",
)
