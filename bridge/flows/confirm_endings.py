"""Before a card says that all is well again, Prometheus is asked whether the host answers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from bridge import limits
from bridge.core.cards import CardFacts, Ending
from bridge.core.endings import (
    Sample,
    Subject,
    choose_subject,
    days_back,
    is_open_question,
    judge_endings,
    write_questions,
)
from bridge.errors import Outage
from bridge.logs import create_log

_log = create_log(__name__)


class Prometheus(Protocol):
    """Answers PromQL."""

    async def fetch(self, promql: str) -> list[Sample]:
        """Ask for the values of this moment, or raise Outage."""
        ...


class Witness:
    """Prometheus's word about hosts, remembered for a moment.

    Who comes while a question is under way waits for the next one, which asks for all of them: a
    wave of resolves costs few questions. While Prometheus is silent, nobody waits for it twice.
    """

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._turn = asyncio.Lock()
        self._wanted: dict[Subject, datetime] = {}
        self._known: dict[Subject, tuple[Ending, datetime]] = {}
        self._silent_since: datetime | None = None
        self._heard_at: datetime | None = None

    async def ask(
        self, subjects: Mapping[Subject, datetime], *, patience: timedelta, now: datetime
    ) -> dict[Subject, Ending]:
        """Say how these are, each given with the beginning of its alert; never wait longer."""
        missing = self._missing(subjects, now)
        if missing and not _is_fresh(self._silent_since, now):
            self._wanted |= missing
            try:
                async with asyncio.timeout(patience.total_seconds()):
                    await self._learn(missing, now)
            except (Outage, TimeoutError) as fault:
                self._note_silence(fault, now)
        return {
            each: self._known[each][0] if self._knows(each, now) else Ending.UNCONFIRMED
            for each in subjects
        }

    async def is_there(self, *, patience: timedelta, now: datetime) -> bool:
        """Say whether Prometheus answers at all: one that is dead lets every alert time out."""
        if not _is_fresh(self._heard_at, now) and not _is_fresh(self._silent_since, now):
            try:
                async with asyncio.timeout(patience.total_seconds()):
                    await self._prometheus.fetch("vector(1)")
            except (Outage, TimeoutError) as fault:
                self._note_silence(fault, now)
            else:
                self._silent_since, self._heard_at = None, now
        return _is_fresh(self._heard_at, now)

    async def _learn(self, missing: Mapping[Subject, datetime], now: datetime) -> None:
        async with self._turn:
            missing = self._missing(missing, now)
            if not missing or _is_fresh(self._silent_since, now):
                return
            # Whoever gave up waiting has left its question; its card may ask again soon.
            batch, self._wanted = self._wanted | missing, {}
            self._known = {
                each: self._known[each] for each in self._known if self._knows(each, now)
            }
            # What one question has answered is kept, whatever becomes of the next.
            for question, asked in _ask_in_pieces(batch, days_back(batch.values(), now)):
                samples = await self._prometheus.fetch(question)
                self._silent_since, self._heard_at = None, now
                for subject, ending in judge_endings(asked, samples).items():
                    self._known[subject] = (ending, now)

    def _note_silence(self, fault: Outage | TimeoutError, now: datetime) -> None:
        if self._silent_since is None:
            reason = fault.sentence if isinstance(fault, Outage) else "no answer in time"
            _log.warning("ends are shown unconfirmed", action="confirm", reason=reason)
        self._silent_since, self._heard_at = now, None
        self._wanted = {}  # else strangers' labels would pile up here

    def _missing(
        self, subjects: Mapping[Subject, datetime], now: datetime
    ) -> dict[Subject, datetime]:
        return {each: since for each, since in subjects.items() if not self._knows(each, now)}

    def _knows(self, subject: Subject, now: datetime) -> bool:
        return subject in self._known and _is_fresh(self._known[subject][1], now)


async def confirm_endings(
    card: CardFacts, *, witness: Witness, patience: timedelta, now: datetime
) -> tuple[CardFacts, dict[int, Ending]]:
    """Fill in what the ends of a card's episodes were; answer also what is news, by episode.

    Only an end that may still turn out otherwise is asked about; a card that only fires never
    waits.
    """
    open_ones = [each for each in card.members if is_open_question(each)]
    chosen = {id(each): choose_subject(each.labels) for each in open_ones}
    subjects: dict[Subject, datetime] = {}
    for each in open_ones:
        subject = chosen[id(each)]
        if subject is not None:
            subjects[subject] = min(subjects.get(subject, each.started_at), each.started_at)
    endings = await witness.ask(subjects, patience=patience, now=now) if subjects else {}
    of_nobody = Ending.RECOVERED
    if None in chosen.values() and not await witness.is_there(patience=patience, now=now):
        of_nobody = Ending.UNCONFIRMED
    members = []
    news: dict[int, Ending] = {}
    for member in card.members:
        ending = member.ending
        if id(member) in chosen:
            subject = chosen[id(member)]
            ending = _weigh(ending, endings[subject] if subject else of_nobody)
        if ending is not None and ending is not member.ending:
            news[member.episode_id] = ending
        members.append(replace(member, ending=ending))
    return replace(card, members=tuple(members)), news


def _ask_in_pieces(
    subjects: Collection[Subject], days: int
) -> Iterator[tuple[str, Collection[Subject]]]:
    """Give every question with those whom it is about."""
    questions = list(islice(write_questions(subjects, days), 2))
    if len(questions) == 1:
        yield questions[0], subjects
        return
    alike = sorted(subjects, key=lambda each: (each.label, each.job, each.name))
    half = len(alike) // 2
    for piece in (alike[:half], alike[half:]):
        yield from _ask_in_pieces(piece, days)


def _weigh(before: Ending | None, answer: Ending) -> Ending:
    """Let silence take nothing back: what did not answer is still unreachable, as far as known."""
    return before if before and answer is Ending.UNCONFIRMED else answer


def _is_fresh(at: datetime | None, now: datetime) -> bool:
    return at is not None and abs(now - at) < limits.CONFIRM_MEMORY
