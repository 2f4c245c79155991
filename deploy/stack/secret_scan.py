"""Look for secrets in every file that the project would publish."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# What must never be published, by its shape.
SHAPES = {
    "a bot token": re.compile(rb"(?<![\w:])\d{8,12}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64}"),
    "a cloud key": re.compile(rb"\bAKIA[0-9A-Z]{16}\b"),
    "a code host's token": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
}
# Tests need tokens of the right shape: their secret part is one character again and again, or
# says what it is.
INVENTED = re.compile(rb"(.)\1{9}|(?i:example|planted|sandbox|fake|test|0123456789|abcdefgh)")

MADE_HERE = frozenset({".git", ".venv", ".runtime", "state", "secrets", ".env"})


def list_files(root: Path) -> list[Path]:
    """List what is kept or about to be kept; ignored files stay out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        # Not a clone but an unpacked archive: everything outside the folders that a run makes.
        return [
            path for path in root.rglob("*") if MADE_HERE.isdisjoint(path.relative_to(root).parts)
        ]
    return [root / name.decode() for name in done.stdout.split(b"\0") if name]


def find_secrets(files: Iterable[Path]) -> list[str]:
    """Name every place that looks like a real secret, without showing it."""
    found = []
    for path in files:
        if not path.is_file():
            continue
        content = path.read_bytes()
        for what, shape in SHAPES.items():
            for match in shape.finditer(content):
                if not INVENTED.search(match[0]):
                    line = content.count(b"\n", 0, match.start()) + 1
                    found.append(f"{path}:{line}: looks like {what}")
    return found


def main() -> int:
    """Print what was found; 1 when there is something."""
    found = find_secrets(list_files(Path.cwd()))
    for line in found:
        print(line)
    print("no secrets found" if not found else f"{len(found)} places to clear")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
