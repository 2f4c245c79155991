"""What the end of an alert really was: which question Prometheus is asked, and what it means.

    a host answers now                          recovered
    it does not answer now                      unreachable
    it is not asked any more, and was lately    unmonitored
    it was never asked                          recovered: nothing is known against it
    Prometheus is silent                        unconfirmed

Prometheus notes in `up` for every target whether it answered. Our rules say in `feed` which job's
data an alert needs; elsewhere the alert's own `job` says it. Without either, any job of the host
will do but the probes: theirs is 1 as long as the prober lives, whatever became of the host.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bridge import limits
from bridge.core.cards import Ending, Member
from bridge.core.quoting import quote_regex, quote_value

PROBES: Final = "icmp|tcp|http"
_OPEN_ENDINGS: Final = frozenset({None, Ending.UNREACHABLE, Ending.UNCONFIRMED})
_DAY: Final = timedelta(days=1)
_LONGEST_LOOK: Final = 15  # days: what Prometheus keeps unless told otherwise
_ONCE: Final = 2.0  # what the question answers for a host that is not asked any more


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One series of an instant answer of Prometheus."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whom an alert is about, as `up` names it."""

    label: str
    """`host` or `instance`."""
    name: str
    job: str
    """Empty: any job but the probes."""


def is_open_question(member: Member) -> bool:
    """Say whether its end may still turn out to be something else."""
    return not member.is_firing and member.ending in _OPEN_ENDINGS


def choose_subject(labels: Mapping[str, str]) -> Subject | None:
    """Say whom to ask about; None where the alert is about no host that Prometheus could know."""
    feed = labels.get("feed", "")
    # A service's own alert says itself whether it is well, unless it lives on a host's data.
    if labels.get("scope", "host") != "host" and not feed:
        return None
    label = "host" if labels.get("host") else "instance"
    name, job = labels.get(label, ""), feed or labels.get("job", "")
    if not name or not _may_be_asked(name) or not _may_be_asked(job):
        return None
    return Subject(label=label, name=name, job=job)


def days_back(since: Iterable[datetime], now: datetime) -> int:
    """Say how far back a host counts as watched: from a day before the oldest alert began."""
    oldest = min(since, default=now)
    return min(max((now - oldest) // _DAY, 0) + 1, _LONGEST_LOOK)


def write_questions(subjects: Collection[Subject], days: int) -> Iterator[str]:
    """Ask about many at once: one question, or more where an address would grow too long."""
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for subject in sorted(set(subjects), key=lambda each: (each.label, each.job, each.name)):
        kinds[subject.label, subject.job].append(quote_regex(subject.name))
    branches: list[str] = []
    for (label, job), names in kinds.items():
        for some in _in_pieces(names):
            branch = _write_branch(label, job, some, days)
            if branches and sum(map(len, branches)) + len(branch) > limits.QUESTION_CHARACTERS:
                yield " or ".join(branches)
                branches = []
            branches.append(branch)
    if branches:
        yield " or ".join(branches)


def judge_endings(
    subjects: Collection[Subject], samples: Iterable[Sample]
) -> dict[Subject, Ending]:
    """Read the answers to all questions about these."""
    values: dict[tuple[str, str, str], float] = {}
    for sample in samples:
        label = "host" if "host" in sample.labels else "instance"
        named = (label, sample.labels.get(label, ""), sample.labels.get("job", ""))
        values[named] = sample.value
    return {each: _judge(values.get((each.label, each.name, each.job))) for each in set(subjects)}


def _judge(value: float | None) -> Ending:
    if value is None or value == 1:
        return Ending.RECOVERED
    return Ending.UNMONITORED if value == _ONCE else Ending.UNREACHABLE


def _write_branch(label: str, job: str, names: Collection[str], days: int) -> str:
    """Answer 0 or 1 for a name that is asked now, 2 for one that was; nothing for any other.

    One series a name, and no two branches share one: a job's carry `job`, any job's do not.
    """
    jobs = f"job={quote_value(job)}" if job else f"job!~{quote_value(PROBES)}"
    by = f"max by ({label}, job)" if job else f"max by ({label})"
    series = f"up{{{jobs},{label}=~{quote_value('|'.join(names))}}}"
    return f"({by} ({series}) or {_ONCE:.0f} * {by} (present_over_time({series}[{days}d])))"


def _in_pieces(names: Iterable[str]) -> Iterator[list[str]]:
    """Cut a list of names so that a branch, which holds each twice, fits a question."""
    most = limits.QUESTION_CHARACTERS // 4
    piece: list[str] = []
    length = 0
    for name in names:
        if piece and length + len(name) > most:
            yield piece
            piece, length = [], 0
        piece.append(name)
        length += len(name) + 1
    if piece:
        yield piece


def _may_be_asked(text: str) -> bool:
    """Refuse what Prometheus could not hold: a lone surrogate is no text, a book is no name."""
    return len(text) <= limits.QUESTION_NAME_CHARACTERS and not any(
        "\ud800" <= each <= "\udfff" for each in text
    )
