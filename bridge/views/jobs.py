"""Jobs on hosts as a chat reads them: growing, ended, and many told together."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bridge.core.alike import Alike, fold_names
from bridge.core.formatted import Attachment, Content
from bridge.core.jobs import Job, State
from bridge.core.keyboards import Keyboard
from bridge.core.questions import Wish
from bridge.core.told import Use
from bridge.core.veil import hide_shapes
from bridge.limits import CAPTION_CHARACTERS
from bridge.views.markup import legible, plain
from bridge.views.units import render_bytes, render_percent
from bridge.views.voice import Voice

_RUNNING_LINES: Final = 12
_RUNNING_CHARACTERS: Final = 1200
"""Of a command that runs: what a phone shows without scrolling."""
_OUTPUT_CHARACTERS: Final = 3000
"""Of one that has ended; longer output is a file."""
_GROUP_CHARACTERS: Final = 600
"""Of each group of hosts that ended alike."""
_GROUPS: Final = 5
_DIFFERENCE_LINES: Final = 8
_BLANKS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Letters and signs that look like nothing."""
_LIKE_A_HEAD: Final = re.compile(r"^(?=(?:>|[^\S\n])*===)", re.MULTILINE)
"""Before a line of an output that could pass for the head of other hosts' in a file of all."""
_ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()][0-9A-Za-z]|[ -/]*[0-~])"
)
"""What a terminal takes for colours and titles."""


def clean(output: str) -> str:
    """Take out what only a terminal understands: colours, and lines that are written anew.

    Keys and tokens are hidden here, in the whole output: of one that is cut, half looks like none.
    """
    text = _ESCAPES.sub("", output.replace("\r\n", "\n"))
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return hide_shapes(text)


def write_job(voice: Voice, job: Job, keyboard: Keyboard | None = None) -> Content:
    """Write how a job stands."""
    output = clean(job.output)
    shown, is_cut = _cut(output, job.state.is_over)
    text = voice.write(
        "job",
        job=job,
        command=show_exactly(job.command),
        output=plain(shown, lines=True).strip("\n"),
        is_cut=is_cut,
        size=render_bytes(job.bytes, voice.translator) if job.bytes else "",
        lasted=_write_span(voice, job.lasted),
        running=_write_span(voice, voice.now - job.asked_at),
    )
    return Content(text=text, keyboard=keyboard)


def write_file(voice: Voice, job: Job) -> Content | None:
    """Write the output as a file, where the message has only a part of it."""
    output = clean(job.output)
    if not job.state.is_over or not _cut(output, is_over=True)[1]:
        return None
    return write_output(voice, job.host, output, is_whole=job.is_whole)


def write_output(voice: Voice, host: str, output: str, *, is_whole: bool = True) -> Content:
    """Write an output as a file."""
    name = f"{host}-{voice.now:%Y%m%d-%H%M%S}.txt"
    caption = voice.write("job_file", CAPTION_CHARACTERS, host=host, is_whole=is_whole)
    content = legible(clean(output)).encode(errors="replace")
    return Content(text=caption, attachment=Attachment(name=name, content=content))


def _cut(output: str, is_over: bool) -> tuple[str, bool]:  # noqa: FBT001 - two forms of one cut
    """Choose what a message shows of an output; say whether that is less than all."""
    if not is_over:
        lines = output.rstrip("\n").split("\n")[-_RUNNING_LINES:]
        return "\n".join(lines)[-_RUNNING_CHARACTERS:], False
    if len(output) <= _OUTPUT_CHARACTERS:
        return output, False
    half = _OUTPUT_CHARACTERS // 2
    head = output[:half].rpartition("\n")[0] or output[:half]
    tail = output[-half:].partition("\n")[2] or output[-half:]
    return f"{head}\n⋯\n{tail}", True


def show_exactly(command: str) -> str:
    """Write a command so that every character can be seen: hidden ones as their numbers.

    Where there are any, a backslash is written twice, so that none passes for a number.
    """
    if all(map(_is_seen, command)):
        return command
    return "".join("\\\\" if each == "\\" else _in_view(each) for each in command)


def _is_seen(character: str) -> bool:
    """Say whether a character leaves a trace on every screen; marks change the one before them."""
    if character == " ":
        return True
    kind = unicodedata.category(character)[0]
    return kind not in "ZCM" and character not in _BLANKS


