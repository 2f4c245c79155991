"""The process that draws: facts come in on standard input, pictures leave on standard output.

It imports nothing of the bridge but the core and what draws, and it is given no secret.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO, Final

import matplotlib as mpl

from bridge.core.charts import ChartFacts, ChartWords, Curve, Facts, PieFacts, Slice
from bridge.core.promql import Unit
from bridge.views.chart import draw_chart
from bridge.views.chart_fonts import can_write, choose_families
from bridge.views.frames import FAULT, LENGTH, PICTURE, READY, pack_answer
from bridge.views.pie import draw_pie

_NICE: Final = 5
"""Drawing gives way to the bridge, which has to answer Alertmanager meanwhile."""
_FAULT_CHARACTERS: Final = 4000


def draw(facts: Facts, families: Sequence[str]) -> bytes:
    """Draw a picture of any kind."""
    if isinstance(facts, PieFacts):
        return draw_pie(facts, families)
    return draw_chart(facts, families)


def main() -> None:
    """Draw until there is nobody left to draw for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the bridge's to heed
    wish = json.loads(sys.argv[1])
    # Whatever prints must not print into a picture.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    mpl.rcdefaults()  # a file in the current folder may have changed them
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    families = choose_families(wish["fonts"])
    _warm_up(families)
    written = [name for name, text in wish["samples"].items() if can_write(families, text)]
    # Only now: a start is waited for, and competes with nothing that the loop does.
    os.nice(_NICE)
    _write(out, READY, json.dumps(written).encode())
    while (request := _read(sys.stdin.buffer)) is not None:
        try:
            # Only the bridge that started us holds the other end.
            png = draw(pickle.loads(request), families)  # noqa: S301 - see above
        except Exception:  # noqa: BLE001 - one bad picture does not end the others
            _write(out, FAULT, traceback.format_exc()[-_FAULT_CHARACTERS:].encode())
        else:
            _write(out, PICTURE, png)
        gc.collect()  # a picture is one large circle of references


def _warm_up(families: Sequence[str]) -> None:
    """Draw one of each kind, so that the first person does not wait for fonts to be read."""
    words = ChartWords(last="a", least="b", mean="c", most="d", nothing="e", more="")
    points = ((0.0, 1.0), (30.0, 2.0), (60.0, 1.0))
    facts = ChartFacts(
        host="0123456789",
        title="abcdefghijklmnopqrstuvwxyz",
        unit=Unit.PERCENT,
        start=0.0,
        end=60.0,
        zone="UTC",
        gap=45.0,
        curves=(Curve(name="", points=points),),
        dark=True,
        words=words,
    )
    draw_chart(facts, families)
    draw_chart(replace(facts, curves=(Curve(name="a", points=points),) * 2), families)
    slices = (Slice(name="a", value=1.0),)
    pie = PieFacts(host="a", title="b", unit=Unit.BYTES, slices=slices, total="c", dark=True)
    draw_pie(pie, families)
    # What is there by now stays: looking through it again after each picture takes time.
    gc.collect()
    gc.freeze()


def _read(source: BinaryIO) -> bytes | None:
    head = source.read(LENGTH)
    if len(head) < LENGTH:
        return None
    length = int.from_bytes(head)
    request = source.read(length)
    return request if len(request) == length else None


def _write(out: BinaryIO, kind: bytes, payload: bytes) -> None:
    out.write(pack_answer(kind, payload))
    out.flush()


if __name__ == "__main__":
    main()
