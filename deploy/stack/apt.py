"""Take programs out of the distribution's packages, without root and without installing them."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

SOURCES = Path("/etc/apt")
RELEASE = Path("/etc/os-release")
# Chosen: a package list is 10 MB, a program 20 MB; a slow line needs minutes, a dead one must end.
PATIENCE_SECONDS = 600
# The suite that Debian's package tests run newer programs from.
CURRENT_SUITE = "forky"


class AptFault(Exception):
    """The packages cannot be had; the text is one sentence with the reason."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One archive of the machine, as a paragraph of a sources file says it."""

    uris: str
    suites: tuple[str, ...]
    components: str
    options: dict[str, str] = field(default_factory=dict)

    def render(self) -> str:
        """Write the paragraph."""
        lines = [
            "Types: deb",
            f"URIs: {self.uris}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {self.components}",
        ]
        lines += [f"{key}: {value}" for key, value in self.options.items()]
        return "\n".join(lines) + "\n"


def parse_paragraphs(text: str) -> list[Source]:
    """Read the deb822 form (`Types:`, `URIs:`, …)."""
    found = []
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        key = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace():
                # A continuation, e.g. a signing key written out in place.
                fields[key] = f"{fields.get(key, '')}\n{line.rstrip()}"
            elif ":" in line:
                key, _, value = line.partition(":")
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes") == "no":
            continue
        options = {"signed-by": "Signed-By", "trusted": "Trusted", "architectures": "Architectures"}
        found.append(
            Source(
                uris=fields.get("uris", ""),
                suites=tuple(fields.get("suites", "").split()),
                components=fields.get("components", ""),
                options={name: fields[key] for key, name in options.items() if key in fields},
            )
        )
    return found


def parse_lines(text: str) -> list[Source]:
    """Read the one-line form (`deb [options] address suite component …`)."""
    names = {"signed-by": "Signed-By", "trusted": "Trusted", "arch": "Architectures"}
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if match is None:
            continue
        pairs = [option.partition("=") for option in (match[1] or "").split()]
        found.append(
            Source(
                uris=match[2],
                suites=(match[3],),
                components=match[4].strip(),
                options={names[key]: value for key, _, value in pairs if key in names},
            )
        )
    return found


def read_sources(folder: Path) -> list[Source]:
    """Read every archive that the machine's apt knows."""
    found: list[Source] = []
    parts = folder / "sources.list.d"
    for path in [folder / "sources.list", *sorted(parts.glob("*"))]:
        if path.suffix not in {".list", ".sources"} or not path.is_file():
            continue
        parse = parse_paragraphs if path.suffix == ".sources" else parse_lines
        found += parse(path.read_text(encoding="utf-8", errors="replace"))
    return found


def parse_release(text: str) -> tuple[str, str]:
    """Read the distribution's id and code name out of os-release."""
    pairs = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return pairs.get("ID", "").strip('"'), pairs.get("VERSION_CODENAME", "").strip('"')


def choose_sources(sources: list[Source], *, codename: str, suite: str | None) -> list[Source]:
    """Keep the distribution's own archives; with `suite`, its main one under that suite instead."""
    kept = []
    for source in sources:
        own = tuple(name for name in source.suites if name.split("-")[0] in {codename, "stable"})
        if suite is None and own:
            kept.append(replace(source, suites=own))
        elif suite is not None and {codename, "stable"} & set(own):
            kept.append(replace(source, suites=(suite,)))
    return kept


def require_sources(generation: str) -> list[Source]:
    """Find the archives of a generation on this machine, or say why there are none."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise AptFault("this machine has no apt-get to take packages with")
    release = RELEASE.read_text(encoding="utf-8") if RELEASE.exists() else ""
    distribution, codename = parse_release(release)
    if generation == "current" and distribution != "debian":
        raise AptFault(
            f"the newer programs come from Debian's {CURRENT_SUITE}, and this is not a Debian"
        )
    suite = CURRENT_SUITE if generation == "current" else None
    chosen = choose_sources(read_sources(SOURCES), codename=codename, suite=suite)
    if not chosen:
        raise AptFault(f"no package archive of {codename or 'this system'} stands in {SOURCES}")
    return chosen


@contextlib.contextmanager
def open_apt(generation: str, place: Path) -> Iterator[Apt]:
    """Open the archives of a generation with lists of our own; the system's stay untouched."""
    sources = require_sources(generation)
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix="apt-") as name:
        folder = Path(name)
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        paragraphs = "\n".join(source.render() for source in sources)
        (folder / "archives.sources").write_text(paragraphs, encoding="utf-8")
        apt = Apt(folder)
        apt.call("update")
        yield apt


class Apt:
    """apt-get with its lists, cache and sources in one folder of ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def unpack(self, package: str, target: Path) -> str:
        """Download a package and unpack it below `target`; answers its version."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            self.call("download", package, folder=Path(name))
            archive = next(Path(name).glob("*.deb"), None)
            if archive is None:
                raise AptFault(f"apt-get brought no package {package}")
            call(["dpkg-deb", "-x", str(archive), str(target)])
            return call(["dpkg-deb", "-f", str(archive), "Version"]).strip()

    def call(self, *words: str, folder: Path | None = None) -> str:
        """Run apt-get on our lists."""
        place = self._folder
        settings = {
            "Dir::Etc::sourcelist": place / "archives.sources",
            "Dir::Etc::sourceparts": "/dev/null",
            # A pin of the machine ("nothing from forky") is about installing; this is not.
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::Lists": place / "lists",
            "Dir::Cache": place / "cache",
            # As root apt would become the user _apt, who may not enter our folder.
            "APT::Sandbox::User": "root",
            "Acquire::Retries": "3",
            "APT::Update::Error-Mode": "any",
        }
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        return call(["apt-get", "-qq", *options, *words], folder=folder or place)


def call(command: list[str], *, folder: Path | None = None) -> str:
    """Run a program of the packaging system; its complaint becomes the fault."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise AptFault(f"{command[0]} did not finish in {PATIENCE_SECONDS} seconds") from None
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = (lines or done.stderr.splitlines() or ["no reason given"])[0]
        raise AptFault(f"{command[0]} failed: {reason.removeprefix('E:').strip()}")
    return done.stdout
