"""People and the codes that let them in. Admins of the settings exist without a row.

Every change is one transaction with its entry in the audit. The writers take turns, also those of
several bridges and of the console, so that of two who open the same link one is let in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from bridge import limits
from bridge.core.access import EVERYWHERE, Person, Role, Scope
from bridge.core.audit import Entry
from bridge.core.enrolment import (
    Change,
    Code,
    Enrolment,
    Grant,
    Purpose,
    digest_code,
    judge_code,
    require_sensible,
)
from bridge.errors import Expired, Missing, Refused
from bridge.store.audit import put_entry
from bridge.store.database import Database
from bridge.store.host_codes import void_codes
from bridge.store.tables import codes, people


class People:
    """Who has which role."""

    def __init__(self, database: Database, owners: Collection[int] = ()) -> None:
        self._database = database
        self._owners = frozenset(owners)
        self._owners_names: dict[int, str] = {}
        """Of this run only: admins of the settings have no row to keep it in."""

    async def find(self, user_id: int) -> Person | None:
        """Find somebody with a role; None is a stranger."""
        if user_id in self._owners:
            return self._owner(user_id)
        return await self._database.read(lambda connection: _find(connection, user_id))

    async def all(self) -> tuple[Person, ...]:
        """List everybody with a role: the most powerful first, then by number."""
        rows = await self._database.read(
            lambda connection: connection.execute(select(people)).all()
        )
        stored = [_read(row) for row in rows if row.user_id not in self._owners]
        everybody = [*map(self._owner, self._owners), *stored]
        return tuple(sorted(everybody, key=lambda each: (-each.role.rank, each.user_id)))

    async def has_admin(self) -> bool:
        """Say whether there is an admin, of the settings or stored."""
        return bool(self._owners) or await self._database.read(_has_admin)

    async def put(
        self, user_id: int, grant: Grant, *, by: int | None, entry: Entry, now: datetime
    ) -> Change:
        """Give somebody a role and limits in the place of the former.

        Hosts' codes that they have made are good no longer than they are an admin.

        Raises:
            Mistake: an admin is not limited to some hosts.
            Refused: ALLOWED_USERS has their role, or they are the last admin.
            Outage: nothing of it was kept.
        """
        require_sensible(grant)
        self._refuse_owner(user_id)

        def work(connection: Connection) -> Change:
            former = _find(connection, user_id)
            if former is not None and grant.role is not Role.ADMIN:
                self._refuse_last_admin(connection, former)
            name = former.name if former else ""
            person = Person(user_id=user_id, role=grant.role, scope=grant.scope, name=name)
            _put(connection, person, by=by, now=now)
            is_admin = grant.role is Role.ADMIN
            voided = () if is_admin else void_codes(connection, user_id, now=now)
            put_entry(connection, replace(entry, detail=_describe(former, grant, voided)))
            return Change(former=former, voided=voided)

        return await self._database.write(work)

    async def remove(self, user_id: int, *, entry: Entry, now: datetime) -> Change:
        """Take somebody's role, and the worth of every code that they have made.

        Raises:
            Missing: nobody of that number has one.
            Refused: ALLOWED_USERS has their role, or they are the last admin.
            Outage: nothing of it was kept.
        """
        self._refuse_owner(user_id)

        def work(connection: Connection) -> Change:
            former = _find(connection, user_id)
            if former is None:
                raise Missing(
                    "%(user)s has no role here; /users lists everybody who has", user=user_id
                )
            self._refuse_last_admin(connection, former)
            connection.execute(delete(people).where(people.c.user_id == user_id)).close()
            # Also the links that they have made and could open themselves.
            unused = codes.c.made_by == user_id, codes.c.used_at.is_(None)
            connection.execute(delete(codes).where(*unused)).close()
            voided = void_codes(connection, user_id, now=now)
            put_entry(connection, replace(entry, detail=_describe(former, None, voided)))
            return Change(former=former, voided=voided)

        return await self._database.write(work)

    async def note_name(self, person: Person, name: str) -> None:
        """Remember what somebody calls themselves; it costs nothing while it stays the same."""
        name = name[: limits.NAME_CHARACTERS]
        if name == person.name:
            return
        if person.is_owner:
            self._owners_names[person.user_id] = name
            return
        renew = update(people).where(people.c.user_id == person.user_id).values(name=name)
        await self._database.write(lambda connection: connection.execute(renew).close())

    async def put_code(
        self,
        code: str,
        purpose: Purpose,
        grant: Grant,
        *,
        by: int | None,
        entry: Entry,
        now: datetime,
    ) -> Code:
        """Make a code good for a while; codes long gone are forgotten.

        Raises:
            Mistake: an admin is not limited to some hosts.
            Outage: nothing of it was kept.
        """
        require_sensible(grant)
        made = Code(purpose=purpose, grant=grant, expires_at=now + limits.CODE_LIFE)

        def work(connection: Connection) -> Code:
            connection.execute(
                insert(codes).values(
                    digest=digest_code(code),
                    purpose=purpose.value,
                    gives=grant.to_json(),
                    made_by=by,
                    made_at=now,
                    expires_at=made.expires_at,
                )
            ).close()
            old = codes.c.expires_at < now - limits.CODE_KEPT
            connection.execute(delete(codes).where(old)).close()
            put_entry(connection, replace(entry, detail=str(grant)))
            return made

        return await self._database.write(work)

    async def use_code(
        self,
        code: str,
        *,
        user_id: int,
        name: str,
        entry: Entry,
        now: datetime,
        with_first: Callable[[Connection], object] | None = None,
    ) -> Enrolment:
        """Give a person what a code gives, once; the first admin's comes with `with_first`.

        Raises:
            Mistake: there is no such code.
            Expired: it is used, too old, of no use any more, or of nobody who is an admin now.
            Refused: it would give them nothing, or take something away; it stays good.
            Outage: nothing of it was kept.
        """
        digest = digest_code(code)

        def work(connection: Connection) -> Enrolment:
            is_owner = user_id in self._owners
            held = self._owner(user_id) if is_owner else _find(connection, user_id)
            has_admin = bool(self._owners) or _has_admin(connection)
            known = _find_code(connection, digest)
            given = judge_code(known, user_id=user_id, held=held, has_admin=has_admin, now=now)
            self._refuse_orphan(connection, given)
            used = update(codes).where(codes.c.digest == digest)
            connection.execute(used.values(used_at=now, used_by=user_id)).close()
            person = Person(
                user_id=user_id, role=given.grant.role, scope=given.grant.scope, name=name
            )
            _put(connection, person, by=given.made_by, now=now)
            put_entry(connection, replace(entry, detail=_describe(held, given.grant)))
            if given.purpose is Purpose.FIRST_ADMIN and with_first is not None:
                with_first(connection)
            return Enrolment(person=person, purpose=given.purpose)

        return await self._database.write(work)

    def _owner(self, user_id: int) -> Person:
        return Person(
            user_id=user_id,
            role=Role.ADMIN,
            scope=EVERYWHERE,
            name=self._owners_names.get(user_id, ""),
            is_owner=True,
        )

    def _refuse_owner(self, user_id: int) -> None:
        if user_id in self._owners:
            raise Refused(
                "%(user)s is an admin by the setting ALLOWED_USERS; only there it can be changed",
                user=user_id,
            )

    def _refuse_orphan(self, connection: Connection, code: Code) -> None:
        """Refuse what an admin of former times has made: they could let themselves back in."""
        maker = code.made_by
        if maker is None or maker in self._owners:
            return
        person = _find(connection, maker)
        if person is None or person.role is not Role.ADMIN:
            raise Expired("whoever made this link is no admin any more; ask one for another")

    def _refuse_last_admin(self, connection: Connection, person: Person) -> None:
        """Refuse to be left without an admin: only the console could then let anybody in."""
        if person.role is not Role.ADMIN or self._owners:
            return
        others = select(people.c.user_id).where(
            people.c.role == Role.ADMIN.value, people.c.user_id != person.user_id
        )
        if connection.execute(others.limit(1)).first() is None:
            raise Refused(
                "%(user)s is the last admin; make somebody else one first", user=person.user_id
            )


def _find(connection: Connection, user_id: int) -> Person | None:
    row = connection.execute(select(people).where(people.c.user_id == user_id)).one_or_none()
    return None if row is None else _read(row)


def _has_admin(connection: Connection) -> bool:
    wanted = select(people.c.user_id).where(people.c.role == Role.ADMIN.value).limit(1)
    return connection.execute(wanted).first() is not None


def _put(connection: Connection, person: Person, *, by: int | None, now: datetime) -> None:
    values = {
        "role": person.role.value,
        "scope": person.scope.to_json(),
        "name": person.name[: limits.NAME_CHARACTERS],
    }
    known = people.c.user_id == person.user_id
    if not connection.execute(update(people).where(known).values(**values)).rowcount:
        row = {"user_id": person.user_id, "added_by": by, "added_at": now, **values}
        connection.execute(insert(people).values(**row)).close()


def _read(row: Any) -> Person:
    return Person(
        user_id=row.user_id,
        role=Role(row.role),
        scope=Scope.from_json(row.scope),
        name=row.name,
    )


def _find_code(connection: Connection, digest: str) -> Code | None:
    row = connection.execute(select(codes).where(codes.c.digest == digest)).one_or_none()
    if row is None:
        return None
    return Code(
        purpose=Purpose(row.purpose),
        grant=Grant.from_json(row.gives),
        made_by=row.made_by,
        expires_at=row.expires_at,
        used_at=row.used_at,
        used_by=row.used_by,
    )


def _describe(former: Person | None, grant: Grant | None, voided: Collection[str] = ()) -> str:
    was = str(Grant(role=former.role, scope=former.scope)) if former else "nobody"
    codes_gone = f"; void codes: {', '.join(voided)}" if voided else ""
    return f"{was} → {grant or 'nobody'}{codes_gone}"
