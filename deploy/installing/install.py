"""Installs the services: looks for what is in the way, then goes step by step, and can go on."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from deploy.installing import checks, source, units
from deploy.installing.laying import note
from deploy.installing.layout import CURRENT, MARK, RECORD, SETTINGS, UNITS, Layout
from deploy.installing.machine import Machine, Refused
from deploy.installing.record import Record
from deploy.installing.releases import find_release, plan_clearing
from deploy.installing.site import Site, Step
from deploy.installing.steps import BOT_TOKEN, list_sheets, plan_files
from deploy.installing.turn import take_turn

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the person asks for."""

    layout: Layout
    bot_token: str = ""
    is_dry: bool = False
    starts: bool = True


def install(wish: Wish, machine: Machine, given: Mapping[str, str], say: Say) -> None:
    """Install, or say what would be done.

    Raises:
        Refused: something is in the way, or a step failed; run again, it goes on from there.
    """
    os.umask(0o022)
    site = _open_site(wish, machine, given)
    faults = checks.find_faults(
        wish.layout, machine, site.record, python=Path(sys.executable), given=given
    )
    if wish.is_dry:
        _rehearse(site, wish, faults, say)
        return
    if faults:
        raise Refused(*faults, "nothing was changed")
    with take_turn(wish.layout.at(MARK).parent):
        _perform_all(site, wish, say)


def _open_site(wish: Wish, machine: Machine, given: Mapping[str, str]) -> Site:
    project = Path(__file__).resolve().parents[2]
    return Site(
        project=project,
        layout=wish.layout,
        machine=machine,
        record=Record.read(wish.layout.at(RECORD)),
        given=given,
        release=find_release(wish.layout, project) or source.name_release(project),
        bot_token=wish.bot_token,
    )


def _rehearse(site: Site, wish: Wish, faults: list[str], say: Say) -> None:
    for fault in faults:
        say(f"in the way: {fault}")
    steps = [*plan_files(site), *plan_clearing(site)]
    if site.machine.is_live and wish.starts:
        steps += units.plan_start(site, {step.path for step in steps})
    for step in steps:
        say(f"would {step.sentence}")
    say("nothing was changed: this was a dry run")


def _perform_all(site: Site, wish: Wish, say: Say) -> None:
    mark, record = wish.layout.at(MARK), site.record
    was_cut_off = mark.exists()
    if was_cut_off:
        say("an installation was cut off in the middle; this one goes on from there")
    record.role, record.without = wish.layout.role.value, sorted(wish.layout.without)
    mark.touch()
    note(list_sheets(site), record)
    steps = list(plan_files(site))
    try:
        for step in steps:
            _perform(step, say)
        for step in plan_clearing(site):
            _perform(step, say)
            steps.append(step)
    finally:
        record.laying.clear()
        _save(record)
    changed = {step.path for step in steps}
    if was_cut_off:
        # What was laid before the cut may have been read by nobody.
        changed |= {CURRENT, *(f"{UNITS}/{name}" for name in wish.layout.unit_files)}
    _start(site, wish, changed, say)
    mark.unlink(missing_ok=True)
    if not steps:
        say("everything is in its place already")


def _save(record: Record) -> None:
    try:
        record.save()
    except OSError as fault:
        raise _translate(fault) from fault


def _perform(step: Step, say: Say) -> None:
    say(step.sentence)
    try:
        step.perform()
    except OSError as fault:
        raise _translate(fault) from fault


def _translate(fault: OSError) -> Refused:
    if isinstance(fault, shutil.Error):
        # Of a whole folder: one for each file, the first says enough.
        _, copy, why = fault.args[0][0]
        is_full = os.strerror(errno.ENOSPC) in why
        fault = OSError(errno.ENOSPC if is_full else 0, why, copy)
    # Who writes into an open file is not told its name; the step that failed stands above.
    where = str(fault.filename or "")
    if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        place = f" ({where})" if where else ""
        return Refused(
            f"the disk is full{place}: make room and run this again, it goes on from here"
        )
    fault_at = f"{where}: {fault.strerror}" if where else fault.strerror
    return Refused(f"{fault_at}; mend it and run this again, it goes on from here")


def _start(site: Site, wish: Wish, changed: AbstractSet[str], say: Say) -> None:
    if not site.machine.is_live:
        say(f"filled {wish.layout.root}; no users were made and nothing was started")
        return
    if not wish.starts:
        say("laid, and not started: systemctl enable --now opswire.target and its units do that")
        return
    for step in units.plan_start(site, changed):
        _perform(step, say)
    failed = units.find_failed(site)
    if failed:
        raise Refused(
            *(f"{name} does not stay up: journalctl -u {name} -n 20 says why" for name in failed),
            "mend it and run this again",
        )
    for line in render_closing(site):
        say(line)


def render_closing(site: Site) -> list[str]:
    """Say what is to be done next."""
    lines = [f"settings: {site.layout.at(SETTINGS)}; logs: journalctl -u 'opswire-*' -f"]
    if site.is_watching and not units.is_bridge_ready(site):
        place = site.layout.at(BOT_TOKEN)
        lines.append(f"the bridge waits for its bot: write the token to {place} and run this again")
    elif site.is_watching:
        lines.append("the first admin: sudo opswire people link admin --first")
    if "opswire-agent.service" in site.layout.unit_files:
        lines.append("the agent waits for a code of /add in the chat: sudo opswire agent enrol")
    return lines
