"""A backup at the console: everything that is kept, in one file, while the bridge runs.

Small files are read first and the database after them: the audit's signed head is then behind the
audit or even with it, never ahead, and no key is newer than what it signed.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bridge import __version__, limits
from bridge.archive import write_archive
from bridge.clients.authority import FOLDER
from bridge.console.desk import Bench, show
from bridge.core.backups import INVENTORY, STATE, Manifest, name_table, read_kept_owner
from bridge.errors import Outage, TooMuch
from bridge.premises import TOKEN_FILE
from bridge.store.audit_seal import HEAD_FILE, KEY_FILE
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
    path, made_at = Path(wish.file), bench.clock.now()
    with write_archive(path, is_forced=wish.force) as archive:
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
    bench.say(f"{show(str(path))} holds")
    describe(bench, manifest.counts)
    bench.say(
        "and the keys that every host obeys: keep it where only you read it. Not in it are the"
    )
    bench.say("settings, so also the bot's token; what Prometheus measured; each host's own key.")
    return 0


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
            # What begins with a dot is on its way to its name.
            if not path.name.startswith(".") and (content := _read(path)) is not None:
                yield f"{STATE}{FOLDER}/{path.name}", content
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
