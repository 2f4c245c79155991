"""Let an unpacked program find its files beside itself instead of below /usr/share.

Debian builds Prometheus and Alertmanager with the paths of their templates and pages inside. Where
the package is not installed they are elsewhere, and Alertmanager does not start without its
templates. So the copy below `.runtime` is changed: the path inside becomes one of the same length
that leads through an open file descriptor, and a small script opens that descriptor first. Nothing
of it depends on privileges, on the working folder or on where the project lies.
"""

from __future__ import annotations

from pathlib import Path

BUILT_IN = b"/usr/share/prometheus"
# Slashes that follow each other count as one, so they fill up to the same length.
THROUGH_DESCRIPTOR = b"/proc/self/fd/9".ljust(len(BUILT_IN), b"/")
SCRIPT = """\
#!/bin/sh
# This program's files lie beside it, not below /usr/share: it reaches them through descriptor 9.
here=${0%/*}
exec 9<"$here/../share/prometheus" || exit 1
exec "$here/../libexec/${0##*/}" "$@"
"""


def relocate(package: Path) -> None:
    """Change every program of an unpacked package that has the path inside."""
    for program in sorted((package / "usr" / "bin").glob("*")):
        if not program.is_file() or program.is_symlink():
            continue
        content = program.read_bytes()
        if BUILT_IN not in content or not (package / "usr/share/prometheus").is_dir():
            continue
        place = package / "usr" / "libexec" / program.name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content.replace(BUILT_IN, THROUGH_DESCRIPTOR))
        place.chmod(0o755)
        program.unlink()
        program.write_text(SCRIPT, encoding="utf-8")
        program.chmod(0o755)
