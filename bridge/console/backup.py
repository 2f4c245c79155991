"""A backup at the console: everything that is kept, in one file, while the bridge runs.

Small files are read first and the database after them: the audit's signed head is then behind the
audit or even with it, never ahead, and no key is newer than what it signed.

It is a look at everything, secrets too, so the audit tells of it. Where it cannot, the disk may be
full, or a storm may leave no turn to write: then a backup is needed all the more, and says so.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bridge import __version__, limits
from bridge.archive import Writing, write_archive
from bridge.clients.authority import FOLDER
from bridge.console.desk import Bench, complain, show
from bridge.core.audit_check import Soundness
from bridge.core.backups import (
    INVENTORY,
    STATE,
    Manifest,
    is_proper_member,
    name_table,
    read_kept_owner,
)
from bridge.errors import Outage, TooMuch
from bridge.premises import TOKEN_FILE, make_folder, sit_down
from bridge.store.audit_seal import HEAD_FILE, KEY_FILE
from bridge.store.noting import note, sign
from bridge.store.snapshot import open_snapshot

STATE_FILES: Final = (HEAD_FILE, KEY_FILE, TOKEN_FILE)
_COUNTED: Final = (
    ("people", "person", "people"),
    ("chats", "subscribed chat", "subscribed chats"),
    ("episodes", "episode of alerts", "episodes of alerts"),
    ("firing", "of them firing", "of them firing"),
    ("audit", "entry of the audit", "entries of the audit"),
    ("pending", "message to be delivered", "messages to be delivered"),
    ("webhooks", "webhook to be read", "webhooks to be read"),
    ("hosts", "host in the inventory", "hosts in the inventory"),
    ("agents", "agent that is let in", "agents that are let in"),
)


def back_up(bench: Bench, wish: Namespace) -> int:
    """Write it."""
    bench.settle()
    path, folder = Path(wish.file), make_folder(bench.settings.state_dir)
    with sit_down(folder):
        with write_archive(path, is_forced=wish.force) as archive:
            manifest = _write(bench, archive)
            trouble = _note(bench)  # before it has its name
        trouble = trouble or _sign(bench, folder)
    bench.say(f"{show(str(path))} holds")
    describe(bench, manifest.counts)
    bench.say(
        "and the keys that every host obeys: keep it where only you read it. Not in it are the"
    )
    bench.say("settings, so also the bot's token; what Prometheus measured; each host's own key.")
    if trouble:
        complain(f"it is done, but {trouble}")
    return 0


def _write(bench: Bench, archive: Writing) -> Manifest:
    made_at = bench.clock.now()
    for name, content in _read_files(bench):
        archive.put(name, [content])
    with open_snapshot(bench.url) as snapshot:
        for table in snapshot.tables:
            archive.put(name_table(table), snapshot.lines(table))
        manifest = Manifest(
            version=__version__,
            revision=snapshot.revision,
            made_at=made_at,
            owner=read_kept_owner(snapshot.owner()),
            dialect=snapshot.dialect,
            members=archive.members,
            counts=snapshot.counts(),
            counters=snapshot.counters(),
        )
    archive.finish(manifest)
    return manifest


def _note(bench: Bench) -> str:
    """Tell the audit; answer what went wrong."""
    try:
        note(bench.url, bench.write("backup"))
    except Outage as fault:
        return f"the audit does not tell of it: {fault.sentence}"
    return ""


def _sign(bench: Bench, folder: Path) -> str:
    try:
        verdict = sign(bench.url, folder)
    except Outage as fault:
        return f"the audit could not be signed: {fault.sentence}"
    if verdict is None or verdict.soundness is Soundness.SOUND:
        return ""
    return f"the audit is {verdict.soundness.value}: {verdict.sentence}"


def describe(bench: Bench, counts: Mapping[str, int]) -> None:
    """Say how much is in a backup, line by line."""
    for name, one, many in _COUNTED:
        if (number := counts.get(name)) is not None:
            bench.say(f"{number:>8} {one if number == 1 else many}")


def _read_files(bench: Bench) -> Iterator[tuple[str, bytes]]:
    folder = bench.settings.state_dir
    for name in STATE_FILES:
        if (content := _read(folder / name)) is not None:
            yield f"{STATE}{name}", content
    if (folder / FOLDER).is_dir():
        for path in sorted((folder / FOLDER).iterdir()):
            # What begins with a dot is on its way to its name; an editor's copies are none of ours.
            name = f"{STATE}{FOLDER}/{path.name}"
            if is_proper_member(name) and (content := _read(path)) is not None:
                yield name, content
    if (content := _read(bench.settings.agents_file)) is not None:
        yield INVENTORY, content


def _read(path: Path) -> bytes | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            content = file.read(limits.INVENTORY_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise Outage("the backup", f"{path}: {(fault.strerror or 'unreadable').lower()}") from fault
    if len(content) > limits.INVENTORY_BYTES:
        raise TooMuch(f"{path} has more than {limits.INVENTORY_BYTES} bytes: that is none of ours")
    return content
