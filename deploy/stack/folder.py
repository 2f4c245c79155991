"""Where a running stack keeps its files, and the lock that lets it run once per folder."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

# Every process of the stack carries this variable, so that `down` finds what is left of it.
MARK = "OPSWIRE_STACK"


class StackFault(Exception):
    """The stack cannot go on; the text says why and what to do."""

    def __init__(self, sentence: str, *, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Member:
    """One program of the stack as it is started."""

    name: str
    command: list[str]
    environ: dict[str, str] = field(repr=False)
    address: str = ""
    """`host:port` it listens on, empty when it does not listen."""
    ready_path: str = ""
    """HTTP path that answers 200 when it is up; empty when running is enough."""

    @property
    def ready_url(self) -> str:
        """The address to ask whether it is up."""
        return f"http://{self.address}{self.ready_path}" if self.ready_path else ""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the other commands need to know about the run: addresses and places, no secret."""

    pid: int
    is_sandbox: bool
    state_dir: str
    bridge_state_dir: str
    sandbox_dir: str
    agents_file: str
    addresses: dict[str, str]
    ready_urls: dict[str, str]
    urls: dict[str, str]
    bridge_environ: dict[str, str] = field(default_factory=dict)
    """What the bridge was told beside what the person set."""


class Folder:
    """The project folder as the stack uses it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run = root / ".runtime" / "run"
        self.logs = root / ".runtime" / "logs"
        # Relative on purpose: a socket's path may have 107 bytes, a clone may lie deeper. The
        # stack works from the project folder.
        self.socket = Path(".runtime/run/stack.sock")

    @property
    def mark(self) -> str:
        """The variable's value that marks this folder's processes."""
        return str(self.run)

    def prepare(self) -> None:
        """Make the folders, closed to everybody else."""
        for place in (self.run, self.logs):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.chmod(0o700)
        # Among them is the chat page's address; an installation's log was begun by the shell.
        for path in (*self.logs.glob("*.log*"), *self.run.glob("lock")):
            path.chmod(0o600)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the one stack of this folder; the lock ends with the process, however that ends."""
        self.prepare()
        number = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(number, "a+", encoding="utf-8") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackFault("a stack already runs in this folder") from None
            held.truncate(0)
            held.write(f"{os.getpid()}\n")
            held.flush()
            yield

    def find_holder(self) -> int | None:
        """Give the process that holds the lock, if a stack runs."""
        path = self.run / "lock"
        if not path.exists():
            return None
        with path.open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else 0
        return None

    def put_record(self, record: Record) -> None:
        """Remember the run for `status`, `stop`, `doctor`."""
        write_private(self.run / "stack.json", json.dumps(asdict(record), indent=1))

    def find_record(self) -> Record | None:
        """Give the record of the running stack, nothing when none runs."""
        if self.find_holder() is None:
            return None
        try:
            return Record(**json.loads((self.run / "stack.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def require_record(self) -> Record:
        """Give the record of the running stack, or say that none runs."""
        record = self.find_record()
        if record is None:
            raise StackFault("nothing runs in this folder; ./start.sh starts it")
        return record

    def put_member(self, member: Member) -> None:
        """Write down how a program is started; its environment may hold secrets."""
        text = json.dumps({"command": member.command, "environ": member.environ})
        write_private(self.run / f"{member.name}.json", text)


def write_private(path: Path, text: str) -> None:
    """Write a file for the owner's eyes in one step."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    finally:  # half a secret is one too, where the disk is full
        Path(name).unlink(missing_ok=True)


# What a program may need from the person's environment, and nothing that is a setting of ours.
PASSED_ON = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "TZ",
        "TMPDIR",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "GOMAXPROCS",
        "GOMEMLIMIT",
        "GOGC",
        "WATCHFILES_FORCE_POLLING",
        "MPLCONFIGDIR",
        "XDG_CACHE_HOME",
    }
)


def strip_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep what any program needs and drop all settings, secrets among them."""
    return {
        key: value for key, value in environ.items() if key in PASSED_ON or key.startswith("LC_")
    }
