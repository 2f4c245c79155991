"""What containers of the project's image are given, and what the configuring one lays."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bridge.settings import Settings
from deploy.image import laying
from deploy.image.wiring import wire
from deploy.stack.folder import write_private
from tests.fakes.local_server import open_local_server

WORDS = Path(__file__).resolve().parents[2] / "deploy" / "image" / "opswire.sh"
TOKEN = "7000000001:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def test_a_secret_is_the_file_that_is_called_as_its_setting(tmp_path: Path) -> None:
    (tmp_path / "bot_token").write_text(TOKEN)
    (tmp_path / "notify_urls").write_text("json://ways.example\n")
    (tmp_path / "database_url").write_text("")
    (tmp_path / "something").write_text("else")
    wired = wire({"LOG_LEVEL": "INFO"}, tmp_path)
    assert wired == {
        "LOG_LEVEL": "INFO",
        "BOT_TOKEN_FILE": str(tmp_path / "bot_token"),
        "NOTIFY_URLS_FILE": str(tmp_path / "notify_urls"),
    }
    for path in tmp_path.iterdir():
        path.chmod(0o600)
    settings = Settings.load(wired)
    assert settings.bot_token is not None
    assert settings.bot_token.reveal() == TOKEN


def test_the_sandbox_profile_leads_to_the_local_telegram_and_a_state_of_its_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "bot_token").write_text(TOKEN)
    given = {"COMPOSE_PROFILES": "grafana, sandbox", "STATE_DIR": "/var/lib/opswire/state"}
    wired = wire(given, tmp_path)
    assert wired["TELEGRAM_API_BASE"] == "http://sandbox:8081"
    assert wired["BOT_TOKEN_FILE"] == "/var/lib/telegram/bot_token"
    assert wired["STATE_DIR"] == "/var/lib/opswire/sandbox"
    assert wire({**given, "COMPOSE_PROFILES": "grafana"}, tmp_path)["STATE_DIR"].endswith("/state")


def test_a_persons_templates_are_where_the_container_sees_them(tmp_path: Path) -> None:
    assert wire({"TEMPLATES_DIR": "/srv/ours"}, tmp_path)["TEMPLATES_DIR"] == "/templates"
    assert wire({"TEMPLATES_DIR": ""}, tmp_path)["TEMPLATES_DIR"] == ""


def is_healthy(url: str, path: str = "/healthz") -> bool:
    """Ask as the engine asks inside the container."""
    words = [str(WORDS), "healthy", str(urlsplit(url).port), path]
    done = subprocess.run(words, env={}, capture_output=True, check=False)
    assert done.stdout + done.stderr == b""
    return done.returncode == 0


def test_health_is_an_answer_of_200_and_nothing_else() -> None:
    with open_local_server() as server:
        assert is_healthy(server.url)
        assert [(each.method, each.path) for each in server.requests] == [("GET", "/healthz")]
        server.code = 503
        assert not is_healthy(server.url)
        server.raw = b"200 of something else\n"
        assert not is_healthy(server.url)
    assert not is_healthy(server.url), "it is gone"


def test_health_is_asked_by_the_shell_alone_for_it_is_asked_for_ever() -> None:
    lines = WORDS.read_text().splitlines()
    assert lines[0] == "#!/bin/bash"
    [python] = [line for line in lines if "python" in line]
    assert python == lines[-1], "what asks for health has left before"
    assert subprocess.run(["bash", "-n", WORDS], check=False).returncode == 0


class Volumes:
    """The places that the configuring container writes."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state = root / "bridge" / "state"
        self.config = root / "config"
        monkeypatch.setattr(laying, "CONFIG", self.config)
        monkeypatch.setattr(laying, "TELEGRAM", root / "telegram")
        monkeypatch.chdir(Path(__file__).resolve().parents[2])
        self._root = root

    def lay(self, **given: str) -> None:
        secrets = self._root / "secrets"
        laying.lay(
            {
                "STATE_DIR": str(self.state),
                "SECRETS_DIR": str(secrets),
                "AGENTS_ADDRESS": "127.0.0.1:8003",
                **given,
            }
        )

    def texts(self) -> Mapping[str, tuple[str, int]]:
        return {
            str(path.relative_to(self._root)): (path.read_text(), stat.S_IMODE(path.stat().st_mode))
            for path in self._root.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Volumes:
    return Volumes(tmp_path, monkeypatch)


def test_programs_share_one_token_each_by_a_copy_that_its_group_alone_reads(
    volumes: Volumes,
) -> None:
    volumes.lay()
    first = volumes.texts()
    token, mode = first["bridge/state/webhook_token"]
    assert mode == 0o600
    for party in ("prometheus", "alertmanager"):
        assert first[f"config/{party}/secrets/webhook_token"] == (token.strip(), 0o640)
    volumes.lay()
    assert volumes.texts() == first, "a second start makes nothing anew"


def test_prometheus_gets_what_it_shows_to_agents_and_nothing_that_signs(volumes: Volumes) -> None:
    volumes.lay()
    folder = volumes.config / "prometheus" / "agents"
    assert {path.name for path in folder.iterdir()} == {
        "authority.pem",
        "prometheus.pem",
        "prometheus.key",
        "metrics_token",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}


@pytest.mark.parametrize(
    "write",
    [write_private, lambda path, text: laying.put(path, text, mode=0o600)],
    ids=["here", "in a container"],
)
def test_a_secret_that_cannot_be_written_leaves_no_part_of_itself(
    write: Callable[[Path, str], None], tmp_path: Path
) -> None:
    place = tmp_path / "token"
    place.mkdir()
    with pytest.raises(IsADirectoryError):
        write(place, TOKEN)
    assert list(tmp_path.iterdir()) == [place]


def test_cadvisor_is_scraped_exactly_while_its_profile_is_on(volumes: Volumes) -> None:
    path = volumes.config / "prometheus" / "targets" / "cadvisor.json"
    volumes.lay(COMPOSE_PROFILES="cadvisor")
    [group] = json.loads(path.read_text())
    assert group["targets"] == ["cadvisor:8080"]
    volumes.lay()
    assert not path.exists()


def test_grafana_has_a_password_that_was_made_here_or_given(
    volumes: Volumes, tmp_path: Path
) -> None:
    volumes.lay()
    assert not (volumes.config / "grafana").exists()
    volumes.lay(COMPOSE_PROFILES="grafana")
    path = volumes.config / "grafana" / "admin_password"
    made = path.read_text()
    assert len(made.strip()) >= 24
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "grafana_admin_password").write_text("given by a person\n")
    volumes.lay(COMPOSE_PROFILES="grafana")
    assert path.read_text() == "given by a person"


def test_a_place_of_another_users_is_named_with_its_owner(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(laying.Unwritable, match="the volume bridge cannot be written"):
        laying.require_places({tmp_path / "file" / "below": "the volume bridge"})
    laying.require_places({tmp_path / "fresh": "the volume bridge"})
    assert list((tmp_path / "fresh").iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a file away")
def test_a_place_that_is_open_to_all_is_another_users_when_what_lies_in_it_is(
    tmp_path: Path,
) -> None:
    token = tmp_path / "state" / "webhook_token"
    token.parent.mkdir()
    token.write_text("")
    laying.require_places({tmp_path: "the volume bridge"})
    os.chown(token, 1234, 1234)
    with pytest.raises(laying.Unwritable, match="state/webhook_token in it belongs to 1234"):
        laying.require_places({tmp_path: "the volume bridge"})


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a file away")
def test_what_a_person_keeps_in_a_mounted_folder_of_theirs_is_theirs(tmp_path: Path) -> None:
    targets = tmp_path / "prometheus" / "targets"
    targets.mkdir(parents=True)
    (targets / "own.yml").write_text("")
    os.chown(targets / "own.yml", 1234, 1234)
    laying.require_places({tmp_path / "prometheus": "the volume", targets: "the folder"})
