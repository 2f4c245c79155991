"""The container that configures the others: lays what they need, then follows the inventory."""

from __future__ import annotations

import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import watchfiles

from bridge.errors import Outage
from deploy.image.laying import CONFIG, Unwritable, lay, require_places
from deploy.image.wiring import STATE, TELEGRAM
from deploy.stack.watcher import SHIPPED, generate, is_source, tell

READY = Path("/tmp/ready")  # noqa: S108  the container's own, and nobody else's
# Where Prometheus finds what it shows to agents.
PROMETHEUS_FOLDER = "/etc/opswire"
LISTED = "127.0.0.1:9100"
"""The exporter of this machine, as the inventory lists it."""
WITHIN = {
    "SERVER_URL": "http://bridge:8002",
    "BLACKBOX_URL": "http://blackbox:9115",
    "STATE_DIR": PROMETHEUS_FOLDER,
}
PLACES = {
    STATE: "the volume bridge",
    TELEGRAM: "the volume telegram",
    CONFIG / "prometheus": "the volume prometheus-config",
    CONFIG / "alertmanager": "the volume alertmanager-config",
    CONFIG / "blackbox": "the volume blackbox-config",
    CONFIG / "grafana": "the volume grafana-config",
    CONFIG / "prometheus" / "targets": "the folder prometheus/targets",
}
RELOAD_SECONDS = 5.0


def keep_configuration(environ: Mapping[str, str]) -> int:
    """Lay everything, then keep the configuration equal to what it is made from."""
    # The first process of a container ends by no signal that it does not take.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    READY.unlink(missing_ok=True)
    # The secrets are for the programs of our group, and for none beside them.
    os.umask(0o022)
    environ = {"STATE_DIR": str(STATE / "state"), "SECRETS_DIR": "/run/secrets", **environ}
    try:
        require_places(PLACES)
        lay(environ)
    except (Unwritable, Outage, OSError) as fault:
        print(f"config: {fault}", file=sys.stderr, flush=True)
        return 1
    inventory = Path(environ["AGENTS_FILE"])
    outcome = generate(command(environ), environ=settle(environ))
    print(tell(inventory.name, outcome, reload), flush=True)
    if not outcome[0]:
        return 1
    READY.touch()
    follow(inventory, environ)
    return 0


def command(environ: Mapping[str, str]) -> list[str]:
    """Give the generator's command."""
    moved = f"{LISTED}={environ['NODE_EXPORTER_ADDRESS']}"
    return [sys.executable, "gen_config.py", "--out", str(CONFIG), "--move", moved]


def settle(environ: Mapping[str, str]) -> dict[str, str]:
    """Tell the generator where the programs are as containers see each other."""
    return {**environ, **WITHIN}


def follow(inventory: Path, environ: Mapping[str, str]) -> None:
    """Run the generator whenever something has changed that it reads."""
    root = Path.cwd()
    places = {inventory.parent, *(root / Path(pattern).parent for pattern in SHIPPED)}
    for changes in watchfiles.watch(*places, recursive=False, raise_interrupt=False):
        changed = sorted(Path(path) for _, path in changes)
        found = [path.name for path in changed if is_source(path, inventory)]
        if found:
            outcome = generate(command(environ), environ=settle(environ))
            print(tell(", ".join(dict.fromkeys(found)), outcome, reload), flush=True)


def reload(name: str) -> str:
    """Let a program read its configuration again, and say so."""
    if name == "prometheus":
        return "prometheus reads it within half a minute"  # it looks by itself
    request = urllib.request.Request("http://alertmanager:9093/-/reload", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=RELOAD_SECONDS):  # noqa: S310
            return f"{name} was told to reload"
    except (OSError, urllib.error.URLError):
        return f"{name} will read it when it starts"
