"""Every number of the agent, with its unit and where it comes from."""

from __future__ import annotations

from typing import Final

# Orders
CLOCKS_APART_SECONDS: Final = 5.0  # chosen: how far ahead the bridge's clock may be

# Jobs
JOBS_AT_ONCE: Final = (
    24  # chosen: 20 at once are measured; each has a runner of some 2 MB beside it
)
JOB_GRACE_SECONDS: Final = 1.0  # chosen: between TERM and KILL; the half of what an end may take
JOB_END_SECONDS: Final = 1.8  # issue: nothing is left within 2 s; the rest is for saying so
JOB_SWEEP_SECONDS: Final = (
    0.02  # chosen: how long the killed get to die before who is left is asked
)
JOB_FREEZE_SECONDS: Final = 0.3  # chosen: at most this long until a fork bomb stands still
JOB_PERSISTS_SECONDS: Final = 1.0  # chosen: how often what the kernel keeps is killed once more
JOB_DRAIN_SECONDS: Final = (
    0.5  # chosen: what is in the pipes after the end is read at once or never
)
JOB_WATCH_SECONDS: Final = (
    3.0  # chosen: past the time and the end of a job, its runner hangs itself
)

# What one process of a job may take
JOB_ADDRESS_BYTES: Final = 4 * 1024**3  # chosen: programs in Go and V8 reserve 1 to 2 GiB unused
JOB_PROCESSES: Final = 256  # chosen: threads of the job user at once, all jobs; a pipeline has 10
JOB_FILE_BYTES: Final = (
    64 * 1024**2
)  # chosen: a job writes to its output; no file of it fills a disk
JOB_FILES: Final = 1024  # chosen: what Linux gives a process as its soft limit
JOB_CORE_BYTES: Final = 0  # chosen: a core would hold what the job had read

# Starting
BIRTH_BYTES: Final = (
    192 * 1024
)  # chosen: an order of 64 KiB fits; below the kernel's 208 KiB a message
BIRTH_SECONDS: Final = 5.0  # chosen: a start takes milliseconds; a host that is dying, seconds
BIRTH_ATTEMPTS: Final = 2  # chosen: one that died before it began has a successor
NURSERY_BREAK_SECONDS: Final = (
    1.0  # chosen: a fork server that dies at once is not started in a loop
)
NURSERY_END_SECONDS: Final = 3.0  # chosen: jobs end within 2 s; it stays until then

# Output
HEAD_BYTES: Final = 64 * 1024  # issue: the first 64 KiB are kept and sent
TAIL_BYTES: Final = 64 * 1024  # issue: and the last; escaped sevenfold they fit wire.LINE_BYTES
PIECES: Final = 4096  # chosen: events kept of a job; two streams may alternate a byte at a time
PIECE_SECONDS: Final = 0.2  # chosen: five pieces a second are more than a chat can show
PROGRESS_SECONDS: Final = 1.0  # chosen: a chat is edited once a second at most
PROGRESS_LINES: Final = 5  # chosen: the last lines under a message on a phone
PROGRESS_BYTES: Final = 1024  # chosen: of lines that never end
READ_BYTES: Final = 64 * 1024  # pipe(7): what a pipe holds
READ_TICK_SECONDS: Final = 0.01  # chosen: reading pauses this long once it has had its share
READ_TICK_BYTES: Final = 256 * 1024  # chosen: 25 MiB/s of one job; a core hashes that in 5 to 10 %
KEPT_BYTES: Final = 4 * 1024**2  # chosen: a file to read on a phone; Telegram takes 50 MB
KEPT_FILES: Final = 32  # chosen: 128 MiB of disk at most
JOBS_REPLAYED: Final = 8  # chosen: ended jobs whose output stays in memory, 0.25 MB each