def _in_view(character: str) -> str:
    if _is_seen(character):
        return character
    number = ord(character)
    if number > 0xFFFF:  # noqa: PLR2004 - the two forms that programs know
        return f"\\U{number:08x}"
    return f"\\u{number:04x}"


def write_everywhere(
    voice: Voice,
    command: str,
    jobs: Sequence[Job],
    groups: Sequence[Alike] = (),
    keyboard: Keyboard | None = None,
) -> Content:
    """Write how a command on many hosts stands; with the groups once all have ended."""
    counts = Counter(job.state for job in jobs)
    good = sum(job.is_good for job in jobs)
    bad = counts[State.DONE] - good
    text = voice.write(
        "everywhere",
        command=show_exactly(command),
        hosts=len(jobs),
        over=sum(job.state.is_over for job in jobs),
        good=good,
        bad=bad,
        counts={state.value: counts[state] for state in State},
        groups=[_show_group(voice, each) for each in groups[:_GROUPS]],
        left_out=sum(len(each.hosts) for each in groups[_GROUPS:]),
        waiting=fold_names(job.host for job in jobs if not job.state.is_over)[:300],
    )
    return Content(text=text, keyboard=keyboard)


def _show_group(voice: Voice, alike: Alike) -> dict[str, object]:
    output = clean(alike.job.output).rstrip("\n")
    shown = alike.difference or output
    if alike.difference:
        shown = "\n".join(hide_shapes(shown).splitlines()[:_DIFFERENCE_LINES])
    names = alike.names
    return {
        "names": names if len(names) <= 200 else f"{names[:199]}…",  # noqa: PLR2004 - two lines
        "count": len(alike.hosts),
        "job": alike.job,
        "output": plain(shown[:_GROUP_CHARACTERS], lines=True),
        "is_difference": bool(alike.difference),
        "is_cut": len(shown) > _GROUP_CHARACTERS or shown != (alike.difference or output),
        "lasted": _write_span(voice, alike.job.lasted),
    }


def write_list_of_all(voice: Voice, command: str, groups: Sequence[Alike]) -> Content:
    """Write everything that all hosts said as a file: the groups, then their whole output."""
    parts = [f"$ {show_exactly(command)}\n"]
    for alike in groups:
        job = alike.job
        status = "" if job.exit_status is None else f" {job.exit_status}"
        cut = f" · -{job.left_out} B" if job.left_out else ""
        parts.append(f"\n=== {len(alike.hosts)}: {alike.names} · {job.state.value}{status}{cut}\n")
        said = legible(clean(job.output)) or legible(job.sentence)
        parts.append(_LIKE_A_HEAD.sub(">", said))
        parts.append("" if parts[-1].endswith("\n") else "\n")
    name = f"broadcast-{voice.now:%Y%m%d-%H%M%S}.txt"
    attachment = Attachment(name=name, content="".join(parts).encode())
    is_whole = all(each.job.is_whole for each in groups)
    return Content(text=voice.write("everywhere_file", is_whole=is_whole), attachment=attachment)


def write_closed(voice: Voice, job: Job, port: int) -> Content:
    """Write what came of ending what listens on a port."""
    return Content(text=voice.write("closed", job=job, closing=job.closing, port=port))


def write_question(voice: Voice, wish: Wish, keyboard: Keyboard) -> Content:
    """Write what will be done, exactly, before it is done."""
    text = voice.write(
        "question",
        wish=wish,
        command=show_exactly(wish.command),
        is_odd=show_exactly(wish.command) != wish.command,
        hosts=len(wish.hosts),
        names=fold_names(wish.hosts),
        within=voice.span(wish.within),
    )
    return Content(text=text, keyboard=keyboard)


def _write_span(voice: Voice, length: timedelta) -> str:
    """Say how long something took: short ones to a tenth of a second."""
    if length < timedelta(seconds=60):
        return voice.say("%(seconds)s s", seconds=f"{length.total_seconds():.1f}")
    return voice.span(length)


def write_uses(voice: Voice, uses: Sequence[Use]) -> list[dict[str, str]]:
    """Write what processes use, in words."""
    return [
        {
            "pid": str(each.pid),
            "name": each.name,
            "user": each.user,
            "cpu": render_percent(each.cpu, voice.translator),
            "memory": render_bytes(each.memory, voice.translator),
        }
        for each in uses
    ]
