"""The agent of this machine: made known to the bridge at its first start, then run.

It is told of the bridge's settings, because the bridge's console gives the code; the agent itself
gets none of them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ENROLLED = "enrolled.json"
KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH")
"""What the agent's environment has beside its own settings."""
AGAIN_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60.0  # chosen: whoever has mended something sees it within a minute
CODE_SECONDS = 1500.0  # chosen: a code is good for half an hour; never its last moment
DEAD_CODE = re.compile(r"the bridge says no: .*\bcode\b")
"""How the bridge refuses a code for good; whatever else it refuses may be mended."""
PATIENCE_SECONDS = 60.0  # chosen: a code takes 5 s on a small machine


def main(host: str, address: str) -> int:
    """Enrol this machine as `host` where that has not been done, then become its agent."""
    state = Path(os.environ["AGENT_STATE_DIR"])
    own = strip(os.environ)
    become_known(
        Bridge(
            is_known=lambda: is_enrolled(state, host, address),
            make_code=lambda: make_code(host, address, os.environ),
            take_code=lambda code: hand_over(code, own),
        )
    )
    os.execve(sys.executable, [sys.executable, "-m", "agent"], own)  # noqa: S606 - ours


class NotYet(Exception):
    """The bridge does not know the agent; the sentence says why."""


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """What becoming known takes."""

    is_known: Callable[[], bool]
    make_code: Callable[[], str]
    """Makes a code, which the audit tells; raises NotYet."""
    take_code: Callable[[str], str]
    """Lets the agent show a code; says what went wrong, if so."""


def become_known(
    bridge: Bridge,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Try until the bridge knows this agent: ever less often, and with one code while it is good.

    What is in the way is said once, not at every try.
    """
    code, made_at, wait, told = "", 0.0, AGAIN_SECONDS, ""
    while not bridge.is_known():
        try:
            if not code or clock() - made_at > CODE_SECONDS:
                code, made_at = bridge.make_code(), clock()
            sentence = bridge.take_code(code)
        except NotYet as fault:
            sentence = str(fault)
        except (OSError, subprocess.TimeoutExpired) as fault:
            sentence = type(fault).__name__
        if not sentence:
            return
        if sentence != told:
            print(f"the agent is not known to the bridge yet; still trying: {sentence}", flush=True)
        if DEAD_CODE.search(sentence):
            code = ""
        told = sentence
        sleep(wait)
        wait = min(2 * wait, LONGEST_WAIT_SECONDS)


def is_enrolled(state: Path, host: str, address: str) -> bool:
    """Say whether the agent is known as this host at this address; a port may have moved."""
    try:
        known = json.loads((state / ENROLLED).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(known, dict) and (known.get("host"), known.get("address")) == (host, address)


def make_code(host: str, address: str, environ: Mapping[str, str]) -> str:
    """Get a code from the bridge's console.

    Raises:
        NotYet: it gives none.
        OSError: it cannot be started.
        TimeoutExpired: it does not come to an end.
    """
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
        raise NotYet(last_line(given.stderr))
    return last_line(given.stdout)


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
