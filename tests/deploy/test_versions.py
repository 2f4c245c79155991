"""Upgrades and rollbacks by one command each, of a folder and of services."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.premises import hold
from bridge.store.schema import list_revisions
from tests.programs import ROOT

NEWEST = list_revisions()[-1]
LATER = "9999"
MIGRATION = f"""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "{LATER}", "{NEWEST}", None, None
def upgrade():
    op.add_column("people", sa.Column("later", sa.Text))
def downgrade():
    op.drop_column("people", "later")
"""
PROGRAM = ("bridge", "agent", "deploy", "templates")
# Takes the place of the installation, which has tests of its own: a release, and the link to it.
INSTALL = """#!/bin/sh
set -eu
project=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
echo "$*" >>"$TOLD"
while [ "$1" != --root ]; do shift; done
[ ! -e "$TOLD.fails" ] || { echo "the disk is full" >&2; exit 1; }
release=$2/opt/opswire/releases/$(cat "$project/VERSION")
[ "$project" = "$release" ] || [ -e "$release" ] || cp -a "$project" "$release"
ln -sfn "releases/$(cat "$project/VERSION")" "$2/opt/opswire/current"
"""

# Takes the place of the one that asks a container: the volume is a folder.
START = """#!/bin/sh
echo "$*" >>.runtime/asked
[ "$2" = console ] || exit 0
shift 2
STATE_DIR={volume} exec .venv/bin/python -m bridge "$@"
"""


def copy_program(place: Path) -> None:
    for name in PROGRAM:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, place / name, ignore=ignored)


def make_later(place: Path) -> None:
    """Let a copy be a later version, with a schema of its own."""
    (place / "bridge/store/migrations/versions" / f"{LATER}_later.py").write_text(MIGRATION)
    program = place / "bridge" / "__init__.py"
    program.write_text(program.read_text().replace('__version__ = "', '__version__ = "9.'))


@dataclass
class Copy:
    """A copy of the project, and what is run in it."""

    folder: Path
    state: Path

    def run(self, *words: str, fails: bool = False) -> str:
        environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "TOLD": str(self.folder.parent / "told"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "STATE_DIR": str(self.state),
        }
        done = subprocess.run(
            words, cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def bridge(self, *words: str) -> str:
        return self.run(".venv/bin/python", "-m", "bridge", *words)

    @property
    def schema(self) -> str:
        with closing(sqlite3.connect(self.state / "opswire.db")) as connection:
            (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(found)

    @property
    def backups(self) -> list[Path]:
        return sorted((self.state / "backups").glob("*.zip"))


# ---- a folder ---------------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path: Path) -> Copy:
    """A clone that holds two versions, at the first, where a bridge once ran."""
    made = Copy(tmp_path / "clone", tmp_path / "clone" / "state")
    made.folder.mkdir()
    copy_program(made.folder)
    (made.folder / ".gitignore").write_text("__pycache__/\n/.venv\n/.runtime/\n/state/\n")
    (made.folder / "agents.txt").write_text("web-1 192.0.2.1:9100\n")
    git(made, "init", "--quiet")
    commit(made, "first")
    make_later(made.folder)
    commit(made, "v9")
    git(made, "checkout", "--quiet", "first")
    (made.folder / ".venv").symlink_to(Path(sys.prefix))
    (made.folder / ".runtime").mkdir()
    made.bridge("people", "add", "1001", "admin")
    return made


def git(made: Copy, *words: str) -> str:
    return made.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words)


def commit(made: Copy, tag: str) -> None:
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "--message", tag)
    git(made, "tag", tag)


def test_a_folder_goes_to_another_version_and_back(clone: Copy) -> None:
    (clone.folder / "agents.txt").write_text("mine 192.0.2.7:9100\n")  # edited by its owner
    said = clone.run("deploy/upgrade.sh", "9")
    assert "./start.sh" in said
    assert len(clone.backups) == 1
    assert str(clone.backups[0]) in said
    assert clone.schema == NEWEST
    clone.bridge("people", "add", "1002", "viewer")  # as the bridge does when it starts
    assert clone.schema == LATER
    clone.run("deploy/rollback.sh")
    assert clone.schema == NEWEST
    people = clone.bridge("people", "list")
    assert "1001" in people
    assert "1002" in people  # what was kept since stays
    assert "mine" in (clone.folder / "agents.txt").read_text()
    assert "no upgrade to go back from" in clone.run("deploy/rollback.sh", fails=True)


def test_a_folder_that_was_upgraded_and_never_started_goes_back(clone: Copy) -> None:
    clone.run("deploy/upgrade.sh", "9")
    clone.run("deploy/rollback.sh")
    assert clone.schema == NEWEST
    assert "1001" in clone.bridge("people", "list")


def test_an_upgrade_of_a_folder_is_refused_while_its_bridge_runs(clone: Copy) -> None:
    with hold(clone.state):
        said = clone.run("deploy/upgrade.sh", "9", fails=True)
    assert "end it first" in said
    assert clone.backups == []
    clone.run("deploy/upgrade.sh", "9")
    clone.bridge("database", "upgrade")
    with hold(clone.state):
        assert "end it first" in clone.run("deploy/rollback.sh", fails=True)
    assert clone.schema == LATER


def test_a_version_that_is_not_there_changes_nothing(clone: Copy) -> None:
    before = git(clone, "rev-parse", "HEAD")
    assert "no version 7.7" in clone.run("deploy/upgrade.sh", "7.7", fails=True)
    assert "name a version" in clone.run("deploy/upgrade.sh", fails=True)
    assert git(clone, "rev-parse", "HEAD") == before
    assert clone.backups == []


def test_ones_own_changes_are_never_overwritten(clone: Copy) -> None:
    program = clone.folder / "bridge" / "__init__.py"
    program.write_text(program.read_text() + "# mine\n")
    said = clone.run("deploy/upgrade.sh", "9", fails=True)
    assert "your own changes" in said
    assert program.read_text().endswith("# mine\n")
    assert "no upgrade to go back from" in clone.run("deploy/rollback.sh", fails=True)


def test_the_version_before_names_the_way_out_of_a_later_database(clone: Copy) -> None:
    """Somebody went back by hand, and only with the program."""
    clone.run("deploy/upgrade.sh", "9")
    clone.bridge("database", "upgrade")
    git(clone, "checkout", "--quiet", "--force", "first")
    said = clone.run(".venv/bin/python", "-m", "bridge", "people", "list", fails=True)
    assert f"schema {LATER}" in said
    assert f"database downgrade {NEWEST}" in said


def test_a_folder_whose_stack_is_in_containers_is_asked_through_them(clone: Copy) -> None:
    record, asked = clone.folder / ".runtime/containers.json", clone.folder / ".runtime/asked"
    (clone.folder / "agents.txt").unlink()
    (clone.folder / "agents.txt").symlink_to("inventory/agents.txt")
    clone.state = clone.folder / "volume"
    clone.bridge("people", "add", "1003", "admin")
    start = clone.folder / "start.sh"
    start.write_text(START.format(volume=clone.state))
    start.chmod(0o755)
    clone.state = clone.folder / "state"
    shutil.rmtree(clone.state)
    assert "the containers of this folder are down" in clone.run(
        "deploy/upgrade.sh", "9", fails=True
    )
    record.touch()
    clone.run("deploy/upgrade.sh", "9")
    [backup] = clone.backups
    assert backup.stat().st_size > 0
    clone.state = clone.folder / "volume"
    clone.bridge("people", "add", "1004", "viewer")
    assert clone.schema == LATER
    clone.run("deploy/rollback.sh")
    assert clone.schema == NEWEST
    told = asked.read_text()
    assert told.index("stop bridge") < told.index("console database downgrade")


# ---- services ---------------------------------------------------------------------------------


@dataclass
class Services:
    """A root with an installation of the first version, and a copy of a later one."""

    root: Path
    later: Copy
    told: Path

    @property
    def current(self) -> str:
        return str((self.root / "opt/opswire/current").readlink())

    @property
    def installed(self) -> Copy:
        return Copy(self.root / "opt/opswire/current", self.root / "var/lib/opswire")

    def call(self, script: str, *words: str, fails: bool = False) -> str:
        return self.later.run(f"deploy/{script}.sh", "--root", str(self.root), *words, fails=fails)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    root, later = tmp_path / "root", tmp_path / "later"
    first = root / "opt/opswire/releases/first"
    for place, version in ((first, "first"), (later, "later")):
        place.mkdir(parents=True)
        copy_program(place)
        (place / "VERSION").write_text(version)
        (place / ".venv").symlink_to(Path(sys.prefix))
        install = place / "deploy" / "install.sh"
        install.write_text(INSTALL)
        install.chmod(0o755)
    make_later(later)
    (root / "opt/opswire/current").symlink_to("releases/first")
    (root / "opt/opswire/installed.json").write_text(
        json.dumps({"role": "bridge", "without": ["prometheus"]})
    )
    for folder in ("var/lib/opswire", "etc/systemd/system"):
        (root / folder).mkdir(parents=True)
    (root / "etc/systemd/system/opswire-bridge.service").touch()
    made = Services(root, Copy(later, root / "var/lib/opswire"), tmp_path / "told")
    made.installed.bridge("people", "add", "1001", "admin")
    return made


def test_services_go_to_another_version_and_back(services: Services) -> None:
    said = services.call("upgrade")
    assert "later runs (before: first)" in said
    assert services.current == "releases/later"
    assert len(services.installed.backups) == 1
    assert services.told.read_text().startswith("--role bridge --without prometheus --root")
    services.installed.bridge("people", "add", "1002", "viewer")  # its start brings it up
    assert services.installed.schema == LATER
    assert "first runs again" in services.call("rollback")
    assert services.current == "releases/first"
    assert services.installed.schema == NEWEST
    people = services.installed.bridge("people", "list")
    assert "1001" in people
    assert "1002" in people
    assert "no upgrade to go back from" in services.call("rollback", fails=True)


@pytest.mark.parametrize("goes_on", ["upgrade", "rollback"])
def test_an_upgrade_that_was_cut_off_goes_on_or_back(services: Services, goes_on: str) -> None:
    fails = services.told.with_name("told.fails")
    fails.touch()
    said = services.call("upgrade", fails=True)
    assert "the disk is full" in said
    assert "rollback.sh, which goes back to first" in said
    fails.unlink()
    assert services.current == "releases/first"
    services.call(goes_on)
    assert services.current == ("releases/later" if goes_on == "upgrade" else "releases/first")
    assert services.installed.backups != []
    if goes_on == "upgrade":
        services.call("rollback")
    assert services.current == "releases/first"
    assert "1001" in services.installed.bridge("people", "list")


def test_an_upgrade_cut_off_before_its_last_words_is_followed_by_another_as_usual(
    services: Services,
) -> None:
    services.call("upgrade")
    links = services.root / "opt/opswire"
    (links / "previous").rename(links / "upgrading")  # as it was until the last moment
    [first] = services.installed.backups
    first.rename(first.with_name("kept.zip"))
    said = services.call("upgrade")
    assert "later runs, and " in said
    assert "is no other version" in said
    assert len(services.installed.backups) == 2
    assert (links / "previous").readlink() == Path("releases/first")
    assert "first runs again" in services.call("rollback")


def test_a_rollback_from_an_upgrade_that_was_cut_off_keeps_the_way_further_back(
    services: Services,
) -> None:
    services.call("upgrade")
    (services.later.folder / "VERSION").write_text("third")
    fails = services.told.with_name("told.fails")
    fails.touch()
    services.call("upgrade", fails=True)
    fails.unlink()
    assert "later runs again" in services.call("rollback")
    assert "first runs again" in services.call("rollback")


def test_without_a_backup_nothing_is_upgraded(services: Services) -> None:
    (services.root / "var/lib/opswire/opswire.db").write_bytes(b"not a database at all" * 1000)
    said = services.call("upgrade", fails=True)
    assert "nothing was changed" in said
    assert services.current == "releases/first"


def test_a_rollback_that_cannot_bring_the_database_back_leaves_the_version(
    services: Services,
) -> None:
    services.call("upgrade")
    services.installed.bridge("database", "upgrade")
    with hold(services.root / "var/lib/opswire"):  # a bridge that did not stop
        said = services.call("rollback", fails=True)
    assert "another bridge is running" in said
    assert (services.current, services.installed.schema) == ("releases/later", LATER)
    services.call("rollback")
    assert (services.current, services.installed.schema) == ("releases/first", NEWEST)


def test_a_host_with_an_agent_alone_has_nothing_to_back_up(services: Services) -> None:
    (services.root / "etc/systemd/system/opswire-bridge.service").unlink()
    services.call("upgrade")
    assert services.installed.backups == []
    services.call("rollback")
    assert services.current == "releases/first"


@pytest.mark.parametrize("script", ["upgrade", "rollback"])
def test_each_says_how_it_is_used(services: Services, script: str) -> None:
    assert f"deploy/{script}.sh" in services.later.run(f"deploy/{script}.sh", "--help")
    assert f"deploy/{script}.sh" in services.later.run(f"deploy/{script}.sh", "--x", fails=True)
