"""Every number of the agent, with its unit and where it comes from."""

from __future__ import annotations

from typing import Final

# Orders
CLOCKS_APART_SECONDS: Final = 5.0  # chosen: how far ahead the bridge's clock may be

# Commands and their words
COMMAND_CHARACTERS: Final = 4096  # Bot API: a message has no more
COMMAND_WORDS: Final = 64  # chosen: more than anybody types by hand
WORD_CHARACTERS: Final = 1024  # chosen: longer than any path or pattern that people type
SHOWN_CHARACTERS: Final = 60  # chosen: as much of a wrong word as a phone shows in a line
HOST_CHARACTERS: Final = 253  # RFC 1035: a name in text
UNIT_CHARACTERS: Final = 255  # systemd: UNIT_NAME_MAX less its end
PATTERN_CHARACTERS: Final = 200  # chosen: what is searched for is a few words
HIGHEST_PORT: Final = 65535  # RFC 9293: sixteen bits
ACTION_SECONDS: Final = 30.0  # issue 5: an action's time, where it has none of its own
LONG_ACTION_SECONDS: Final = 120.0  # chosen: walking a large folder, crossing a network
MOST_ACTION_SECONDS: Final = 3600.0  # chosen: what an owner may give an action of theirs
MOST_LINES: Final = 10_000  # chosen: more is a file to fetch, not to read
MOST_BYTES: Final = 1_000_000  # chosen: the same for `-c`
MOST_PINGS: Final = 20  # chosen: fits an action's time at one a second
MOST_SAMPLES: Final = 10  # chosen: fits an action's time at the longest pause
MOST_PAUSE_SECONDS: Final = 3  # chosen: the same
MOST_PATHS: Final = 8  # chosen: more is a pattern, and patterns are a shell's
HIGHEST_PID: Final = 4_194_304  # Linux: PID_MAX_LIMIT on 64 bits
OWNER_FILE_BYTES: Final = 256 * 1024  # chosen: thousands of actions

# The ceiling
CEILING_BYTES: Final = 256  # chosen: one word and room for a mistake that can be shown

# What listens
TABLE_PIECE_BYTES: Final = 64 * 1024  # chosen: four hundred sockets
FIRST_DESCRIPTORS: Final = 64  # chosen: what a program has opened by the time it listens
COMMAND_NAME_BYTES: Final = 64  # Linux: 16 for a process's name; kernel threads have up to 64
END_GRACE_SECONDS: Final = 5.0  # chosen: between TERM and KILL for whoever listens
END_SURE_SECONDS: Final = 1.0  # chosen: the kernel frees a killed process's port well within this
END_AGAIN_SECONDS: Final = 0.3  # systemd: RestartSec is 100 ms by default
END_LOOK_SECONDS: Final = 0.1  # chosen: reading 20,000 sockets takes half of it

# Processes and sessions
TOP_SAMPLE_SECONDS: Final = 0.5  # chosen: fifty ticks of a processor, and nobody waits
MOST_TOP: Final = 50  # chosen: a message's worth of lines
MOST_SESSIONS: Final = 500  # chosen: a message's worth, many times over
WHO_SECONDS: Final = 5.0  # chosen: `who` only reads a file

# The root helper
ROOT_REQUEST_BYTES: Final = 512 * 1024  # 20,000 inodes of ten digits, and as much again
ROOT_ANSWER_BYTES: Final = 4 * 1024 * 1024  # as many processes named, or a log's piece as base64
ROOT_REQUEST_SECONDS: Final = 2.0  # chosen: both ends are on this machine
ROOT_ANSWER_SECONDS: Final = 10.0  # an end with its grace, and a margin
ROOT_AT_ONCE: Final = 4  # chosen: one agent asks, for few people
AUTH_LOG_PIECE_BYTES: Final = 256 * 1024  # chosen: a thousand lines at a time
