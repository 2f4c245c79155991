"""What containers share with the person: inventory, targets, secrets; and whose they are."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.core.inventory import InventoryError, parse_inventory
from bridge.settings import SETTINGS, Secret, Settings
from deploy.stack.folder import StackFault, write_private

# Nobody's on an ordinary machine; it serves a folder of root's, for no container of ours is root.
UNKNOWN_USER = 10001
# Mounted from here into another program's container; no secret is among it.
SHIPPED = ("grafana", "grafana/**/*")
# Mounted into ours alone: a person may have written keys of receivers there.
EDITED = (
    *("prometheus", "prometheus/rules", "alertmanager", "prometheus/prometheus.yml"),
    *("prometheus/blackbox.yml", "prometheus/rules/*.yml", "alertmanager/alertmanager.yml"),
)
UNFOLLOWED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
LAID = ".laid"
"""Lists the secrets that came from the settings, so that one taken out there goes here as well."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whom the project's own containers run as."""

    user: int
    group: int

    def take(self, path: Path, mode: int) -> None:
        """Make a file or folder theirs, and never what a link leads to: a container can make links.

        Raises:
            StackFault: it is somebody else's, and we may not change that; or it is a link.
        """
        try:
            opened = os.open(path, UNFOLLOWED)
            try:
                self._take(opened, mode)
            finally:
                os.close(opened)
        except PermissionError:
            raise StackFault(
                f"{path} belongs to another user: sudo chown -R {self.user}:{self.group}"
                f" {shlex.quote(str(path))}"
            ) from None
        except OSError as fault:
            if fault.errno != errno.ELOOP:
                raise
            raise StackFault(
                f"{path} is a link, which leads nowhere in a container: put the file itself there"
            ) from None

    def _take(self, opened: int, mode: int) -> None:
        status = os.fstat(opened)
        if (status.st_uid, status.st_gid) != (self.user, self.group):
            os.fchown(opened, self.user, self.group)
        if status.st_mode & 0o777 != mode:
            os.fchmod(opened, mode)


def find_owner(root: Path) -> Owner:
    """Give the user who owns the folder; never root."""
    if os.getuid():
        return Owner(user=os.getuid(), group=os.getgid())
    status = root.stat()
    if status.st_uid:
        return Owner(user=status.st_uid, group=status.st_gid)
    return Owner(user=UNKNOWN_USER, group=UNKNOWN_USER)


def lay_folders(root: Path, owner: Owner) -> None:
    """Make what is mounted: the engine itself would make it root's."""
    targets = root / "prometheus" / "targets"
    targets.mkdir(parents=True, exist_ok=True)
    for path in (targets, *targets.glob("*.json")):
        owner.take(path, 0o755 if path.is_dir() else 0o644)
    for pattern in SHIPPED:
        for path in root.glob(pattern):
            open_to(path, 0o055 if path.is_dir() else 0o044)
    for pattern in EDITED:
        for path in root.glob(pattern):
            let_read(path, owner)


def let_read(path: Path, owner: Owner) -> None:
    """Let our own containers read a file, and nobody who could not before.

    Raises:
        StackFault: it is somebody else's.
    """
    status, wish = path.stat(), 0o5 if path.is_dir() else 0o4
    is_open = status.st_mode & wish == wish
    if is_open or status.st_uid == owner.user:
        return
    with contextlib.suppress(PermissionError):  # which the next line tells of
        if status.st_gid != owner.group:
            path.chmod(status.st_mode & 0o707)
            os.chown(path, -1, owner.group)
    open_to(path, wish << 3)


def open_to(path: Path, bits: int) -> None:
    """Let others read what lies here: a clone may be its owner's alone.

    Raises:
        StackFault: it is somebody else's.
    """
    mode = path.stat().st_mode & 0o777
    try:
        if mode != mode | bits:
            path.chmod(mode | bits)
    except PermissionError:
        raise StackFault(
            f"containers cannot read {path}: sudo chmod a+r{'x' * path.is_dir()}"
            f" {shlex.quote(str(path))}"
        ) from None