# The agent's own record
RECORD_BYTES: Final = 1024**2  # chosen: of each of two files; some 3,000 jobs in one
RECORDED_JOBS: Final = (
    2000  # chosen: known again by their ids; an order is worth nothing after 60 s
)
RECORDED_CHARACTERS: Final = 500  # chosen: of a command; a chat allows 4,096
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
# Logins
LOG_LOOK_SECONDS: Final = 1.0  # chosen: with the way to the chat well within its five seconds
LOG_LINE_BYTES: Final = 8192  # rsyslog's largest message, as it is shipped
LOG_READ_BYTES: Final = 1024 * 1024  # chosen: of a file, in one look; the next look reads on
HELPER_PIECES: Final = 16  # chosen: pieces that the root helper is asked for in one look
LOG_TAIL_BYTES: Final = (
    256  # chosen: so much of what was read tells whether a file is still the same
)
LOG_LEFT_SECONDS: Final = 60.0  # chosen: a writer opens its new file within seconds of a rotation
LOG_LEFT_FILES: Final = 2  # chosen: rotated files that are still read
LOG_SIBLINGS: Final = 8  # chosen: rotated files among which a copy is looked for
LOG_MISSING_SECONDS: Final = (
    10.0  # chosen: between a rotation and the next line a log may be missing
)
LOG_MARK_SECONDS: Final = 900.0  # chosen: what is older when the agent comes back is no news
JOURNAL_LINES: Final = 2000  # chosen: entries of the journal read ahead
JOURNAL_LINE_BYTES: Final = (
    32 * 1024
)  # chosen: sshd has 1 KB to say, twenty where each byte is a number; longer is nobody's of ours
JOURNAL_WAIT_SECONDS: Final = 0.3  # chosen: who may not read the journal is told so within this
JOURNAL_AGAIN_SECONDS: Final = (1.0, 60.0)  # chosen: how soon the journal's reader starts again
COMPLAINT_CHARACTERS: Final = 300  # chosen: of what a program says as it fails
SESSIONS_KEPT: Final = 4096  # chosen: open sessions, and connections that tried, of a busy host
ATTEMPT_SECONDS: Final = 600.0  # five times sshd's LoginGraceTime, as it is shipped
FAILURES_SECONDS: Final = 60.0  # the contract: 1,000 in a minute are two messages
FAILURES_NAMED: Final = 1000  # chosen: names and addresses told apart in that time
LOGIN_NAME_CHARACTERS: Final = 100  # sshd writes no more of a name
EVENTS_KEPT: Final = 10_000  # chosen: a week of a busy host, 4 MB
WATCH_SILENT_SECONDS: Final = 30.0  # chosen: a watch that has not looked for so long hangs
WATCH_AGAIN_SECONDS: Final = 5.0  # chosen: how soon a watch that failed begins again
LETTER_SECONDS: Final = 10.0  # chosen: the bridge keeps a letter within milliseconds
LETTER_ANSWER_BYTES: Final = 64 * 1024  # chosen: more of an answer is not read
LETTER_AGAIN_SECONDS: Final = (1.0, 60.0)  # chosen: a bridge that is back has all within a minute
REFUSALS_ANSWERED: Final = 20  # chosen: refusals in a minute that get a sentence and a log line
REFUSALS_SECONDS: Final = 60.0  # chosen: over how long those are counted
ORDER_READ_SECONDS: Final = 10.0  # chosen: an order is one packet; what drips slower is no bridge
# chosen: who takes nothing for so long is gone, though the connection still stands
SEND_SECONDS: Final = 20.0
NONCES_KEPT: Final = 10_000  # chosen: orders of the last minute, 3 MB; no bridge sends so many
NONCES_WRITTEN: Final = 2000  # chosen: lines after which the expired ones are left out, 160 kB
JOB_SECONDS: Final = 30.0  # the issue: how long a job may take that says nothing else
ASKED_SECONDS_LONGEST: Final = 3600.0  # chosen: nobody waits longer for a job in a chat
PROCESSES_SHOWN: Final = 50  # chosen: as many as a message of a chat holds
FETCH_PIECE_BYTES: Final = 64 * 1024  # a line of wire.py holds it, escaped six times over

# The agent's own door
CONNECTIONS: Final = 100  # chosen: the bridge's jobs, Prometheus, and room; each costs 300 kB
CALLERS: Final = 200  # chosen: connections of all callers, strangers too; of one, as many as above
KEEP_ALIVE_SECONDS: Final = 20  # chosen: beyond the scrape interval, so that scrapes stay connected
STOP_SECONDS: Final = 3  # chosen: what runs is told of the end, and nobody waits long for it
BACKLOG: Final = 128  # chosen: connections that wait to be taken
# chosen: a bridge that a dead network hides is noticed within 25 s, where it says nothing
KEEPALIVE_IDLE_SECONDS: Final = 10
KEEPALIVE_APART_SECONDS: Final = 5
KEEPALIVE_PROBES: Final = 3
# the same for one that it does say something to: the kernel would try for 15 minutes
UNHEARD_MILLISECONDS: Final = 1000 * (
    KEEPALIVE_IDLE_SECONDS + KEEPALIVE_APART_SECONDS * KEEPALIVE_PROBES
)

# Enrolment
CODE_BYTES: Final = 4096  # chosen: a code has 300 characters
DOOR_SECONDS: Final = 15.0  # chosen: a person waits at the console
DOOR_ANSWER_BYTES: Final = 64 * 1024  # chosen: two certificates and a few words
SENTENCE_CHARACTERS: Final = 500  # chosen: what a terminal shows of a refusal
