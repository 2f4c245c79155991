"""The steps of an installation, each left out where nothing is to be done."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from deploy.installing import accounts, entrusted, env_files, programs, source
from deploy.installing.laying import Fate, Sheet, judge, lay, write
from deploy.installing.layout import (
    ACCOUNTS,
    COMMAND,
    CURRENT,
    INVENTORY,
    PROGRAMS,
    SECRETS,
    SETTINGS,
    UNITS,
    Role,
)
from deploy.installing.machine import Refused
from deploy.installing.ports import MOVABLE
from deploy.installing.releases import plan_release
from deploy.installing.site import Site, Step

TOKEN_BYTES: Final = 32  # chosen: 256 bits, as the bridge makes its own
BOT_TOKEN: Final = f"{SECRETS}/bot_token"
WEBHOOK_TOKEN: Final = f"{SECRETS}/webhook_token"
_URLS: Final = {"PROMETHEUS_PORT": "PROMETHEUS_URL", "ALERTMANAGER_PORT": "ALERTMANAGER_URL"}


def plan_files(site: Site) -> Iterator[Step]:
    """Lay everything that is not started: users, the release, settings, secrets, units."""
    yield from _plan_accounts(site)
    yield from plan_release(site)
    yield from _plan_programs(site)
    yield from _plan_sheets(site)
    yield from _plan_secrets(site)
    yield from _plan_states(site)
    yield from _plan_links(site)


def _plan_accounts(site: Site) -> Iterator[Step]:
    yield from _plan_sheet(site, read_accounts(site))
    missing = accounts.list_missing(site.machine)
    if missing:
        yield Step(
            sentence=f"make the users {', '.join(missing)}",
            perform=lambda: accounts.make(
                missing, site.layout.at(ACCOUNTS), site.machine, site.record
            ),
        )


def _plan_programs(site: Site) -> Iterator[Step]:
    absent = programs.list_absent(site.layout)
    if absent:
        where = site.layout.at(PROGRAMS)
        yield Step(
            sentence=f"put {', '.join(absent)} into {where}",
            perform=lambda: programs.put_programs(site.layout),
        )


def _plan_sheets(site: Site) -> Iterator[Step]:
    for sheet in list_sheets(site):
        if sheet.path != ACCOUNTS:  # they come first, and so do the users
            yield from _plan_sheet(site, sheet)


def read_accounts(site: Site) -> Sheet:
    """Read who the services' users are."""
    text = (site.project / "deploy" / "systemd" / "opswire.sysusers").read_text(encoding="utf-8")
    return Sheet(path=ACCOUNTS, text=text)


def list_sheets(site: Site) -> Iterator[Sheet]:
    """List the files that are laid, with what ships."""
    example = (site.project / ".env.example").read_text(encoding="utf-8")
    systemd = site.project / "deploy" / "systemd"
    monitoring = (systemd / "monitoring.env").read_text(encoding="utf-8")
    moved = move_ports(monitoring, site.given)
    yield read_accounts(site)
    yield Sheet(path=f"{SETTINGS}/monitoring.env", text=monitoring, first=moved, mode=0o600)
    if site.is_watching:
        text = env_files.render_bridge(example)
        yield Sheet(path=f"{SETTINGS}/bridge.env", text=text, mode=0o600)
        for path in source.list_editable(site.project):
            text = path.read_text(encoding="utf-8")
            inner = path.relative_to(source.find_shipped(site.project))
            yield Sheet(path=f"{SETTINGS}/{inner}", text=text)
    if site.layout.role is not Role.BRIDGE:
        text = env_files.render_agent(example)
        yield Sheet(path=f"{SETTINGS}/agent.env", text=text, mode=0o600)
    for name in site.layout.unit_files:
        yield Sheet(path=f"{UNITS}/{name}", text=(systemd / name).read_text(encoding="utf-8"))


