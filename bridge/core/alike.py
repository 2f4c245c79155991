"""Many hosts told in few words: names folded to ranges, equal results told once."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bridge.core.jobs import Job
from bridge.core.veil import hide_shapes

_COMPARED: Final = 8
"""Groups whose difference is worked out: a message shows fewer."""
_HEADER_LINES: Final = 2
"""Of every difference: they name files, and there are none."""
_NUMBERED: Final = re.compile(r"(.*?)([0-9]{1,9})([^0-9]*)")
_DIFFERENCE_LINES: Final = 300
"""Lines of two outputs that are compared; longer ones are only said to differ."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Hosts whose jobs ended alike, and one of these jobs for all."""

    hosts: tuple[str, ...]
    job: Job
    difference: str = ""
    """How its output differs from that of the largest group, as lines with - and +."""

    @property
    def names(self) -> str:
        """The hosts in few words."""
        return fold_names(self.hosts)


def fold_names(names: Iterable[str]) -> str:
    """Write names with their numbers as ranges: `db-1, web-[1-3,7]`.

    Only numbers written alike are one range: `web-07` and `web-7` are two hosts.
    """
    families: defaultdict[tuple[str, str, int], list[int]] = defaultdict(list)
    plain: list[str] = []
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is None:
            plain.append(name)
            continue
        digits = match[2]
        width = len(digits) if digits.startswith("0") and len(digits) > 1 else 0
        families[match[1], match[3], width].append(int(digits))
    folded = [_write_family(*family, numbers) for family, numbers in families.items()]
    return ", ".join(sorted([*plain, *folded], key=str.casefold))


def _write_family(before: str, behind: str, width: int, numbers: list[int]) -> str:
    ranges = list(_find_ranges(sorted(numbers)))
    shown = [
        f"{first:0{width}d}" if first == last else f"{first:0{width}d}-{last:0{width}d}"
        for first, last in ranges
    ]
    only_one = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    middle = shown[0] if only_one else f"[{','.join(shown)}]"
    return f"{before}{middle}{behind}"


def _find_ranges(numbers: Sequence[int]) -> Iterable[tuple[int, int]]:
    first = last = numbers[0]
    for number in numbers[1:]:
        if number > last + 1:
            yield first, last
            first = number
        last = number
    yield first, last


def group_jobs(
    jobs: Iterable[Job], *, clean: Callable[[str], str] = hide_shapes
) -> tuple[Alike, ...]:
    """Put together what ended alike, the largest group of those that ran first.

    Every host is looked at once, whatever their number: names are folded for display alone.

    Args:
        jobs: What ran, one for each host.
        clean: Makes of an output what may be shown. A difference is made of what comes of it: in
            one of raw outputs, the lines are missing by which a key is known.
    """
    groups: defaultdict[tuple[str, int | None, str, str], list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.likeness].append(job)
    ordered = sorted(
        groups.values(), key=lambda each: (not _has_run(each[0]), -len(each), each[0].host)
    )
    usual = ordered[0][0] if ordered and _has_run(ordered[0][0]) else None
    return tuple(
        Alike(
            hosts=tuple(job.host for job in group),
            job=group[0],
            difference=_tell_apart(usual, group[0], clean) if number < _COMPARED else "",
        )
        for number, group in enumerate(ordered)
    )


def _has_run(job: Job) -> bool:
    return bool(job.digest)


def _tell_apart(usual: Job | None, other: Job, clean: Callable[[str], str]) -> str:
    """Say how an output differs from the usual one, where both are short enough to compare."""
    if usual is None or other is usual or not _has_run(other):
        return ""
    if not (usual.is_whole and other.is_whole):
        return ""
    before, after = (clean(each.output).splitlines() for each in (usual, other))
    if max(len(before), len(after)) > _DIFFERENCE_LINES:
        return ""
    lines = difflib.unified_diff(before, after, n=0, lineterm="")
    changed = islice(lines, _HEADER_LINES, None)
    return "\n".join(line for line in changed if not line.startswith("@@"))
