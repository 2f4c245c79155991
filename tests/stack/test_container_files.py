from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from bridge.settings import Settings, read_environment
from deploy.stack.container_files import (
    Owner,
    find_own_token,
    find_owner,
    lay_folders,
    lay_inventory,
    lay_secrets,
)
from deploy.stack.folder import StackFault

TOKEN = "7000000001:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
LINE = "Server 127.0.0.1:9100\n"


@pytest.fixture
def owner() -> Owner:
    return Owner(user=os.getuid(), group=os.getgid())


def lay(root: Path, owner: Owner, **given: str) -> dict[str, str]:
    environ = read_environment(root, given)
    folder = lay_secrets(root, Settings.load(environ), environ, owner)
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != ".laid"}


SHIPPED = ("grafana/provisioning/datasources/opswire.yml", "grafana/dashboards/fleet.json")
EDITED = (
    *("prometheus/prometheus.yml", "prometheus/rules/alerts.yml"),
    "alertmanager/alertmanager.yml",
)
KEPT = ("prometheus/secrets/webhook_token",)


def modes(root: Path, *names: str) -> set[str]:
    """Put files of their owner alone where there are none; give the modes of them and folders."""
    found = set()
    for name in names:
        path = root / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
            path.chmod(0o600)
            path.parent.chmod(0o700)
        found |= {f"{each.stat().st_mode & 0o777:o}" for each in (path, path.parent)}
    return found


def test_what_ships_is_read_by_every_container_and_what_may_hold_keys_by_ours_alone(
    tmp_path: Path, owner: Owner
) -> None:
    modes(tmp_path, *SHIPPED, *EDITED, *KEPT)
    lay_folders(tmp_path, owner)
    assert modes(tmp_path, *SHIPPED) == {"644", "755"}
    assert modes(tmp_path, *EDITED, *KEPT) == {"600", "700"}, "ours run as their owner"


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a file to another group")
def test_in_a_folder_of_roots_our_containers_read_by_their_group(tmp_path: Path) -> None:
    modes(tmp_path, *SHIPPED, *EDITED, *KEPT)
    lay_folders(tmp_path, Owner(user=10001, group=10002))
    assert modes(tmp_path, *SHIPPED) == {"644", "755"}
    assert modes(tmp_path, *EDITED) == {"640", "750"}
    assert {(tmp_path / name).stat().st_gid for name in EDITED} == {10002}
    assert modes(tmp_path, *KEPT) == {"600", "700"}


def test_the_inventory_moves_into_the_folder_that_containers_write_and_stays_where_it_was(
    tmp_path: Path, owner: Owner
) -> None:
    usual = tmp_path / "agents.txt"
    usual.write_text(LINE)
    path, notice = lay_inventory(tmp_path, {}, owner)
    assert path == tmp_path / "inventory" / "agents.txt"
    assert "it is a link" in notice
    assert usual.is_symlink()
    assert usual.read_text() == path.read_text() == LINE
    assert lay_inventory(tmp_path, {}, owner) == (path, ""), "the second start changes nothing"


def test_a_file_put_in_the_links_place_counts_and_the_one_before_is_kept(
    tmp_path: Path, owner: Owner
) -> None:
    usual = tmp_path / "agents.txt"
    usual.write_text(LINE)
    path, _ = lay_inventory(tmp_path, {}, owner)
    usual.unlink()
    usual.write_text("web-1 192.0.2.1:9100\n")
    _, notice = lay_inventory(tmp_path, {}, owner)
    assert "agents.txt.before" in notice
    assert path.read_text() == "web-1 192.0.2.1:9100\n"
    assert path.with_name("agents.txt.before").read_text() == LINE
    assert usual.is_symlink()


def test_a_lost_link_is_made_again(tmp_path: Path, owner: Owner) -> None:
    usual = tmp_path / "agents.txt"
    usual.write_text(LINE)
    path, _ = lay_inventory(tmp_path, {}, owner)
    usual.unlink()
    lay_inventory(tmp_path, {}, owner)
    assert usual.resolve() == path


def test_an_inventory_that_a_person_chose_stays_where_it_is(tmp_path: Path, owner: Owner) -> None:
    elsewhere = tmp_path / "lists" / "ours"
    elsewhere.parent.mkdir()
    elsewhere.write_text(LINE)
    assert lay_inventory(tmp_path, {"AGENTS_FILE": "lists/ours"}, owner) == (elsewhere, "")
    with pytest.raises(StackFault, match="is not there"):
        lay_inventory(tmp_path, {"AGENTS_FILE": "lists/theirs"}, owner)


