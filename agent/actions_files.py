"""Files and file systems."""

from __future__ import annotations

from typing import Final

from agent.arguments import Name, OneOf, Place, Text, Whole
from agent.limits import LONG_ACTION_SECONDS, MOST_BYTES, MOST_LINES, MOST_PATHS
from agent.matching import Action, Flags, Form

_FILE: Final = Place(
    folders=("/var/log",),
    files=(
        *("/etc/hostname", "/etc/hosts", "/etc/os-release", "/etc/resolv.conf", "/etc/timezone"),
        *("/etc/debian_version", "/etc/redhat-release", "/etc/issue", "/etc/motd"),
        *("/proc/cpuinfo", "/proc/diskstats", "/proc/interrupts", "/proc/loadavg"),
        *("/proc/mdstat", "/proc/meminfo", "/proc/mounts", "/proc/net/dev", "/proc/partitions"),
        *("/proc/pressure/cpu", "/proc/pressure/io", "/proc/pressure/memory"),
        *("/proc/softirqs", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/version"),
        "/proc/vmstat",
    ),
    form="FILE",
)
"""What may be read."""
_LISTED: Final = Place(
    folders=(
        *("/boot", "/etc", "/home", "/media", "/mnt", "/opt", "/run", "/srv", "/usr"),
        *("/tmp", "/var"),  # noqa: S108 - listed, never written
    ),
    files=("/",),
)
"""What may be listed: names and sizes, not contents."""
_DEVICE: Final = Place(folders=("/dev",), form="DEVICE")
_LINES: Final = Whole(1, MOST_LINES)
_BYTES: Final = Whole(1, MOST_BYTES)
_PATHS: Final = Form(rest=_LISTED, most=MOST_PATHS)
_FILES: Final = Form(rest=_FILE, least=1, most=MOST_PATHS)

FILES: Final = (
    Action(
        name="df",
        example="df -h",
        flags=Flags(
            letters="ahHiklmPT",
            words=("--human-readable", "--si", "--inodes", "--local", "--total", "--print-type"),
            valued=dict.fromkeys(("-t", "--type", "-x", "--exclude-type"), Name()),
        ),
        forms=(_PATHS,),
    ),
    Action(
        name="du",
        example="du -sh /var/log",
        flags=Flags(
            letters="abchkmsxS",
            words=("--human-readable", "--summarize", "--total", "--one-file-system"),
            valued={"-d": Whole(0, 9), "--max-depth": Whole(0, 9)},
        ),
        forms=(Form(rest=_LISTED, least=1, most=MOST_PATHS),),
        seconds=LONG_ACTION_SECONDS,
    ),
    Action(
        name="ls",
        example="ls -l /var/log",
        flags=Flags(
            letters="1AFGRSUXacdghiklmnoprstux",
            words=(
                *("--all", "--almost-all", "--human-readable", "--full-time", "--recursive"),
                *("--reverse", "--size", "--inode", "--group-directories-first"),
            ),
            valued={
                "--sort": OneOf(("none", "size", "time", "version", "extension")),
                "--time-style": OneOf(("full-iso", "long-iso", "iso", "locale")),
                "--color": OneOf(("never", "auto")),
            },
        ),
        forms=(_PATHS,),
    ),
    Action(
        name="stat",
        example="stat /var/log",
        flags=Flags(letters="fLt", words=("--file-system", "--terse")),
        forms=(Form(rest=_LISTED, least=1, most=MOST_PATHS),),
    ),
    Action(
        name="cat",
        example="cat /etc/os-release",
        flags=Flags(letters="bnsAETv", words=("--number", "--show-all", "--squeeze-blank")),
        forms=(_FILES,),
    ),
    *(
        Action(
            name=name,
            example=f"{name} -n 50 /var/log/syslog",
            flags=Flags(
                letters=letters,
                words=("--quiet", "--verbose"),
                valued={"-n": _LINES, "--lines": _LINES, "-c": _BYTES, "--bytes": _BYTES},
                count="-n",
            ),
            forms=(_FILES,),
        )
        # What tail follows ends with the action's time, or when somebody stops it.
        for name, letters in (("head", "qv"), ("tail", "fqv"))
    ),
    Action(
        name="wc",
        example="wc -l /var/log/syslog",
        flags=Flags(letters="lwcmL", words=("--lines", "--words", "--bytes", "--chars")),
        forms=(_FILES,),
    ),
    Action(
        name="grep",
        example="grep -i error /var/log/syslog",
        flags=Flags(
            letters="EFHachinosvwx",
            words=("--ignore-case", "--count", "--line-number", "--invert-match"),
            valued=dict.fromkeys(("-A", "-B", "-C", "-m"), Whole(0, MOST_LINES)),
        ),
        forms=(Form(places=(Text("PATTERN"),), rest=_FILE, least=1, most=MOST_PATHS),),
    ),
    Action(
        name="lsblk",
        example="lsblk -f",
        flags=Flags(letters="SabdfilmnprstTJP", words=("--fs", "--all", "--bytes", "--json")),
        forms=(Form(rest=_DEVICE, most=MOST_PATHS),),
    ),
    Action(
        name="mount",
        example="mount",
        flags=Flags(letters="l", valued={"-t": Name("TYPE")}),
    ),
    Action(
        name="findmnt",
        example="findmnt",
        flags=Flags(letters="Dabl", valued={"-t": Name("TYPE")}),
    ),
)
