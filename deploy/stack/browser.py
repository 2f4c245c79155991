"""The browser of the tests: the machine's own Chromium, installed where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess

from deploy.stack.apt import PATIENCE_SECONDS
from deploy.stack.voice import Voice

BROWSER = "chromium"
INSTALL = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", BROWSER]
UPDATE = ["apt-get", "update", "-qq"]


def prepare_browser(voice: Voice) -> str:
    """See that a browser is there, as root install one; answers why there is none, or nothing."""
    if shutil.which(BROWSER):
        return ""
    if shutil.which("apt-get") is None:
        return f"there is no {BROWSER} on PATH"
    if os.geteuid() != 0:
        return f"there is no {BROWSER} on PATH; as root: apt-get install {BROWSER}"
    voice.say(f"installing {BROWSER} for the browser tests (once)")
    # The lists may be absent or old: then they are fetched, and it is tried again.
    fault = call(INSTALL)
    if fault:
        fault = call(UPDATE) or call(INSTALL)
    if fault or shutil.which(BROWSER) is None:
        return f"{BROWSER} could not be installed ({fault or 'the package brings no such program'})"
    return ""


def call(command: list[str]) -> str:
    """Run the packaging system without questions; answers its complaint, or nothing."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(command[:2])} did not finish in {PATIENCE_SECONDS} seconds"
    complaints = [line for line in done.stderr.splitlines() if line.startswith("E:")]
    if done.returncode == 0:
        return ""
    return (complaints or ["E: no reason given"])[0].removeprefix("E:").strip()
