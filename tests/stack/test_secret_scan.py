from __future__ import annotations

from pathlib import Path

from deploy.stack.secret_scan import find_secrets, list_files

# Put together here, so that this file holds no such thing itself.
REAL_LOOKING = "5123456789:" + "AAHdq7Xk2v9WmZ0pRt4Ls8" + "Yc1Jb6NeQf3Gu"
INVENTED = "123456789:" + "A" * 35


def test_a_bot_token_is_found_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text(f"one\ntoken {REAL_LOOKING}\n")
    found = find_secrets([path])
    assert found == [f"{path}:2: looks like a bot token"]
    assert REAL_LOOKING not in found[0]


def test_an_invented_token_is_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "test_x.py"
    path.write_text(f"TOKEN = {INVENTED!r}\n")
    assert find_secrets([path]) == []


def test_a_private_key_is_found(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkq" * 8 + "\n")
    assert len(find_secrets([path])) == 1


def test_an_unpacked_archive_is_scanned_without_what_a_run_made(tmp_path: Path) -> None:
    for name in ("kept.md", ".venv/lib.py", "prometheus/secrets/webhook_token", ".env"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert [path.name for path in list_files(tmp_path) if path.is_file()] == ["kept.md"]
