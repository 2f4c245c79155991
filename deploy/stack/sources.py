"""What goes into the project's image, and whether an image holds what lies here now."""

from __future__ import annotations

import hashlib
from pathlib import Path

# The same as the image's own file takes; .dockerignore keeps everything else out.
FILES = ("gen_config.py", "pyproject.toml", "LICENSE", "Dockerfile")
FOLDERS = ("agent", "bridge", "sandbox", "templates", "deploy/stack", "deploy/image")
SHIPPED = (
    *("prometheus/prometheus.yml", "prometheus/blackbox.yml", "alertmanager/alertmanager.yml"),
    "deploy/requirements/all.txt",
)
RULES = "prometheus/rules/*.yml"


def list_sources(root: Path) -> list[Path]:
    """List the files, without what Python leaves beside them."""
    found = [root / name for name in (*FILES, *SHIPPED)] + list(root.glob(RULES))
    for folder in FOLDERS:
        found += [
            path
            for path in (root / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        ]
    return sorted(path for path in found if path.is_file())


def fingerprint(root: Path) -> str:
    """Give a short text that changes with any of the files."""
    seen = hashlib.sha256()
    for path in list_sources(root):
        seen.update(f"{path.relative_to(root)}\0".encode())
        seen.update(hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()[:16]