def move_ports(text: str, given: Mapping[str, str]) -> str:
    """Write ports that were asked for in the place of the usual ones, and their addresses."""
    usual = env_files.parse(text)
    for name in MOVABLE:
        if name in given and name in usual:
            text = text.replace(f"{name}={usual[name]}\n", f"{name}={given[name]}\n")
            if name in _URLS:
                url = usual[_URLS[name]]
                moved = url.removesuffix(usual[name]) + given[name]
                text = text.replace(f"{_URLS[name]}={url}\n", f"{_URLS[name]}={moved}\n")
    return text


def _plan_sheet(site: Site, sheet: Sheet) -> Iterator[Step]:
    place = site.layout.at(sheet.path)
    fate = judge(sheet, place, site.record)
    if fate is Fate.SAME:
        return
    sentence, path = f"write {place}", sheet.path
    if fate is Fate.BESIDE:
        sentence = f"keep {place}, which was edited; what ships now goes beside it, to .new"
        path = ""
    yield Step(sentence=sentence, perform=lambda: lay(sheet, place, site.record), path=path)


def _plan_secrets(site: Site) -> Iterator[Step]:
    if not site.is_watching:
        return
    folder = site.layout.at(SECRETS)
    if not folder.is_dir() or folder.stat().st_mode & 0o077:
        yield Step(
            sentence=f"make {folder}, closed to everybody but root", perform=lambda: _close(folder)
        )
    webhook = site.layout.at(WEBHOOK_TOKEN)
    if not webhook.exists():
        token = f"{secrets.token_urlsafe(TOKEN_BYTES)}\n".encode()
        yield Step(
            sentence=f"make the token that Alertmanager shows to the bridge: {webhook}",
            perform=lambda: write(webhook, token, 0o600),
        )
    bot = site.layout.at(BOT_TOKEN)
    given = f"{site.bot_token}\n".encode()
    if site.bot_token and not (bot.exists() and bot.read_bytes() == given):
        yield Step(
            sentence=f"write the bot's token to {bot}", perform=lambda: write(bot, given, 0o600)
        )


def _close(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def _plan_states(site: Site) -> Iterator[Step]:
    """Make what a program needs before its service has made its own folder."""
    if site.is_watching and not site.layout.at(INVENTORY).exists():
        yield Step(
            sentence=f"write the inventory, with this host: {site.layout.at(INVENTORY)}",
            perform=lambda: _lay_inventory(site),
        )
    folder = site.layout.at("/var/lib/opswire-agent")
    if site.layout.role is not Role.BRIDGE and not folder.is_dir():
        yield Step(
            sentence=f"make {folder}, closed to everybody but the agent",
            perform=lambda: _make_folder(site, folder, "opswire-agent"),
        )


def _lay_inventory(site: Site) -> None:
    place, user, machine = site.layout.at(INVENTORY), "opswire", site.machine
    content = (site.project / "agents.txt").read_bytes()
    folder = place.parent
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    with (
        entrusted.hold_folder(folder.parent, user, machine) as outer,
        entrusted.hold_folder(folder, user, machine, within=outer) as inner,
    ):
        entrusted.write(place, content, user, machine, within=inner)


def _make_folder(site: Site, folder: Path, user: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with entrusted.hold_folder(folder, user, site.machine):
        pass


def _plan_links(site: Site) -> Iterator[Step]:
    current, command = site.layout.at(CURRENT), site.layout.at(COMMAND)
    target = f"releases/{site.release}"
    if not current.is_symlink() or str(current.readlink()) != target:
        yield Step(
            sentence=f"let {current} be {site.release}",
            perform=lambda: link(current, target),
            path=CURRENT,
        )
    led = f"{CURRENT}/deploy/opswire.sh"
    if command.is_symlink() and str(command.readlink()) == led:
        return
    if command.is_symlink() or command.exists():
        raise Refused(f"{command} is there already and is another program: rename it first")
    yield Step(sentence=f"let {command} lead to the console", perform=lambda: link(command, led))


def link(place: Path, target: str) -> None:
    """Let a link lead somewhere, in one step."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.fresh")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(place)