def test_an_inventory_that_a_person_chose_never_opens_more_than_its_folder(
    tmp_path: Path, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, home = tmp_path / "srv" / "opswire", tmp_path / "home"
    for folder in (root, home):
        folder.mkdir(parents=True)
        (folder / "agents.txt").write_text(LINE)
    monkeypatch.setenv("HOME", str(home))
    for text in ("../agents.txt", "hosts", "../../agents.txt", "~/agents.txt"):
        with pytest.raises(StackFault, match="AGENTS_FILE: containers may write the folder"):
            lay_inventory(root, {"AGENTS_FILE": text}, owner)
    (home / "lists").mkdir()
    (home / "lists" / "ours").write_text(LINE)
    chosen = lay_inventory(root, {"AGENTS_FILE": "~/lists/ours"}, owner)
    assert chosen == (home / "lists" / "ours", "")
    path, _ = lay_inventory(root, {"AGENTS_FILE": "./agents.txt"}, owner)
    assert path == root / "inventory" / "agents.txt", "the usual one, by its name"


def test_a_link_that_a_container_made_opens_nothing_of_this_machine(
    tmp_path: Path, owner: Owner
) -> None:
    (tmp_path / "agents.txt").write_text(LINE)
    path, _ = lay_inventory(tmp_path, {}, owner)
    secret = tmp_path / "secret"
    secret.write_text("root:$6$hash\n")
    secret.chmod(0o600)
    (path.parent / "more").symlink_to(secret)
    lay_inventory(tmp_path, {}, owner)
    assert secret.stat().st_mode & 0o777 == 0o600
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(StackFault, match=r"agents\.txt is a link") as caught:
        lay_inventory(tmp_path, {}, owner)
    assert "hash" not in str(caught.value)
    assert secret.stat().st_mode & 0o777 == 0o600
    targets = tmp_path / "prometheus" / "targets"
    targets.mkdir(parents=True)
    (targets / "more.json").symlink_to(secret)
    with pytest.raises(StackFault, match=r"more\.json is a link"):
        lay_folders(tmp_path, owner)
    assert secret.stat().st_mode & 0o777 == 0o600


def test_a_backup_on_its_way_stays_closed(tmp_path: Path, owner: Owner) -> None:
    (tmp_path / "agents.txt").write_text(LINE)
    path, _ = lay_inventory(tmp_path, {}, owner)
    left = path.with_name(".carried-1")
    left.write_text("every secret")
    left.chmod(0o600)
    lay_inventory(tmp_path, {}, owner)
    assert left.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mode & 0o777 == 0o644


def test_an_inventory_with_a_fault_stops_the_start_with_every_bad_line(
    tmp_path: Path, owner: Owner
) -> None:
    (tmp_path / "agents.txt").write_text("web-1 nonsense\nweb-2 also:bad\n")
    with pytest.raises(StackFault, match=r"(?s)line 1.*line 2") as caught:
        lay_inventory(tmp_path, {}, owner)
    assert caught.value.code == 2


def test_secrets_lie_in_files_for_one_user_and_go_with_their_setting(
    tmp_path: Path, owner: Owner
) -> None:
    (tmp_path / "password").write_text("from a file\n")
    given = {"PROMETHEUS_USER": "ada", "PROMETHEUS_PASSWORD_FILE": str(tmp_path / "password")}
    laid = lay(tmp_path, owner, BOT_TOKEN=TOKEN, **given)
    assert laid == {"bot_token": TOKEN, "prometheus_password": "from a file"}
    folder = tmp_path / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert lay(tmp_path, owner, BOT_TOKEN=TOKEN) == {"bot_token": TOKEN}
    assert lay(tmp_path, owner) == {}


def test_a_token_that_a_person_put_among_the_secrets_stays_and_is_found(
    tmp_path: Path, owner: Owner
) -> None:
    lay(tmp_path, owner, BOT_TOKEN=TOKEN)
    assert find_own_token(tmp_path) is None, "it came from the settings"
    lay(tmp_path, owner)
    (tmp_path / "secrets" / "bot_token").write_text(TOKEN)
    for _ in range(2):
        own = find_own_token(tmp_path)
        assert own == tmp_path / "secrets" / "bot_token"
        assert lay(tmp_path, owner, BOT_TOKEN_FILE=str(own)) == {"bot_token": TOKEN}


def test_what_a_person_put_among_the_secrets_is_theirs_by_whatever_path_it_is_named(
    tmp_path: Path, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "secrets"
    own.mkdir()
    for name, text in (("bot_token", TOKEN), ("notify_urls", "json://ways.example")):
        (own / name).write_text(text)
    given = {"BOT_TOKEN_FILE": "./secrets/bot_token", "NOTIFY_URLS_FILE": "secrets/notify_urls"}
    kept = {"bot_token": TOKEN, "notify_urls": "json://ways.example"}
    assert lay(tmp_path, owner, **given) == kept
    assert lay(tmp_path, owner) == kept, "it is theirs, whatever the settings name"


def test_a_command_that_is_advised_takes_a_folder_with_blanks(
    tmp_path: Path, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "our bot's"
    (root / "prometheus" / "targets").mkdir(parents=True)
    (root / "grafana").mkdir(mode=0o700)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(StackFault) as caught:
        lay_folders(root, owner)
    assert shlex.split(str(caught.value).partition(": ")[2]) == [
        *("sudo", "chmod", "a+rx", str(root / "grafana"))
    ]
    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(StackFault) as caught:
        owner.take(root, 0o700)
    assert shlex.split(str(caught.value).partition(": ")[2])[-1] == str(root)


@pytest.mark.skipif(os.getuid() != 0, reason="only root owns what is root's")
def test_no_container_runs_as_root_for_a_folder_of_roots(tmp_path: Path) -> None:
    owner = find_owner(tmp_path)
    assert owner.user == owner.group == 10001
    os.chown(tmp_path, 1234, 1235)
    assert find_owner(tmp_path) == Owner(user=1234, group=1235)
