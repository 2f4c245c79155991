"""A restored backup at the console: everything that was kept comes back, whole or not at all."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from bridge import __version__
from bridge.archive import Reading, read_archive
from bridge.clients.authority import FOLDER
from bridge.console.backup import describe
from bridge.console.desk import Bench, complain, show
from bridge.core.audit import Place, write_head
from bridge.core.audit_check import Soundness
from bridge.core.backups import (
    INVENTORY,
    STATE,
    name_table,
    read_kept_owner,
    require_fit,
    require_own,
)
from bridge.core.inventory import InventoryError, parse_inventory
from bridge.core.ownership import read_owner
from bridge.errors import Outage, Refused
from bridge.premises import TOKEN_FILE, finish_pending
from bridge.restoring import Restoration, is_mounted, told
from bridge.store.audit import Marked, state_restored
from bridge.store.audit_seal import HEAD_FILE, KEY_FILE, Safe, make_key, read_kept
from bridge.store.filling import fill, find_file, has_entry, list_companions, open_filling
from bridge.store.schema import list_revisions
from bridge.store.snapshot import find_owner

_UNCHANGED: Final = "nothing was changed"
_PENDING: Final = (
    "it may count already: the next start, or any word at the console, finishes it or takes it back"
)


def restore(bench: Bench, wish: Namespace) -> int:
    """Put a backup in the place of what is here, or say what that would be."""
    bench.settle()
    with read_archive(Path(wish.file)) as backup:
        require_fit(
            backup.manifest, version=__version__, known=list_revisions(), is_forced=wish.force
        )
        if not wish.force:
            _require_own(bench, backup)
        _describe(bench, backup)
        if wish.dry_run:
            bench.say("Nothing was changed.")
            return 0
        with bench.held() as folder:
            laid = Restoration(folder)
            marked = _Restoring(bench, backup, wish, laid).restore()
    bench.say(f"All of it is back; entry {marked.number} of the audit states it, signed.")
    if laid.former:
        bench.say("What was here before lies beside it, under names that end in .before-restore.")
    if marked.verdict.soundness is Soundness.TAMPERED:
        complain(f"the audit in the backup was tampered with already: {marked.verdict.sentence}")
    return 0


def _require_own(bench: Bench, backup: Reading) -> None:
    settings, owner = bench.settings, backup.manifest.owner
    if settings.bot_token is not None:
        ours = read_owner(settings.bot_token.reveal(), settings.telegram_api_base)
        require_own(owner, ours, where="BOT_TOKEN is")
    present = read_kept_owner(find_owner(bench.url))
    require_own(owner, present, where="what is here belongs to")


def _describe(bench: Bench, backup: Reading) -> None:
    manifest = backup.manifest
    at = manifest.made_at.astimezone(bench.settings.timezone).strftime("%Y-%m-%d %H:%M:%S %z")
    whose = f", of {manifest.owner}" if manifest.owner else ""
    bench.say(
        f"A backup of {at}, by Opswire {show(manifest.version)} with schema {manifest.revision}"
        f"{show(whose)}:"
    )
    describe(bench, {**manifest.counts, **_count_hosts(backup)})


def _count_hosts(backup: Reading) -> dict[str, int]:
    if INVENTORY not in backup.manifest.members:
        return {}
    text = backup.read(INVENTORY).decode("utf-8", "surrogateescape")
    try:
        return {"hosts": len(parse_inventory(text).hosts)}
    except InventoryError:
        return {}


@dataclass(frozen=True)
class _Restoring:
    """One restoration under way."""

    bench: Bench
    backup: Reading
    wish: Namespace
    laid: Restoration
    files: dict[str, bytes] = field(default_factory=dict)

    def restore(self) -> Marked:
        """Lay everything ready, decide, and put it in its place.

        Raises:
            Outage: something cannot be written; nothing has changed.
        """
        with self._undone():
            self._lay_files()
            place = find_file(self.bench.url)
            marked = self._fill_file(place) if place else self._fill_server()
        finish_pending(self.laid.folder, partial(has_entry, self.bench.url))
        return marked

    @contextmanager
    def _undone(self) -> Iterator[None]:
        """Leave nothing half-way behind."""
        try:
            yield
        except Outage as fault:
            become = _PENDING if self.laid.is_decided else _UNCHANGED
            raise Outage(fault.party, f"{fault.reason}; {become}") from fault
        finally:
            if not self.laid.is_decided:
                self.laid.drop()

    def _lay_files(self) -> None:
        folder = self.laid.folder
        names = [name for name in self.backup.manifest.members if name.startswith(STATE)]
        files = {name.removeprefix(STATE): self.backup.read(name) for name in names}
        keys = {
            name.removeprefix(f"{FOLDER}/"): content
            for name, content in files.items()
            if name.startswith(f"{FOLDER}/")
        }
        files.setdefault(KEY_FILE, make_key().encode())
        self.files.update(files)
        self.laid.lay_file(folder / KEY_FILE, files[KEY_FILE])
        if TOKEN_FILE in files:
            self.laid.lay_file(folder / TOKEN_FILE, files[TOKEN_FILE])
        if keys:
            self.laid.lay_folder(folder / FOLDER, keys)
        if INVENTORY in self.backup.manifest.members and not self.wish.keep_inventory:
            self._lay_inventory(self.backup.read(INVENTORY))

    def _lay_inventory(self, content: bytes) -> None:
        place = self.bench.settings.agents_file.resolve()
        with told(place):
            if place.exists() and place.read_bytes() == content:
                return
        if is_mounted(place):
            raise Refused(f"{place} is mounted by itself and cannot be replaced; --keep-inventory")
        # Names and addresses are no secret; Prometheus's side reads them.
        self.laid.lay_file(place, content, otherwise=0o644)

    def _fill_file(self, place: Path) -> Marked:
        """Fill a file beside the one that is there."""
        with open_filling(self.laid.lay_file(place, b"")) as connection:
            marked = self._fill(connection)
        for each in list_companions(place):
            self.laid.leave(each)
        self.laid.decide()
        return marked

    def _fill_server(self) -> Marked:
        """Fill a server's database; what is laid ready counts if that is committed."""
        with open_filling(self.bench.url) as connection:
            marked = self._fill(connection)
            self.laid.decide(marked.digest)
        return marked

    def _fill(self, connection: Any) -> Marked:
        manifest = self.backup.manifest
        tables: dict[str, Callable[[], Iterator[bytes]]] = {
            table: partial(self.backup.lines, name_table(table)) for table in manifest.tables
        }
        fill(connection, manifest.revision, tables, manifest.counters)
        marked = self._mark(connection)
        head = write_head(marked.head).encode() if marked.head else self.files.get(HEAD_FILE)
        if head is not None:
            self.laid.lay_file(self.laid.folder / HEAD_FILE, head)
        return marked

    def _mark(self, connection: Any) -> Marked:
        folder = self.laid.folder
        head = self.files.get(HEAD_FILE)
        kept = read_kept(
            self.files[KEY_FILE].decode("ascii", "replace"),
            head.decode("utf-8", "replace") if head is not None else None,
            folder=folder,
            is_fresh=f"{STATE}{KEY_FILE}" not in self.backup.manifest.members,
        )
        known = _find_told(folder) or (kept.head.place if kept.head else None)
        made_at = self.backup.manifest.made_at.isoformat(timespec="seconds")
        knew = f"; the signed head knew {known.number} entries" if known else ""
        return state_restored(
            connection,
            kept,
            told=known,
            name=f"{self.bench.account} at the console",
            detail=f"a backup of {made_at}{knew}",
            now=self.bench.clock.now(),
        )


def _find_told(folder: Path) -> Place | None:
    """Tell what the head knows that is here; None where there is none."""
    try:
        kept = Safe(folder).look()
    except Outage:
        return None
    return kept.head.place if kept and kept.head else None
