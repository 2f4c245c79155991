"""The agent of this machine: made known to the bridge at its first start, then run.

It is told of the bridge's settings, because the bridge's console gives the code; the agent itself
gets none of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ENROLLED = "enrolled.json"
KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH")
"""What the agent's environment has beside its own settings."""
AGAIN_SECONDS = 2.0
PATIENCE_SECONDS = 60.0  # chosen: a code takes 5 s on a small machine


def main(host: str, address: str) -> int:
    """Enrol this machine as `host` where that has not been done, then become its agent."""
    state = Path(os.environ["AGENT_STATE_DIR"])
    while not is_enrolled(state, host, address):
        sentence = enrol(host, address, os.environ)
        if not sentence:
            break
        print(f"the agent is not known to the bridge yet: {sentence}", flush=True)
        time.sleep(AGAIN_SECONDS)
    os.execve(sys.executable, [sys.executable, "-m", "agent"], strip(os.environ))  # noqa: S606 - ours


def is_enrolled(state: Path, host: str, address: str) -> bool:
    """Say whether the agent is known as this host at this address; a port may have moved."""
    try:
        known = json.loads((state / ENROLLED).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(known, dict) and (known.get("host"), known.get("address")) == (host, address)


def enrol(host: str, address: str, environ: Mapping[str, str]) -> str:
    """Get a code from the bridge's console and hand it to the agent; say what went wrong, if so."""
    try:
        given = subprocess.run(
            [sys.executable, "-m", "bridge", "enrol", host, address],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        if given.returncode:
            return last_line(given.stderr)
        return hand_over(last_line(given.stdout), strip(environ))
    except (OSError, subprocess.TimeoutExpired) as fault:
        return type(fault).__name__


def hand_over(code: str, environ: Mapping[str, str]) -> str:
    """Hand a code to the agent; say what went wrong, if so.

    Raises:
        OSError: the agent cannot be started.
        TimeoutExpired: it does not come to an end.
    """
    # By standard input: a command line is read by everybody on the machine.
    taken = subprocess.run(
        [sys.executable, "-m", "agent", "enrol"],
        env=dict(environ),
        input=code + "\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return last_line(taken.stderr) if taken.returncode else ""


def last_line(text: str) -> str:
    """Give the last line that says anything."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no reason is given"


def strip(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave the agent what is its own: none of the bridge's secrets."""
    return {
        name: value
        for name, value in environ.items()
        if name in KEPT or name.startswith("AGENT_") or name == "LOG_LEVEL"
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
