"""A backup that is damaged, forged or not of here is refused before anything is touched."""

from __future__ import annotations

import json
import stat
import zipfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from bridge import __version__
from bridge.premises import hold
from bridge.settings import SettingsError
from bridge.store import filling
from bridge.store.database import create
from tests.store.full_state import read_rows
from tests.store.houses import (
    NEWEST,
    House,
    forge,
    list_names,
    on_postgresql,
    on_sqlite,
    run,
    unchanged,
)


def test_nothing_is_restored_under_a_running_bridge(house: House) -> None:
    house.back_up()
    before = unchanged(house)
    with hold(house.folder), pytest.raises(SettingsError, match="another bridge is running"):
        house.call("restore", str(house.file))
    assert unchanged(house) == before


@on_postgresql
def test_nothing_is_restored_into_a_database_that_others_use(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_LOOKS", 20)  # whoever is there stays
    house.back_up()
    before = unchanged(house)
    engine = create(house.url)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1")).close()
        assert "end every bridge" in house.complain("restore", str(house.file))
    engine.dispose()
    assert unchanged(house) == before


@on_sqlite
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chance=st.data())
def test_any_cut_or_flipped_bit_is_refused_before_anything_is_touched(
    house: House, chance: st.DataObject
) -> None:
    if not house.file.exists():
        house.back_up()
    whole = house.file.read_bytes()
    place = chance.draw(st.integers(0, len(whole) - 1))
    bit = chance.draw(st.none() | st.integers(0, 7))
    spoilt = bytearray(whole)
    if bit is None:
        del spoilt[place:]
    else:
        spoilt[place] ^= 1 << bit
    path = house.file.with_name("spoilt.zip")
    path.write_bytes(spoilt)
    before = list_names(house)
    assert "damaged" in house.complain("restore", str(path))
    assert list_names(house) == before


@on_sqlite
def test_what_is_damaged_is_named(house: House) -> None:
    house.back_up()
    with zipfile.ZipFile(house.file) as opened:
        about = opened.getinfo("database/people.jsonl")
        middle = about.header_offset + 30 + len(about.filename) + 20 + about.compress_size // 2
    spoilt = bytearray(house.file.read_bytes())
    spoilt[middle] ^= 0xFF
    house.file.write_bytes(spoilt)
    complaint = house.complain("restore", str(house.file))
    assert "database/people.jsonl" in complaint or "cannot be unpacked" in complaint
    for content in (b"", b"PK", b"not at all" * 100):
        house.file.write_bytes(content)
        assert "no backup" in house.complain("restore", str(house.file))
    house.file.unlink()
    assert "no such file" in house.complain("restore", str(house.file))


@on_sqlite
@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "state/../../evil",
        "state/agents/../../evil",
        "state/.hidden",
        "database/../evil.jsonl",
        "state\\evil",
        "state/agents/deep/er",
        "evil",
    ],
)
def test_a_name_that_leads_anywhere_else_is_refused(house: House, name: str) -> None:
    forge(house, members={name: b"evil"})
    before = unchanged(house)
    assert "no backup of ours" in house.complain("restore", str(house.file))
    assert unchanged(house) == before
    assert not list(house.folder.parent.rglob("*evil*"))


@on_sqlite
@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_link_in_a_backup_is_refused(house: House, kind: str) -> None:
    mode = {"link": stat.S_IFLNK | 0o777, "folder": stat.S_IFDIR | 0o700}[kind]
    forge(house, members={"state/webhook_token": b"/etc/passwd"}, mode=mode)
    before = unchanged(house)
    assert "no backup of ours" in house.complain("restore", str(house.file))
    assert unchanged(house) == before