def lay_inventory(root: Path, given: Mapping[str, str], owner: Owner) -> tuple[Path, str]:
    """Give the inventory's file as containers write it, and a notice about what was done to it.

    A container may write one folder, never the whole project: the file lies in that folder, and
    where it lay before is a link to it. A file set by the person stays where it is.
    """
    if chosen := find_chosen(root, given):
        require_file(chosen)
        return chosen, ""
    usual, path = root / "agents.txt", root / "inventory" / "agents.txt"
    path.parent.mkdir(exist_ok=True)
    notice = ""
    if not usual.is_symlink() and usual.exists():
        if path.exists():  # somebody has put another one in the link's place: theirs counts
            path.replace(path.with_name("agents.txt.before"))
            notice = "agents.txt was put anew; the one before is inventory/agents.txt.before"
        else:
            notice = "agents.txt lies in inventory/ now, which containers may write; it is a link"
        usual.replace(path)
    owner.take(path.parent, 0o755)
    for each in list_shared(path.parent):
        # What begins with a dot may be a backup on its way, which holds every secret.
        owner.take(each, 0o600 if each.name.startswith(".") else 0o644)
    if path.is_symlink():
        owner.take(path, 0o644)  # says so
    require_file(path)
    if not usual.exists():
        usual.unlink(missing_ok=True)
        usual.symlink_to("inventory/agents.txt")
    return path, notice


def find_chosen(root: Path, given: Mapping[str, str]) -> Path | None:
    """Give the inventory that a person set, if it is another than the usual one.

    Raises:
        StackFault: with it, containers would write a folder that holds much else.
    """
    if "AGENTS_FILE" not in given:
        return None
    path = Path(os.path.normpath(root / Path(given["AGENTS_FILE"]).expanduser()))
    if path in {root / "agents.txt", root / "inventory" / "agents.txt"}:
        return None
    closed = [root, *(Path(os.environ[name]) for name in ("HOME",) if name in os.environ)]
    if any(each.resolve().is_relative_to(path.parent.resolve()) for each in closed):
        raise StackFault(
            f"AGENTS_FILE: containers may write the folder of the inventory, and {path.parent}"
            " holds more than that; put the file into a folder of its own",
            code=2,
        )
    return path


def list_shared(folder: Path) -> Iterator[Path]:
    """List the files that containers and the person share, and no link among them."""
    yield from (path for path in folder.iterdir() if path.is_file() and not path.is_symlink())


def require_file(path: Path) -> None:
    """See that the inventory is there and right, before any container is touched."""
    if not path.is_file():
        raise StackFault(f"{path} is not there; put a line NAME ADDRESS:9100 into it", code=2)
    try:
        parse_inventory(path.read_text("utf-8", errors="surrogateescape"))
    except InventoryError as error:
        lines = "\n".join(f"  {line}" for line in error.bad_lines)
        raise StackFault(f"{path.name} cannot be used:\n{lines}", code=2) from None


def lay_secrets(root: Path, settings: Settings, given: Mapping[str, str], owner: Owner) -> Path:
    """Put every secret that was given into a file of its own, for the containers' user alone."""
    folder = root / "secrets"
    folder.mkdir(exist_ok=True, mode=0o700)
    texts = {}
    for setting in SETTINGS:
        value = getattr(settings, setting.field)
        name, file = setting.name.lower(), given.get(f"{setting.name}_FILE", "")
        is_given = setting.name in given or bool(file)
        # What a person laid here themselves is theirs: it is neither written nor ever removed.
        is_own = bool(file) and is_same(root / Path(file).expanduser(), folder / name)
        if setting.secret and is_given and not is_own and isinstance(value, Secret):
            texts[name] = value.reveal()
    urls = settings.notify_urls_file
    if urls and not is_same(root / urls.path, folder / "notify_urls"):
        texts["notify_urls"] = urls.path.read_text("utf-8")
    for name in read_laid(folder) - set(texts):
        (folder / name).unlink(missing_ok=True)
    for name, text in texts.items():
        write_private(folder / name, text)
    write_private(folder / LAID, "".join(f"{name}\n" for name in sorted(texts)))
    for path in (*folder.iterdir(), folder):
        owner.take(path, 0o700 if path.is_dir() else 0o600)
    return folder


def is_same(path: Path, place: Path) -> bool:
    """Say whether a path is a file's, however it is written."""
    return os.path.normpath(path) == os.path.normpath(place)


def has_laid(root: Path) -> bool:
    """Say whether containers of this folder were ever prepared."""
    return (root / "secrets" / LAID).exists()


def read_laid(folder: Path) -> set[str]:
    """Name the secrets that an earlier start put there."""
    path = folder / LAID
    return set(path.read_text("utf-8").split()) if path.is_file() else set()


def find_own_token(root: Path) -> Path | None:
    """Find a bot token that a person put among the secrets, and not into the settings."""
    path = root / "secrets" / "bot_token"
    return path if path.is_file() and "bot_token" not in read_laid(path.parent) else None
