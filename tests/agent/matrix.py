"""Ways in which a command gets away from whoever started it."""

from __future__ import annotations

from typing import Final

ESCAPES: Final = {
    "a pipeline": "sleep 600 | cat | cat",
    "a background child that holds the pipe": "sleep 600 & sleep 600 & wait",
    "a session of its own": "setsid sleep 600 & setsid sh -c 'sleep 600 & wait' & wait",
    "a daemon forked twice": "(setsid sh -c 'sleep 600 & sleep 600 & exit' &) ; sleep 600",
    "a fork bomb": "bomb() { bomb | bomb & sleep 600; }; bomb & exec sleep 600",
    "one that ignores TERM": "trap '' TERM HUP INT; while :; do sleep 600; done",
    "a stopped child": "sh -c 'kill -STOP $$; sleep 600' & sleep 600",
    "one that closes its streams": "exec </dev/null >/dev/null 2>&1; sleep 600 & sleep 600",
    "one that spawns when told to end": (
        "trap 'setsid sh -c \"trap : TERM; sleep 600; sleep 600\" & sleep 600' TERM;"
        " while :; do sleep 0.05; done"
    ),
}
