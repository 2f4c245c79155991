"""The audit at the console: list, verify, and state that a backup was restored."""

from __future__ import annotations

from argparse import Namespace
from typing import Final
from zoneinfo import ZoneInfo

from bridge.console.desk import Desk, complain, show
from bridge.core.audit import Entry
from bridge.core.audit_check import Soundness
from bridge.errors import Outage

CODES: Final = {Soundness.SOUND: 0, Soundness.TAMPERED: 1, Soundness.UNKNOWN: 3}
_SAID: Final = {
    Soundness.SOUND: "sound",
    Soundness.TAMPERED: "tampered with",
    Soundness.UNKNOWN: "cannot be checked",
}


async def list_entries(desk: Desk, wish: Namespace) -> int:
    """Show the newest entries, the newest last."""
    newest = await desk.audit.newest(wish.number)
    for number, entry in reversed(newest):
        desk.say(show(_describe(number, entry, desk.settings.timezone)))
    if not newest:
        desk.say("nothing was written down yet")
    return 0


async def verify_audit(desk: Desk, _wish: Namespace) -> int:
    """Say whether somebody was at the audit; the exit code says it too."""
    try:
        verdict = await desk.audit.verify()
    except Outage as fault:
        complain(f"cannot be checked: {fault.sentence}")
        return CODES[Soundness.UNKNOWN]
    if verdict.soundness is not Soundness.SOUND:
        complain(f"{_SAID[verdict.soundness]}: {verdict.sentence}")
    elif not verdict.entries:
        desk.say("sound: nothing was written down yet")
    else:
        first, last = verdict.first.number + 1, verdict.end.number
        desk.say(f"sound: {verdict.entries} entries, {first} to {last}; {verdict.sentence}")
    return CODES[verdict.soundness]


async def mark_restored(desk: Desk, _wish: Namespace) -> int:
    """State that a restored backup took the place of what was."""
    name = f"{desk.account} at the console"
    number = await desk.audit.mark_restored(name=name, now=desk.clock.now())
    desk.say(f"entry {number} states it, signed; the audit goes on from there")
    return 0


def _describe(number: int, entry: Entry, zone: ZoneInfo) -> str:
    at = entry.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %z")
    who = " ".join(word for word in (entry.name, f"({entry.who})" if entry.who else "") if word)
    where = f"in {entry.chat}" if entry.chat else ""
    detail = f"({entry.detail})" if entry.detail else ""
    words = (who or "the bridge", where, entry.what, entry.on, detail)
    return f"#{number}  {at}  {entry.outcome.value:<7}  {'  '.join(each for each in words if each)}"
