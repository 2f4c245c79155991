"""The link that makes the first admin: shown at the terminal, and in no log.

The bridge's output is kept in a file, so that it only says how to get a link. Its console prints
one, and what that prints goes to the person who started the stack.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from deploy.stack.folder import Member

# Chosen: a small machine takes 5 s to load the console, and Telegram may need as long for the name.
PATIENCE_SECONDS = 40
LINK = ("people", "link", "--first")
AGAIN = "./start.sh console people link --first"


def invite(bridge: Member, root: Path, *, is_sandbox: bool) -> list[str]:
    """Make a link for the first admin and say what to do with it; nothing once there is one."""
    if bridge.environ.get("ALLOWED_USERS"):
        return []  # known without asking, as in the local Telegram: the greeting comes sooner
    try:
        done = subprocess.run(
            [*bridge.command, *LINK, "--quiet"],
            cwd=root,
            env=bridge.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        return render_failure(type(fault).__name__)
    if done.returncode:
        return render_failure((done.stderr.splitlines() or ["no reason is given"])[-1])
    return render_invitation(done.stdout.strip(), is_sandbox=is_sandbox)


def render_invitation(way_in: str, *, is_sandbox: bool) -> list[str]:
    """Say what to do with a link, or with a line where no link leads to the bot."""
    if not way_in:
        return []
    if way_in.startswith("https://"):
        deed = "Open this link"
    else:
        deed = f"Write this to the bot{' on the chat page' if is_sandbox else ''}"
    return [
        f"  Nobody may use the bot yet. {deed}, and you are its admin:",
        "",
        f"    {way_in}",
        "",
        f"  It works once and for 30 minutes. A fresh one:  {AGAIN}",
    ]


def render_failure(reason: str) -> list[str]:
    """Say that there is no link, and how to get one."""
    return [
        f"  The link for the first admin could not be made: {reason}",
        f"  Try again:  {AGAIN}",
    ]
