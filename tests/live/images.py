"""Images under the names that the compose file asks for, made from what is on this machine.

Nothing can be pulled where the tests run. The programs are the distribution's; the project's own
image has the same layout and words as the one that its Dockerfile makes.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from deploy.stack.sources import fingerprint, list_sources
from tests.live.conftest import real
from tests.live.engine import SHELF, Engine
from tests.programs import ROOT

BUSYBOX = SHELF / "busybox-static" / "bin" / "busybox"
BASH = Path("/bin/bash")
# What the checks of health and the programs' scripts call.
WORDS = ("sh", "test", "wget", "cat", "sleep", "ls", "id", "chown", "httpd")
NOBODY = 65534
FOREIGN = {
    "prometheus": ("prom/prometheus", "/prometheus"),
    "alertmanager": ("prom/alertmanager", "/alertmanager"),
    "node_exporter": ("prom/node-exporter", ""),
    "blackbox_exporter": ("prom/blackbox-exporter", ""),
}
# No package of the distribution's holds these. What stands in for them reads and writes all that
# the program would, and then answers where it would.
STAND_INS = {
    "grafana/grafana": (
        "api/health",
        3000,
        """
        test -s "$GF_SECURITY_ADMIN_PASSWORD__FILE"
        cat "$GF_SECURITY_ADMIN_PASSWORD__FILE" "$GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH" \
            "$GF_PATHS_PROVISIONING"/*/*.yml "$GF_PATHS_PROVISIONING"/../dashboards/*.json
        echo kept >/var/lib/grafana/grafana.db
        """,
    ),
    "gcr.io/cadvisor/cadvisor": (
        "healthz",
        8080,
        "cat /rootfs/etc/passwd && ls /sys/fs/cgroup",
    ),
}
GRAFANA_USER = 472
# What only the tests need, by the beginning of its name.
LEFT_OUT = (
    *("playwright", "mypy", "ruff", "hypothesis", "pytest", "_pytest", "xdist", "pip", "regex"),
    *("6ec57f84", "ast_serialize", "coverage", "greenlet.libs"),
)
OWN_FOLDERS = (
    *("var/lib/opswire", "var/lib/telegram", "inventory", "templates", "config"),
    *(f"config/{name}" for name in ("prometheus", "alertmanager", "blackbox", "grafana")),
)


class Image:
    """A file system on its way to an engine."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w")  # noqa: SIM115 - closed by finish
        self._known: set[str] = set()

    def folder(self, name: str, *, mode: int = 0o755, owner: int = 0) -> None:
        """Add a folder and those above it."""
        parts = name.strip("/").split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if path not in self._known:
                self._known.add(path)
                entry = tarfile.TarInfo(path)
                entry.type = tarfile.DIRTYPE
                entry.mode = mode if depth == len(parts) else 0o755
                entry.uid = entry.gid = owner if depth == len(parts) else 0
                self._tar.addfile(entry)

    def file(self, name: str, source: Path) -> None:
        """Add a file as it is, its link followed."""
        status = source.stat()
        mode = 0o755 if status.st_mode & 0o100 else 0o644
        # What Python has compiled is good for sources of exactly this time.
        self._put(name, source.read_bytes(), mode=mode, time=int(status.st_mtime))

    def text(self, name: str, text: str, *, mode: int = 0o644) -> None:
        """Add a file by its text."""
        self._put(name, text.encode(), mode=mode)

    def link(self, name: str, target: str) -> None:
        """Add a symbolic link."""
        if name.strip("/") in self._known:
            return
        self._begin(name)
        entry = tarfile.TarInfo(name.strip("/"))
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
        self._tar.addfile(entry)

    def tree(self, name: str, source: Path, *, left_out: Iterable[str] = ()) -> None:
        """Add a folder with all that lies in it."""
        for path in sorted(source.iterdir()):
            if path.name.startswith(tuple(left_out)) or path.name in {"test", "tests"}:
                continue
            if path.is_dir() and not path.is_symlink():
                self.tree(f"{name}/{path.name}", path)
            elif path.is_symlink() and not path.is_file():
                continue
            else:
                # What another test's Python compiles has another name until it is whole.
                with suppress(FileNotFoundError):
                    self.file(f"{name}/{path.name}", path)

    def libraries(self, programs: Iterable[Path]) -> None:
        """Add what programs and libraries are linked with, by the machine's own account."""
        found = subprocess.run(
            ["ldd", *map(str, programs)], capture_output=True, text=True, check=False
        ).stdout
        named = {os.path.normpath(name) for name in re.findall(r"(/\S+\.so[^\s:]*)(?= \()", found)}
        for name in sorted(named):
            # A package's own libraries come with it.
            if "site-packages" not in name:
                self.file(name, Path(name))

    def busybox(self) -> None:
        """Add the small programs."""
        self.file("bin/busybox", BUSYBOX)
        for word in WORDS:
            self.link(f"bin/{word}", "busybox")
        self.text("etc/passwd", "root:x:0:0::/:\nnobody:x:65534:65534::/:\n")
        self.text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
        self.folder("tmp", mode=0o1777)

    def finish(self, engine: Engine, name: str, *changes: str) -> None:
        """Give it to the engine."""
        self._tar.close()
        words = [word for change in changes for word in ("--change", change)]
        engine.docker("import", *words, "-", name, given=self._buffer.getvalue())

    def _begin(self, name: str) -> None:
        parent = name.strip("/").rpartition("/")[0]
        if parent:
            self.folder(parent)
        self._known.add(name.strip("/"))

    def _put(self, name: str, content: bytes, *, mode: int, time: int = 0) -> None:
        if name.strip("/") in self._known:
            return
        self._begin(name)
        entry = tarfile.TarInfo(name.strip("/"))
        entry.size, entry.mode, entry.mtime = len(content), mode, time
        self._tar.addfile(entry, io.BytesIO(content))


def read_tags() -> dict[str, str]:
    """Read which images the compose file names."""
    text = (ROOT / "docker-compose.yml").read_text()
    return dict(re.findall(r"(?m)^\s+image: (\S+):(\S+)$", text))


def put_images(engine: Engine) -> None:
    """Make every image that the compose file names."""
    tags = read_tags()
    for name, (path, port, script) in STAND_INS.items():
        put_stand_in(engine, f"{name}:{tags[name]}", f"www/{path}", port, script)
    for program, (name, state) in FOREIGN.items():
        put_foreign(engine, program, f"{name}:{tags[name]}", state)
    put_own(engine, f"opswire:{tags['opswire']}")


def put_foreign(engine: Engine, program: str, name: str, state: str) -> None:
    """Make the image of a program of the distribution, its user and folders as upstream's are."""
    path = real("current", program)
    package = path.parents[2]
    image = Image()
    image.busybox()
    image.file(f"bin/{program}", path)
    programs = [path]
    hidden = package / "usr" / "libexec" / path.name
    if hidden.exists():  # what the distribution's paths are taken out of
        image.file(f"libexec/{program}", hidden)
        image.tree("share/prometheus", package / "usr" / "share" / "prometheus")
        programs = [hidden]
    image.libraries(programs)
    if state:
        image.folder(state, mode=0o755, owner=NOBODY)
    image.finish(engine, name, f'ENTRYPOINT ["/bin/{program}"]', "USER nobody")


def put_stand_in(engine: Engine, name: str, page: str, port: int, script: str) -> None:
    """Make an image that serves a page once its script could do everything."""
    image = Image()
    image.busybox()
    image.text(page, "ok\n")
    # The first process of a container ends by no signal that it does not take.
    serve = f"trap exit TERM\nhttpd -f -p {port} -h /www &\nwait"
    image.text("bin/serve", f"#!/bin/sh\nset -e\n{script}\n{serve}\n", mode=0o755)
    image.folder("var/lib/grafana", owner=GRAFANA_USER)
    image.finish(engine, name, 'ENTRYPOINT ["/bin/serve"]')


def put_own(engine: Engine, name: str) -> None:
    """Make the project's image from this folder and the packages of its tests."""
    image = Image()
    image.busybox()
    for path in list_sources(ROOT):
        image.file(f"opt/opswire/{path.relative_to(ROOT)}", path)
        compiled = Path(cache_from_source(str(path)))
        if path.suffix == ".py" and compiled.exists():
            image.file(f"opt/opswire/{compiled.relative_to(ROOT)}", compiled)
    put_python(image)
    image.file("usr/local/bin/opswire", ROOT / "deploy" / "image" / "opswire.sh")
    image.file("bin/bash", BASH)
    image.libraries([BASH])
    for folder in OWN_FOLDERS:
        image.folder(folder, mode=0o1777)
    image.finish(
        engine,
        name,
        'ENTRYPOINT ["opswire"]',
        "WORKDIR /opt/opswire",
        "USER 1000:1000",
        "ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONPATH=/opt/opswire"
        " PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/var/lib/opswire USER=opswire"
        " MPLCONFIGDIR=/var/lib/opswire/drawing",
        f"LABEL opswire.sources={fingerprint(ROOT)}",
    )


def put_python(image: Image) -> None:
    """Add this Python where it stands here, and its packages where the image has them."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    binary = Path(sys.executable).resolve()
    standard = Path(sys.base_prefix) / "lib" / version
    packages = Path(sys.prefix) / "lib" / version / "site-packages"
    image.file(str(binary), binary)
    image.tree(
        str(standard), standard, left_out=("site-packages", "dist-packages", "idlelib", "ensurepip")
    )
    image.tree(f"opt/venv/lib/{version}/site-packages", packages, left_out=LEFT_OUT)
    image.link("opt/venv/bin/python", str(binary))
    image.text("opt/venv/pyvenv.cfg", f"home = {binary.parent}\n")
    image.libraries([binary, *standard.rglob("*.so"), *packages.rglob("*.so")])
