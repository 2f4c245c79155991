"""To another version and back with the real installation, in a folder filled as if it were /."""

from __future__ import annotations

import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.installing import source
from deploy.installing.layout import FOREIGN
from tests.deploy.real_machine import find_other_python
from tests.deploy.test_versions import LATER, NEWEST, PROGRAM, Copy, make_later
from tests.programs import ROOT

OTHER_PYTHON = find_other_python()
pytestmark = pytest.mark.skipif(OTHER_PYTHON != "", reason=OTHER_PYTHON or "none")

# The packages are those of the tests: what is installed is the program, not the index.
UV = f"""\
#!/bin/sh
case "$1 ${{2:-}}" in
    --version*) echo uv 0 ;;
    venv*)
        for place in "$@"; do :; done
        /usr/bin/python3 -m venv --without-pip "$place"
        cd "$place"/lib/python3.*/site-packages
        echo '{sysconfig.get_paths()["purelib"]}' >lent.pth
        ;;
esac
"""
ROUTES = "alertmanager/alertmanager.yml"
PROBES = "prometheus/blackbox.yml"
EDITED = "# of its owner\n"
ANOTHER = "# of a later version\n"


@dataclass
class Installed:
    """A filled folder, and two versions beside it."""

    root: Path
    first: Copy
    later: Copy

    def call(self, copy: Copy, script: str, *words: str) -> str:
        return copy.run(f"deploy/{script}.sh", *words, "--root", str(self.root))

    @property
    def console(self) -> Copy:
        return Copy(self.root / "opt/opswire/current", self.root / "var/lib/opswire")

    @property
    def current(self) -> str:
        return (self.root / "opt/opswire/current").readlink().name

    def read(self, name: str) -> str:
        return (self.root / "etc/opswire" / name).read_text()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(UV)
    (tools / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    made = Installed(
        tmp_path / "root",
        *(Copy(tmp_path / name, tmp_path / "root/var/lib/opswire") for name in ("first", "later")),
    )
    for copy in (made.first, made.later):
        for name in (*PROGRAM, "docs", *source.EDITABLE):
            ignored = shutil.ignore_patterns("__pycache__", "*.png")
            shutil.copytree(ROOT / name, copy.folder / name, ignore=ignored)
        for name in (*source.FILES, "agents.txt"):
            shutil.copyfile(ROOT / name, copy.folder / name)
    make_later(made.later.folder)
    routes = made.later.folder / ROUTES
    routes.write_text(routes.read_text() + ANOTHER)
    without = [word for name in FOREIGN for word in ("--without", name)]
    made.call(made.first, "install", "--role", "bridge", *without)
    probes = made.root / "etc/opswire" / PROBES
    probes.write_text(probes.read_text() + EDITED)
    return made


def test_an_installation_goes_to_another_version_and_back_with_all_that_it_laid(
    installed: Installed,
) -> None:
    before, routes = installed.current, installed.read(ROUTES)
    installed.console.bridge("people", "add", "1001", "admin")
    for _ in range(2):  # back is no dead end
        installed.call(installed.later, "upgrade")
        assert installed.current.startswith("9.")
        assert installed.read(ROUTES) == routes + ANOTHER
        assert installed.read(PROBES).endswith(EDITED)
        installed.console.bridge("people", "add", "1002", "viewer")  # its start brings it up
        assert installed.console.schema == LATER
        installed.call(installed.later, "rollback")
        assert installed.current == before
        assert installed.read(ROUTES) == routes
        assert installed.read(PROBES).endswith(EDITED)
        assert installed.console.schema == NEWEST
        people = installed.console.bridge("people", "list")
        assert "1001" in people
        assert "1002" in people
