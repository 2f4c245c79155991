"""Writes what Prometheus and Alertmanager read, as their service starts and when a source changes.

It runs as the bridge's user: the keys that Prometheus shows to agents are the bridge's, and are
copied to where Prometheus may read them. The secrets are not: systemd hands them over.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from bridge.core.monitoring import AGENT_FILES
from deploy.installing.layout import PROGRAMS

CREDENTIALS: Final = "/run/credentials"
NODE_PORT: Final = "9100"
SHIPPED: Final = ("prometheus/prometheus.yml", "prometheus/rules/*.yml", "alertmanager/*.yml")
TRIES: Final = 3  # chosen: nobody saves an inventory three times within seconds
SECONDS: Final = 150  # chosen: gen_config.py gives each of its checks 120


def main() -> int:
    """Write it; answer the exit code of the generator."""
    environ = os.environ
    out = Path(environ["STATE_DIRECTORY"])
    copy_keys(Path(environ["STATE_DIR"]) / "agents", out / "agents")
    for program in ("prometheus", "alertmanager"):
        link_secret(out / program / "secrets", program)
    inventory = Path(environ["AGENTS_FILE"])
    for _ in range(TRIES):
        seen = look(inventory)
        code = generate(out, environ)
        # What changes meanwhile would wait for the next change.
        if seen == look(inventory):
            break
    return code


def copy_keys(keys: Path, place: Path) -> None:
    """Copy the keys where they are other ones; before the bridge's first start there are none."""
    place.mkdir(mode=0o750, exist_ok=True)
    for name in AGENT_FILES:
        try:
            content = (keys / name).read_bytes()
        except FileNotFoundError:
            continue
        copy = place / name
        if copy.exists() and copy.read_bytes() == content:
            continue
        fresh = place / f".{name}"
        fresh.write_bytes(content)
        fresh.chmod(0o640)
        fresh.replace(copy)


def link_secret(folder: Path, program: str) -> None:
    """Let a configuration's secret be what systemd hands to its program."""
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    link = folder / "webhook_token"
    target = f"{CREDENTIALS}/opswire-{program}.service/webhook_token"
    if not link.is_symlink() or str(link.readlink()) != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def generate(out: Path, environ: Mapping[str, str]) -> int:
    """Run the generator; a fault leaves what was there."""
    command = [sys.executable, "gen_config.py", "--out", str(out)]
    for tool in ("promtool", "amtool"):
        path = shutil.which(f"{PROGRAMS}/{tool}")
        command += [f"--{tool}", path] if path else []
    port = environ.get("NODE_EXPORTER_PORT") or NODE_PORT
    if port != NODE_PORT:
        command += ["--move", f"127.0.0.1:{NODE_PORT}=127.0.0.1:{port}"]
    blackbox = f"http://127.0.0.1:{environ.get('BLACKBOX_PORT') or '9115'}"
    # The keys are looked for beside the configuration, not in the bridge's own folder.
    settings = {**environ, "BLACKBOX_URL": blackbox, "STATE_DIR": str(out)}
    return subprocess.run(command, env=settings, timeout=SECONDS, check=False).returncode


def look(inventory: Path) -> dict[Path, tuple[int, int]]:
    """Look at what the configuration is made from."""
    shipped = (path for pattern in SHIPPED for path in Path().glob(pattern))
    seen = {}
    for path in (inventory, *shipped):
        with suppress(OSError):
            status = path.stat()
            seen[path] = (status.st_ino, status.st_mtime_ns)
    return seen


if __name__ == "__main__":
    sys.exit(main())
