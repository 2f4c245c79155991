"""The scripts: what they are asked, what they answer, and where secrets go."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.installing import removal
from deploy.installing.__main__ import main
from deploy.installing.machine import Machine
from tests.deploy.scratch import ROOT, TOKEN, picture

SCRIPTS = ("install.sh", "uninstall.sh")
SHELLCHECK = shutil.which("shellcheck")


def run(*words: str | Path, text: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environ},
    )


@pytest.mark.parametrize("name", [*SCRIPTS, "opswire.sh", "reload-changed.sh", "with-secrets.sh"])
def test_a_script_has_no_fault_of_form(name: str) -> None:
    assert run("sh", "-n", ROOT / "deploy" / name).returncode == 0
    assert "bash" not in (ROOT / "deploy" / name).read_text().splitlines()[0]
    if SHELLCHECK:
        done = run(SHELLCHECK, ROOT / "deploy" / name)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_is_had_from_anywhere(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(ROOT / "deploy" / name), "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CDPATH": "/"},
    )
    assert done.returncode == 0, done.stderr
    for word in ("--dry-run", "--root"):
        assert word in done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_python_that_is_none_is_named(name: str) -> None:
    done = run(ROOT / "deploy" / name, "--help", PYTHON="/nowhere/python3")
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed, and PYTHON=/nowhere/python3 is none" in done.stderr


def test_a_folder_is_filled_by_words_and_emptied_again(tmp_path: Path) -> None:
    place = tmp_path / "root"
    done = run(ROOT / "deploy/install.sh", "--root", place, "--role", "agent", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("nothing was changed: this was a dry run\n")
    assert not place.exists()
    done = run(ROOT / "deploy/uninstall.sh", "--root", place, "--yes")
    assert done.stdout == "there is nothing of Opswire here\n"


def test_nothing_is_deleted_without_a_word_to_that_end(tmp_path: Path) -> None:
    (tmp_path / "etc/opswire").mkdir(parents=True)
    before = picture(tmp_path)
    done = run(ROOT / "deploy/uninstall.sh", "--root", tmp_path)
    assert done.returncode == 1
    assert "this deletes all that was stored: say --yes, or --keep-state" in done.stderr
    assert picture(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("12345:short", "that is no token of a bot"), (f"{TOKEN}#", "that is no token of a bot")],
)
def test_a_wrong_token_is_refused_and_not_shown(
    tmp_path: Path, content: str, sentence: str
) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    done = run(ROOT / "deploy/install.sh", "--root", tmp_path, "--bot-token-file", file)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert content not in done.stdout + done.stderr


def test_what_only_root_sees_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/etc/opswire/bridge.env")

    monkeypatch.setattr(removal, "uninstall", refuse)
    for is_root, mend in ((False, "run this with sudo"), (True, "mend it and run this again")):
        monkeypatch.setattr(Machine, "is_root", is_root)
        assert main(["uninstall", "--dry-run", "--root", str(tmp_path)]) == 1
        said = capsys.readouterr().err
        assert said == f"uninstall.sh: /etc/opswire/bridge.env: permission denied; {mend}\n"


def test_an_unknown_program_or_role_is_a_wrong_word() -> None:
    for words in (("--role", "king"), ("--without", "grafana"), ("--purge",)):
        assert run(ROOT / "deploy/install.sh", *words).returncode == 2


def test_each_file_of_the_secrets_is_the_setting_it_is_named_after(tmp_path: Path) -> None:
    for name in ("secret_bot_token", "secret_notify_urls", "secret_.swp", "secret_bot_token~"):
        (tmp_path / name).write_text("x")
    done = run(
        *(ROOT / "deploy/with-secrets.sh", "env"),
        CREDENTIALS_DIRECTORY=str(tmp_path),
    )
    found = sorted(line for line in done.stdout.splitlines() if "_FILE=" in line)
    assert found == [
        f"BOT_TOKEN_FILE={tmp_path}/secret_bot_token",
        f"NOTIFY_URLS_FILE={tmp_path}/secret_notify_urls",
    ]


def test_a_service_without_secrets_starts_all_the_same(tmp_path: Path) -> None:
    done = run(ROOT / "deploy/with-secrets.sh", "echo", "on", CREDENTIALS_DIRECTORY=str(tmp_path))
    assert done.stdout == "on\n"
    done = run(ROOT / "deploy/with-secrets.sh", "echo", "on")
    assert done.returncode != 0
    assert "is set by LoadCredential=" in done.stderr


def test_the_console_says_what_it_knows() -> None:
    done = run(ROOT / "deploy/opswire.sh", "--help")
    assert done.returncode == 0
    assert "opswire agent enrol" in done.stdout
    assert run(ROOT / "deploy/opswire.sh").returncode == 2


def test_the_place_of_backups_is_made_by_the_user_whose_folder_it_is_in(tmp_path: Path) -> None:
    for name in ("setpriv", "install", "mkdir", "chown"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{tmp_path}/told"\n')
        (tmp_path / name).chmod(0o755)
    script = """\
root='' folder='' project=$1
. "$project/deploy/versions.sh"
is_installed() { :; }
has_bridge() { :; }
find_schema() { echo 0001; }
console() { :; }
make_backup upgrade"""
    done = run("sh", "-euc", script, "sh", ROOT, PATH=f"{tmp_path}:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    [told] = (tmp_path / "told").read_text().splitlines()
    assert told.startswith("setpriv --reuid opswire --regid opswire --init-groups mkdir ")
    assert told.endswith(" /var/lib/opswire/backups")
