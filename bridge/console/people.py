"""People at the console: list, add, remove, and links that let somebody in."""

from __future__ import annotations

import secrets
from argparse import Namespace

from bridge import limits
from bridge.console.desk import Desk, sealed, show
from bridge.core.access import Person, Role, parse_role, parse_scope
from bridge.core.enrolment import (
    Change,
    Grant,
    Purpose,
    parse_user,
    write_code,
    write_line,
    write_link,
)
from bridge.errors import Mistake


async def list_people(desk: Desk, _wish: Namespace) -> int:
    """Show everybody with a role."""
    everybody = await desk.people.all()
    for person in everybody:
        owner = "(ALLOWED_USERS)" if person.is_owner else ""
        words = (person.name, str(person.scope), owner)
        about = "  ".join(show(word) for word in words if word)
        desk.say(f"{person.user_id:>12}  {person.role.value:<8}  {about}".rstrip())
    if not everybody:
        desk.say("nobody has a role yet; people link --first prints a link")
    return 0


async def add_person(desk: Desk, wish: Namespace) -> int:
    """Give somebody a role."""
    user_id = parse_user(wish.user)
    grant = Grant(role=parse_role(wish.role), scope=parse_scope(wish.limits))
    async with sealed(desk) as now:
        entry = desk.write("people add", on=str(user_id), now=now)
        change = await desk.people.put(user_id, grant, by=None, entry=entry, now=now)
    was = f" (was {_describe(change.former)})" if change.former else ""
    desk.say(f"{user_id} is {grant} now{was}")
    _tell_voided(desk, change)
    return 0


async def remove_person(desk: Desk, wish: Namespace) -> int:
    """Take somebody's role."""
    user_id = parse_user(wish.user)
    async with sealed(desk) as now:
        entry = desk.write("people remove", on=str(user_id), now=now)
        change = await desk.people.remove(user_id, entry=entry, now=now)
    desk.say(f"{user_id} has no role any more (was {_describe(change.former)})")
    _tell_voided(desk, change)
    return 0


async def link_person(desk: Desk, wish: Namespace) -> int:
    """Print what lets somebody in, once; it stands alone on the last line."""
    grant = _read_grant(wish)
    has_admin = await desk.people.has_admin()
    if wish.first and has_admin:
        if not wish.quiet:
            desk.say("there is an admin already; people link admin lets in another")
        return 0
    # An admin's link that is made while there is none dies as soon as there is one.
    is_first = grant.role is Role.ADMIN and not has_admin
    purpose = Purpose.FIRST_ADMIN if is_first else Purpose.PERSON
    code = write_code(secrets.token_bytes(limits.CODE_BYTES))
    async with sealed(desk) as now:
        entry = desk.write("people link", now=now)
        await desk.people.put_code(code, purpose, grant, by=None, entry=entry, now=now)
    bot = await desk.name_bot()
    if not wish.quiet:
        minutes = round(limits.CODE_LIFE.total_seconds() / 60)
        deed = "opens this link" if bot else "writes this line to the bot"
        desk.say(f"Whoever {deed} first, within {minutes} minutes, is {show(str(grant))}:")
    desk.say(write_link(code, bot) if bot else write_line(code))
    return 0


def _read_grant(wish: Namespace) -> Grant:
    """Read what the link shall give.

    Raises:
        Mistake: the words contradict each other, or make no sense.
    """
    role = parse_role(wish.role) if wish.role else Role.ADMIN if wish.first else Role.VIEWER
    if wish.first and role is not Role.ADMIN:
        raise Mistake("the first admin's link makes an admin; leave the role out")
    return Grant(role=role, scope=parse_scope(wish.limits))


def _describe(person: Person | None) -> str:
    return show(str(Grant(role=person.role, scope=person.scope))) if person else "nobody"


def _tell_voided(desk: Desk, change: Change) -> None:
    """Say which hosts their codes would still have let in."""
    for host in change.voided:
        desk.say(f"their code for {show(host)} is void")
