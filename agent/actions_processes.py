"""What runs on the machine, and how busy it is."""

from __future__ import annotations

from typing import Final

from agent.arguments import Like, Name, OneOf, SomeOf, Text, Whole
from agent.limits import HIGHEST_PID, MOST_PATHS, MOST_PAUSE_SECONDS, MOST_SAMPLES
from agent.matching import NOTHING, Action, Flags, Form, Otherwise

_PID: Final = Whole(1, HIGHEST_PID)
_SAMPLES: Final = Form(places=(Whole(1, MOST_PAUSE_SECONDS), Whole(1, MOST_SAMPLES)))
_COLUMNS: Final = (
    *("args", "cmd", "comm", "command", "cputime", "etime", "etimes", "euser", "group", "gid"),
    *("lstart", "ni", "nice", "nlwp", "pcpu", "pgid", "pid", "pmem", "ppid", "pri", "psr", "rss"),
    *("ruser", "sid", "stat", "start", "state", "time", "tty", "uid", "user", "vsz", "wchan"),
    *("%cpu", "%mem"),
)
_SORTED: Final = tuple(
    f"{sign}{key}"
    for sign in ("", "-", "+")
    for key in ("%cpu", "%mem", "pcpu", "pmem", "pid", "ppid", "rss", "vsz", "time", "user", "comm")
)
_SORT: Final = {"--sort": OneOf(_SORTED)}
# Where options of ps contradict each other it reads them anew as letters without a dash, and `e`
# then means the environment: only what is known not to is let through, one at a time.
_WITHOUT_DASH: Final = (
    *("a", "x", "ax", "u", "ux", "au", "aux", "axu", "auxf", "axf", "auxww", "axuf", "auxwf"),
    *("auxfww", "axjf", "axl", "alx", "faux", "fax"),
)
_PS: Final = (
    Action(
        name="ps",
        example="ps aux",
        flags=Flags(
            styles=(
                *("-e", "-A", "-a", "-ef", "-Af", "-eF", "-ely", "-efH", "-ejH", "-eH", "-efww"),
                *("-f", "-F", "-l", "-aux"),
            ),
            words=("--no-headers", "--forest"),
            valued=_SORT,
        ),
    ),
    Action(
        name="ps",
        example="ps -eLf",
        flags=Flags(styles=("-eLf", "-efL"), words=("--no-headers",), valued=_SORT),
    ),
    Action(
        name="ps",
        example="ps aux",
        flags=Flags(words=("--no-headers", "--forest"), valued=_SORT),
        forms=(
            Form(places=(OneOf(_WITHOUT_DASH),)),
            Form(places=(OneOf(("ao", "xo", "axo")), SomeOf(_COLUMNS))),
        ),
    ),
    Action(
        name="ps",
        example="ps -p 1",
        flags=Flags(
            styles=("-f", "-F", "-l"),
            words=("--no-headers",),
            valued={"-p": _PID, "-C": Name()},
        ),
    ),
    Action(
        name="ps",
        example="ps -eo pid,user,%cpu,%mem,comm --sort=-%cpu",
        flags=Flags(
            styles=("-e", "-A"),
            words=("--no-headers",),
            valued={
                **_SORT,
                **dict.fromkeys(("-o", "-eo", "-Ao"), SomeOf(_COLUMNS)),
                "-p": _PID,
                "-C": Name(),
            },
        ),
    ),
)

_OTHERS: Final = (
    Action(
        name="uptime",
        example="uptime",
        flags=Flags(letters="ps", words=("--pretty", "--since")),
    ),
    Action(
        name="free",
        example="free -h",
        flags=Flags(
            letters="bgkhlmtvw",
            words=("--human", "--mega", "--giga", "--mebi", "--gibi", "--si", "--total", "--wide"),
        ),
    ),
    Action(
        name="top",
        example="top -b -n1",
        flags=Flags(
            letters="bciHSw1",
            valued={
                "-n": Whole(1, MOST_PAUSE_SECONDS),
                "-d": Whole(1, MOST_PAUSE_SECONDS),
                "-o": OneOf(("%CPU", "%MEM", "+%CPU", "+%MEM", "PID", "RES", "TIME+", "VIRT")),
                "-p": _PID,
                "-u": Name("USER"),
            },
        ),
        otherwise=(
            Otherwise(unless=("-b",), words=("-b",)),
            Otherwise(unless=("-n",), words=("-n", "1")),
        ),
    ),
    Action(
        name="vmstat",
        example="vmstat 1 5",
        flags=Flags(letters="aDdnstw", words=("--stats", "--disk", "--wide")),
        forms=(NOTHING, _SAMPLES),
    ),
    Action(
        name="iostat",
        example="iostat -x 1 3",
        flags=Flags(letters="xdkmcthyzN"),
        forms=(NOTHING, _SAMPLES),
    ),
    Action(name="uname", example="uname -a", flags=Flags(letters="amnioprsv", words=("--all",))),
    Action(
        name="hostname",
        example="hostname -f",
        flags=Flags(letters="AIdfis", words=("--fqdn", "--long", "--short", "--all-fqdns")),
    ),
    Action(
        name="date",
        example="date",
        flags=Flags(
            letters="uR",
            words=("-I", "--utc", "--universal", "--rfc-email"),
            valued={
                "--iso-8601": OneOf(("date", "hours", "minutes", "seconds", "ns")),
                "--rfc-3339": OneOf(("date", "seconds", "ns")),
            },
        ),
        forms=(NOTHING, Form(places=(Like(r"\+[%A-Za-z0-9:/_., -]{1,60}", "+FORMAT"),))),
    ),
    Action(name="nproc", example="nproc", flags=Flags(words=("--all",))),
    Action(name="lscpu", example="lscpu", flags=Flags(words=("-e", "-J", "--extended", "--json"))),
    Action(
        name="pgrep",
        example="pgrep -a nginx",
        flags=Flags(letters="acfilnox", words=("--list-full", "--list-name", "--count")),
        forms=(Form(places=(Name(),)),),
    ),
    Action(name="pidof", example="pidof nginx", forms=(Form(places=(Name(),)),)),
    Action(name="echo", example="echo ready", forms=(Form(rest=Text(), most=MOST_PATHS),)),
    *(
        Action(name=name, example=name)
        for name in ("hostnamectl", "lsmod", "lspci", "lsusb", "pwd", "timedatectl")
    ),
)

PROCESSES: Final = (*_PS, *_OTHERS)