@on_sqlite
def test_a_member_that_its_manifest_does_not_know_is_refused(house: House) -> None:
    forge(house, manifest=lambda told: told["members"].pop("state/audit.key"))
    assert "other files" in house.complain("restore", str(house.file))
    digest = {"sha256": "0" * 64, "size": 1}
    forge(house, manifest=lambda told: told["members"].update({"database/people.jsonl": digest}))
    before = unchanged(house)
    complaint = house.complain("restore", str(house.file))
    assert "database/people.jsonl is not as it was written" in complaint
    assert unchanged(house) == before


def test_a_later_schema_or_version_is_refused_by_both_names(house: House) -> None:
    forge(house, manifest=lambda told: told.update(revision="9999", version="7.0.0"))
    before = unchanged(house)
    complaint = house.complain("restore", str(house.file), "--force")
    for words in ("7.0.0", "9999", __version__, NEWEST):
        assert words in complaint
    assert unchanged(house) == before
    forge(house, manifest=lambda told: told.update(version="7.0.0"))
    before = unchanged(house)
    complaint = house.complain("restore", str(house.file))
    for words in ("7.0.0", __version__, "--force"):
        assert words in complaint
    assert unchanged(house) == before
    forge(house, manifest=lambda told: told.update(form=2, version="7.0.0"))
    before = unchanged(house)
    assert "7.0.0" in house.complain("restore", str(house.file))
    assert unchanged(house) == before


def test_another_bots_state_is_refused_unless_forced(house: House) -> None:
    house.back_up()
    house.given["BOT_TOKEN"] = "555555555:" + "B" * 35
    before = unchanged(house)
    complaint = house.complain("restore", str(house.file))
    assert "bot 123456789" in complaint
    assert "bot 555555555" in complaint
    assert unchanged(house) == before
    # Also where no token says whose it shall be, but the state that is there does.
    del house.given["BOT_TOKEN"]
    value = json.dumps({"bot_id": "777", "server": "Telegram"})
    run(house.url, text("UPDATE state SET value = :value").bindparams(value=value))
    assert "bot 777" in house.complain("restore", str(house.file))
    house.say("restore", "--force", str(house.file))
    assert "123456789" in str(read_rows(house.url)["state"])


# ---- hostile ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"database/alembic_version.jsonl": b'["version_num"]\n["9999"]\n'},
        {"database/inboxes.jsonl": b'["name","folded_to"]\n["x",99]\n'},
        {"database/sqlite_sequence.jsonl": b'["name","seq"]\n["people",7]\n'},
        {"database/people.jsonl": b'["user_id; DROP TABLE audit"]\n[1]\n'},
        {"database/people.jsonl": b'["user_id"]\n[99999999999999999999999]\n'},
        {"database/people.jsonl": b'["user_id"]\n' + b"[" * 100_000 + b"\n"},
        {"database/people.jsonl": b'["user_id"]\n[1,2]\n'},
        {"database/people.jsonl": b'["user_id"]\n[[1]]\n'},
        {"database/people.jsonl": b'["user_id"]\n[1]\n'},
        {"database/people.jsonl": b""},
        {"database/updates.jsonl": b'["update_id","body","received_at"]\n[1,"\\ud800","today"]\n'},
    ],
    ids=range(11),
)
def test_nonsense_about_a_table_changes_nothing(house: House, members: dict[str, bytes]) -> None:
    forge(house, members=members)
    before = unchanged(house)
    house.complain("restore", str(house.file))
    assert unchanged(house) == before


def test_a_number_that_no_row_has_is_refused(house: House) -> None:
    for number in (2**63, -1):

        def lie(told: dict[str, Any], most: int = number) -> None:
            told["counters"].update(messages=most)

        forge(house, manifest=lie)
        before = unchanged(house)
        assert "cannot be understood" in house.complain("restore", str(house.file))
        assert unchanged(house) == before


@on_sqlite
def test_a_backup_that_tells_nothing_of_a_table_is_refused(house: House) -> None:
    forge(house, without="database/people.jsonl")
    before = unchanged(house)
    assert "nothing of the table people" in house.complain("restore", str(house.file))
    assert unchanged(house) == before
