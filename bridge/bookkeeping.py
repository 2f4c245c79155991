"""The books about people: who has a role, who did what, and what Telegram has told."""

from __future__ import annotations

from contextlib import suppress

from bridge import limits
from bridge.clock import Clock
from bridge.core.audit_check import Soundness, Verdict
from bridge.errors import BridgeError
from bridge.logs import create_log
from bridge.settings import Settings
from bridge.store.audit import Audit
from bridge.store.database import Database
from bridge.store.people import People
from bridge.store.updates import Updates
from bridge.watching import Step

_log = create_log(__name__)


class Bookkeeping:
    """Signs the audit, lets go of what is old, and says when nobody may use the bot."""

    def __init__(self, settings: Settings, database: Database, *, clock: Clock) -> None:
        self.people = People(database, settings.allowed_users)
        self.audit = Audit(database, settings.state_dir)
        self.updates = Updates(database)
        self._retention = settings.retention
        self._clock = clock
        self._told = ""

    @property
    def steps(self) -> list[Step]:
        """List what the clock has to drive, once the store is open."""
        return [
            ("audit", limits.AUDIT_SEAL_PASS, self._seal),
            ("old_books", limits.PURGE_PASS, self._let_go),
            ("first_admin", limits.PURGE_PASS, self._look_for_an_admin),
        ]

    async def finish(self) -> None:
        """Sign what was written last; what fails is signed at the next start."""
        with suppress(BridgeError):
            await self._seal()

    async def _seal(self) -> None:
        self._note(await self.audit.seal(now=self._clock.now()))

    def _note(self, verdict: Verdict) -> None:
        """Say once that the audit cannot be trusted, and once that it can be again."""
        trouble = "" if verdict.soundness is Soundness.SOUND else verdict.sentence
        if trouble == self._told:
            return
        self._told = trouble
        if not trouble:
            _log.info("the audit is sound again", action="audit_sound")
        elif verdict.soundness is Soundness.TAMPERED:
            _log.error(
                "somebody was at the audit; it is signed no further; docs/people.md says what to "
                "do",
                action="audit_tampered",
                detail=trouble,
            )
        else:
            _log.warning("the audit cannot be told", action="audit_unknown", detail=trouble)

    async def _let_go(self) -> None:
        now = self._clock.now()
        # Once a day: every purge is an entry itself.
        before = (now - self._retention).replace(hour=0, minute=0, second=0, microsecond=0)
        while await self.audit.purge(before=before, now=now):
            pass
        await self.updates.purge(now=now)

    async def _look_for_an_admin(self) -> None:
        # Only how to get a link: whoever reads the logs later must not become admin by them.
        if not await self.people.has_admin():
            _log.warning(
                "nobody may use the bot yet; a link for the first admin is printed by: "
                "python -m bridge people link --first",
                action="no_admin",
            )
