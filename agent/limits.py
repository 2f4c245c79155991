"""Every number of the agent, with its unit and where it comes from."""

from __future__ import annotations

from typing import Final

# Orders
CLOCKS_APART_SECONDS: Final = 5.0  # chosen: how far ahead the bridge's clock may be

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
JOURNAL_LINE_BYTES: Final = 256 * 1024  # chosen: every field at its longest, escaped
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
