"""Units, journals, and who is there."""

from __future__ import annotations

from typing import Final

from agent.arguments import Moment, Name, OneOf, SomeOf, Text, Unit, Whole
from agent.limits import MOST_LINES, MOST_PATHS
from agent.matching import NOTHING, Action, Flags, Form, Otherwise

_NO_PAGER: Final = Otherwise(unless=("--no-pager",), words=("--no-pager",))
_LINES: Final = Whole(1, MOST_LINES)
_PRIORITIES: Final = (
    *("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"),
    *"01234567",
)

SYSTEM: Final = (
    Action(
        name="systemctl",
        example="systemctl status nginx",
        flags=Flags(
            letters="alq",
            words=(
                *("--no-pager", "--failed", "--all", "--full", "--no-legend", "--plain"),
                "--quiet",
            ),
            valued={
                "-n": Whole(0, MOST_LINES),
                "--lines": Whole(0, MOST_LINES),
                **dict.fromkeys(
                    ("-t", "--type"),
                    SomeOf(
                        (
                            *("automount", "device", "mount", "path", "scope", "service"),
                            *("slice", "socket", "swap", "target", "timer"),
                        )
                    ),
                ),
                "--state": SomeOf(
                    (
                        *("active", "activating", "dead", "deactivating", "enabled", "disabled"),
                        *("exited", "failed", "inactive", "masked", "reloading", "running"),
                        *("static", "waiting", "not-found"),
                    )
                ),
            },
        ),
        forms=(
            NOTHING,
            *(
                Form(places=(OneOf((verb,)),), rest=Unit(), most=MOST_PATHS)
                for verb in ("status", "list-units", "list-timers", "list-sockets")
            ),
            *(
                Form(places=(OneOf((verb,)),), rest=Unit(), least=1, most=MOST_PATHS)
                for verb in ("is-active", "is-enabled", "is-failed", "list-dependencies")
            ),
            Form(places=(OneOf(("list-unit-files", "list-jobs", "is-system-running")),)),
        ),
        otherwise=(_NO_PAGER,),
    ),
    Action(
        name="journalctl",
        example="journalctl -u nginx -n 50",
        flags=Flags(
            letters="xerkbfqal",
            words=(
                *("--no-pager", "--dmesg", "--reverse", "--follow", "--quiet", "--utc"),
                *("--no-hostname", "--catalog", "--list-boots", "--disk-usage", "--boot"),
            ),
            valued={
                **dict.fromkeys(("-u", "--unit"), Unit()),
                **dict.fromkeys(("-n", "--lines"), _LINES),
                **dict.fromkeys(("-p", "--priority"), OneOf(_PRIORITIES)),
                **dict.fromkeys(("-S", "--since", "-U", "--until"), Moment()),
                **dict.fromkeys(("-t", "--identifier"), Name()),
                **dict.fromkeys(("-g", "--grep"), Text()),
                **dict.fromkeys(
                    ("-o", "--output"),
                    OneOf(
                        (
                            *("short", "short-iso", "short-precise", "short-full", "cat"),
                            *("json", "verbose", "with-unit", "short-monotonic", "short-unix"),
                        )
                    ),
                ),
            },
        ),
        otherwise=(
            _NO_PAGER,
            Otherwise(
                unless=("-n", "--lines", "-S", "--since", "--list-boots", "--disk-usage"),
                words=("-n", "200"),
            ),
        ),
    ),
    Action(
        name="dmesg",
        example="dmesg -T",
        flags=Flags(
            letters="TkuxtdP",
            words=("--ctime", "--kernel", "--userspace", "--decode", "--nopager"),
            valued={
                **dict.fromkeys(
                    ("-l", "--level"),
                    SomeOf(("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")),
                ),
                **dict.fromkeys(
                    ("-f", "--facility"),
                    SomeOf(("kern", "user", "daemon", "auth", "syslog", "authpriv")),
                ),
            },
        ),
    ),
    Action(
        name="who",
        example="who",
        flags=Flags(letters="abdHlmpqrstTu", words=("--all", "--boot", "--heading", "--count")),
    ),
    Action(
        name="w",
        example="w",
        flags=Flags(letters="hsfoip"),
        forms=(NOTHING, Form(places=(Name(),))),
    ),
    Action(
        name="last",
        example="last -n 20",
        flags=Flags(
            letters="adFiwxR",
            words=("--fulltimes", "--hostlast", "--ip", "--system"),
            valued={"-n": _LINES, "--limit": _LINES},
            count="-n",
        ),
        forms=(Form(rest=Name(), most=1),),
        otherwise=(Otherwise(unless=("-n", "--limit"), words=("-n", "50")),),
    ),
    Action(
        name="id",
        example="id",
        flags=Flags(letters="ugnGr"),
        forms=(NOTHING, Form(places=(Name(),))),
    ),
)
