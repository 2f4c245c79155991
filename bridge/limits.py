"""Every bound the bridge keeps: value, unit, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Pace:
    """So many calls in any span of this length."""

    calls: int
    span: timedelta

    def has_room(self, calls: Iterable[datetime], now: datetime) -> bool:
        """Say whether one more call may be made after these."""
        return self.room_by(calls, now, now) > 0

    def room_by(self, calls: Iterable[datetime], now: datetime, then: datetime) -> int:
        """Count how many more calls may be made from now until then."""
        # An instant of the future comes from a clock that was put back; it counts as now.
        still = sum(min(at, now) > then - self.span for at in calls)
        return max(0, self.calls * (1 + (then - now) // self.span) - still)


# Telegram
MESSAGE_CHARACTERS = 4096  # Bot API sendMessage: code points after entity parsing
MESSAGE_ENTITIES = 100  # observed: further entities are dropped by Telegram
SEND_TIMEOUT_SECONDS = 20  # chosen: Telegram answers within seconds or not at all

# The bot FAQ: about one message a second in a chat, "short bursts" tolerated; edits count here too
CHAT_CALLS = Pace(4, timedelta(seconds=4))
# chosen: a board may start on top of such a burst; from then on it is only edited
CHAT_BOARD_CALLS = Pace(1, timedelta(seconds=1))
GROUP_CALLS = Pace(20, timedelta(minutes=1))  # the bot FAQ: 20 a minute in a group, edits too
# chosen: a board and its edits take the other 11, so it can always start and go on
GROUP_CARD_CALLS = Pace(9, timedelta(minutes=1))
GROUP_BOARD_CALLS = Pace(11, timedelta(minutes=1))  # boards of all topics together
OVERALL_CALLS = Pace(30, timedelta(seconds=1))  # the bot FAQ: about 30 a second in all

# Boards
BOARD_PATIENCE = timedelta(seconds=5)  # chosen: news that would wait longer goes to a board
BOARD_EDITS_WAIT = timedelta(minutes=1)  # chosen: a change that waits longer goes to a board
BOARD_EVERY = timedelta(seconds=6)  # ten edits and the first showing fit the 11 calls of a minute
# chosen: a new critical alert is on the board at once, at most this often; the edit after it comes
# so much later that a minute's calls stay the same
BOARD_HURRY = timedelta(seconds=20)
BOARD_AFTER_HURRY = timedelta(seconds=8)
# chosen: a board that has told of so many alerts is continued by another; its list stays readable
BOARD_ALERTS = 3000
BOARD_CALM = timedelta(seconds=30)  # chosen: a wave is over after so long without a new alert
BOARD_MINUTE = timedelta(minutes=1)  # the span in which a trickle is counted
BOARD_TRICKLE = 4  # chosen: alerts a minute that cards and rings carry with room to spare
BOARD_RING = timedelta(minutes=1)  # chosen: a phone sounds once a minute for what a board shows

# Webhook
WEBHOOK_BYTES = 32 * 1024 * 1024  # the contract with Alertmanager's users
# chosen: eight of the largest; a machine that runs a bridge has that much memory to spare
WEBHOOK_BYTES_TOGETHER = 8 * WEBHOOK_BYTES
BACKUP_LINE_BYTES = 2 * WEBHOOK_BYTES  # a webhook in base64 is a third longer, and its address
BACKUP_BYTES_TOGETHER = 4 * 1024 * 1024  # chosen: rows in memory at a time, but for the largest
DISK_RESERVE_BYTES = 64 * 1024 * 1024  # chosen: room that is left to settle and to purge in
DISK_LOOK = timedelta(seconds=5)  # chosen: how often the room is measured
WEBHOOK_READ_SECONDS = 30  # chosen: a body that drips slower than this is an attack or a dead link
INLINE_PARSE_BYTES = 256 * 1024  # chosen: below this, parsing JSON stalls the loop for under 5 ms
UNREADABLE_CHARACTERS = 3000  # chosen: fits one message beside its headline
UNREADABLE_KEPT = 100_000  # chosen: characters of it that are kept; more helps nobody
UNREADABLE_APART = 3  # chosen: unreadable members of one webhook that get a message each
FOLD_WEBHOOKS = 16  # chosen: webhooks folded in one transaction
FOLD_BYTES = 32 * 1024  # chosen: a transaction of this size holds up others for about 15 ms
# chosen: while so many webhooks wait for their answers, folding rests eight times as long as it
# worked, at most this; a storm that is only read late would be a board that is late
FOLD_RESTS_AT = 8
FOLD_REST_SECONDS = 0.5
THREAD_TURN_SECONDS = 0.0002  # chosen: Python's 5 ms would let each fold delay answers by as much

# Delivery
# three times the send timeout: a claim never overlaps a live attempt
CLAIM_LEASE = timedelta(seconds=60)
BACKOFF_FIRST = timedelta(seconds=1)  # chosen: a dropped connection usually works a second later
# chosen: Telegram back after hours shows cards within a minute
BACKOFF_LONGEST = timedelta(minutes=1)
# chosen: a chat that refuses us is asked again six times an hour
BACKOFF_REFUSED = timedelta(minutes=10)
RATE_LIMIT_LONGEST = timedelta(days=1)  # chosen: a longer wait is a broken server's
# chosen: how soon an outcome that was not kept is written again
SETTLE_AGAIN = timedelta(seconds=1)
WAITING_LOOK = 500  # chosen: messages looked at in one pass; the next pass sees the rest
# chosen: a look that finds nothing to send rests eight times as long as it took, at most this; who
# waits for news does not notice
LOOK_REST_SECONDS = 0.2
# chosen: clocks of several bridges differ by less; by more, one was put back
CLOCKS_APART = timedelta(minutes=1)
DELIVERY_PASS = timedelta(seconds=1)  # chosen: the longest a due message waits for the next look

FOLD_PASS = timedelta(seconds=1)  # chosen: the longest a webhook waits in the journal unwoken
DESTINATION_PASS = timedelta(minutes=10)  # chosen: how often every destination is asked

# Records
BALANCE_PASS = timedelta(minutes=1)  # chosen: how often every alert is accounted for
PURGE_PASS = timedelta(hours=1)  # chosen: how often old records are let go of
READ_PATIENCE = timedelta(seconds=60)  # chosen: a board of many thousands of alerts is read sooner
WRITE_PATIENCE = timedelta(seconds=20)  # chosen: a disk that hangs longer answers 503
UNREADABLE_REPEAT = timedelta(hours=1)  # Alertmanager re-delivers for minutes; later is news again

# Health
HEALTH_PASS = timedelta(seconds=15)  # the default scrape interval
HEALTH_TIMEOUT_SECONDS = 5  # chosen: a probe slower than this is as good as failed
HEALTH_PATIENCE = timedelta(seconds=10)  # chosen: beyond the store's wait for another writer
# chosen: how soon a store that could not be opened is tried again
STORE_REOPEN = timedelta(seconds=2)

# Confirming endings
CONFIRM_PATIENCE = timedelta(seconds=2)  # chosen: no alert waits longer for Prometheus's word
# chosen: a wave of resolves costs a question in five seconds; `up` itself is 15 s old
CONFIRM_MEMORY = timedelta(seconds=5)
PROMETHEUS_TIMEOUT_SECONDS = 5  # chosen: beyond the patience, within a thread's
QUESTION_CHARACTERS = 4000  # chosen: half of what a proxy before Prometheus takes as an address
QUESTION_NAME_CHARACTERS = 1000  # chosen: no host is called anything longer

# Asking for numbers
PROMETHEUS_POINTS = 11_000  # Prometheus's own: more points of a series are refused
CHART_POINTS = 500  # chosen: a point for nearly every two pixels that a picture is wide
CHART_CURVES = 8  # chosen: as many colours as an eye tells apart; the others are counted
STALE_SCRAPES = 2  # chosen: one scrape may be lost, or be under way
STALE_MARGIN = timedelta(seconds=15)  # chosen: an evaluation of the rules behind the scrape
LAST_SEEN = timedelta(days=30)  # chosen: how far back the last sample of a silent host is sought

QUERY_SECONDS = 8  # chosen: every command answers within ten
QUERY_BYTES = 4 * 1024 * 1024  # chosen: 150,000 points; read in a thread, it is 0.2 s of work
QUERY_SERIES = 500  # chosen: more than anybody reads or any picture shows; the others are counted
FLEET_BYTES = 32 * 1024 * 1024  # chosen: of an answer about all hosts, 10,000 of them
FLEET_SERIES = 100_000  # chosen: the same
WARNINGS = 3  # chosen: of an answer; the first ones say what the others repeat
WARNING_CHARACTERS = 300  # chosen: of one of them, or of why a query was refused

# Drawing
CHART_SECONDS = 5  # chosen: fifty times what a large one takes
CHART_PATIENCE_SECONDS = 9  # chosen: with those who are first; a command answers within ten
CHART_WARM_AFTER_SECONDS = 5  # chosen: a bridge that starts has delivered what waited by then
CHART_WORKER_SECONDS = 60  # chosen: the first start looks through all fonts of a slow machine
CHARTS_WAITING = 100  # chosen: what is drawn within the ten seconds in which a command answers
# chosen: whatever a library may leave behind in memory goes with the process
CHARTS_A_WORKER = 2000
CHART_WORKER_COMPLAINTS = 20  # chosen: pieces of what it complains about; more helps nobody

# Reconciling
RECONCILE_PASS = timedelta(seconds=30)  # chosen: as often as a short group_interval
# chosen: Prometheus sends again every minute; after a restart the list is whole well before
ABSENCE = timedelta(minutes=5)
MISSING_SHORTEST = timedelta(minutes=2)  # chosen: beyond the wait of the third cluster member
MISSING_AGAIN = timedelta(minutes=15)  # chosen: how soon an alert that would not open is put again
# chosen: after four missed passes nobody knows what was between
RECONCILE_GAP = timedelta(minutes=2)
VOUCH_AGAIN = timedelta(minutes=10)  # chosen: keeps the writes few
ALERTMANAGER_TIMEOUT_SECONDS = 10  # chosen: a whole list, also from a busy Alertmanager
ALERTMANAGER_BYTES = 64 * 1024 * 1024  # chosen: 50,000 alerts of the usual size
# chosen: how long a receiver that no longer writes counts as one that does
WRITER_KEPT = timedelta(days=30)
WRITER_NOTED = timedelta(days=1)  # chosen: keeps the writes few
FIRING_NOTED = timedelta(minutes=1)  # chosen: far below ABSENCE, and keeps folding cheap
# chosen: what was inhibited often ends one evaluation after what inhibited it
INHIBITION_OVER = timedelta(minutes=1)

# Views
CAPTION_CHARACTERS = 1024  # Bot API sendDocument: code points after entity parsing
RING_CHARACTERS = 300  # chosen: what a phone's notification shows, and one line more
FILE_BYTES = 45 * 1024 * 1024  # Bot API: an upload of at most 50 MB; the rest is for its wrapping
# chosen: a line of a storm's list stays a line; the cards hold the whole text
LISTED_CHARACTERS = 300
TITLE_CHARACTERS = 120  # chosen: the subject of a mail as its list shows it
FIRING_LISTED = 50  # chosen: alerts that somebody who asks is told one by one; the rest is counted

# Chats
# chosen: every command answers within ten seconds; what is being sent has mostly ended by then
LEAVE_PATIENCE = timedelta(seconds=8)
LEAVE_LOOK = timedelta(milliseconds=100)  # chosen: how often is looked whether it has

# Second way out
SECOND_WAY_PASS = timedelta(seconds=5)  # chosen: soon beside the minutes that it waits first
DIGEST_EVERY = timedelta(minutes=1)  # chosen: what changes meanwhile goes into the next one
DIGEST_CHARACTERS = 3500  # chosen: one message of ntfy (4,096 bytes), one screen of a mail
DIGEST_BACKOFF_LONGEST = timedelta(minutes=15)  # chosen: a way that is mended is soon taken again
NOTIFY_SECONDS = 60  # chosen: a slow mail server's greeting takes half of it
# chosen: thrice the longest backoff; who still had something to send would have tried by then
AWAY_DOUBT = timedelta(minutes=3)

# Dead man's switch
WATCHDOG_PASS = timedelta(seconds=15)  # chosen: a silence is told soon after its patience ends
WATCHDOG_WRITTEN = timedelta(seconds=30)  # chosen: keeps the writes few
WATCHDOG_GAP = timedelta(minutes=2)  # chosen: who has not looked for so long was away as well
# chosen: a pipeline that others outlive by so long was taken down or renamed on purpose
PIPELINE_FORGOTTEN = timedelta(days=1)
HEARTBEAT_PASS = timedelta(minutes=1)  # what the services that watch heartbeats expect
HEARTBEAT_TIMEOUT_SECONDS = (
    10  # chosen: a far server's slow answer; the next one is due in a minute
)

# Pipelines
PIPELINES = 50  # chosen: who runs more of them, or names each pod one, reads the log
PIPELINE_CHARACTERS = 200  # chosen: a name is a few labels

# Chat
ANSWER_PATIENCE = timedelta(seconds=8)  # the contract: every command answers within 10 s
ANSWER_SHOWN_WITHIN = timedelta(minutes=1)  # chosen: later nobody looks for it any more
ANSWER_ROOM_WITHIN = timedelta(seconds=5)  # chosen: somebody waits with the phone in the hand
ANSWER_ROOM_LOOK = timedelta(milliseconds=250)  # chosen: as good as at once to a person
ANSWER_LONGEST = timedelta(seconds=60)  # chosen: whoever still waits then has gone on by hand
RESUME_WITHIN = timedelta(minutes=2)  # chosen: an older question is no longer waited for
UPDATE_AGAIN = timedelta(seconds=1)  # chosen: how soon an update is tried that could not be begun
SWEEP_PASS = timedelta(seconds=30)  # chosen: the longest that a stranded update lies
CHANGE_FRESH = timedelta(seconds=60)  # the contract: an older command changes nothing
UPDATES_TOGETHER = 32  # chosen: updates worked on at once; the rest waits in the journal
POLL_SECONDS = 25  # Bot API getUpdates: at most 50; a proxy in between often ends calls at 30
POLL_BACKOFF_LONGEST = timedelta(seconds=30)  # chosen: a bot that is back answers within this
UPDATE_BYTES = 1024 * 1024  # chosen: a message of 4,096 characters with all around it is far below
CALLBACK_CHARACTERS = 200  # Bot API answerCallbackQuery
MENU_DESCRIPTION_CHARACTERS = 256  # Bot API setMyCommands
MENU_PASS = timedelta(minutes=10)  # chosen: menus are set at once; this mends what failed
STRANGER_CALLS = Pace(5, timedelta(minutes=1))  # chosen: enough to read off one's ids
STRANGERS_GROUP_CALLS = Pace(1, timedelta(minutes=1))  # chosen: a group has to carry alerts
STRANGERS_KEPT = 10_000  # chosen: strangers remembered, a few hundred bytes each
REFUSAL_AGAIN = timedelta(days=1)  # the contract: one short refusal, then silence
# People
CODE_BYTES = 16  # 128 bits: a code is not guessed, and two are never alike
CODE_LIFE = timedelta(minutes=30)  # the contract with people: who is asked comes soon
# chosen: who comes too late reads that the link is old, not that there was none
CODE_KEPT = timedelta(days=1)
NAME_CHARACTERS = 100  # chosen: two names of 64 characters are no name to recognise somebody by
BOT_NAME_SECONDS = 5  # chosen: who waits for a link at the console gets it without the name then

# Audit
AUDIT_CHARACTERS = 300  # chosen: a long command is recognised by its beginning
# chosen: what the signed head may lag behind; one write of a file then serves every entry
AUDIT_SEAL_PASS = timedelta(seconds=2)
AUDIT_PURGED_AT_ONCE = 5000  # chosen: a day of a busy bridge, and a quarter of a second
REFUSALS_FOLDED = timedelta(hours=1)  # chosen: a stranger who goes on is one entry an hour
# chosen: strangers told apart; together they write at most so many entries an hour
REFUSALS_STRANGERS = 500
REFUSALS_PASS = timedelta(minutes=1)  # chosen: what the count of those who are gone may lag behind
# chosen: who has been gone so long is forgotten, though nothing could be written down of it
REFUSALS_KEPT = timedelta(days=1)
AUDIT_LINE_CHARACTERS = 60  # chosen: two lines of a phone; the console shows all of it

# Updates
UPDATES_KEPT = timedelta(days=2)  # Telegram sends none again that is older than one day
# chosen: three times the answer's bound; a neighbour that still works on one is not disturbed
UPDATE_AT_WORK = timedelta(seconds=30)

# Answers in the chat
FLEET_PAGE = 20  # chosen: hosts of a page; their names in bold are well within MESSAGE_ENTITIES
STAT_PAGE = 20  # chosen: hosts offered as buttons, two a row: a phone's screen
WORST_HOSTS = 5  # the contract: of the fleet's summary
FILE_SYSTEMS = 8  # chosen: of a host's card, the fullest first; the others are counted
ASKED_HOSTS = 50  # chosen: so many are asked about by name, in a question of a few kB
QUERY_ROWS = 30  # chosen: what is read on a phone; a longer answer is a file
QUERY_CHARACTERS = 300  # chosen: of a text that PromQL yields, such as a string
FILLING = timedelta(days=7)  # chosen: who has longer than a week is told by the percentage

# Jobs on hosts
JOB_HEAD_CHARACTERS = 64 * 1024  # as many as an agent sends piece by piece
JOB_EVERY_PRIVATE = timedelta(seconds=1)  # Telegram: about a message a second in a chat
JOB_EVERY_GROUP = timedelta(seconds=4)  # Telegram: 20 a minute in a group, which alerts share
JOB_LONGEST = timedelta(minutes=10)  # chosen: what runs longer wants a place of its own
JOB_USUAL = timedelta(seconds=30)  # the seed's time limit
JOB_GRACE = timedelta(seconds=10)  # beyond a job's own time: its host ends it within two
JOBS_AT_ONCE = 50  # chosen: commands that people of one bridge run at the same time
BROADCASTS_AT_ONCE = 5  # chosen: of those; each has many outputs in memory
# chosen: of all outputs of one broadcast, beginnings and ends together: 8 MB of plain letters
BROADCAST_KEPT_CHARACTERS = 8 * 1024 * 1024
BROADCAST_HOST_CHARACTERS = 1024  # chosen: of each host at least; a screen of a phone
JOB_WORDS_CHARACTERS = 4096  # Bot API: a message has no more; what a host says of a command
# chosen: of all outputs of one command, on disk from its end until the chat has been told
ENDING_CHARACTERS = 256 * 1024
WRITTEN_AT_ONCE = 64 * 1024  # characters; chosen: five milliseconds, more is written in a thread
JOB_LEASE = timedelta(seconds=45)  # chosen: a bridge that is silent for so long is gone
JOB_LEASE_PASS = timedelta(seconds=5)  # chosen: renewed nine times over; a Stop is seen by then
STOP_AGAIN = timedelta(milliseconds=500)  # chosen: how soon a command is stopped that just began
STOP_WITHIN = timedelta(seconds=5)  # chosen: a host that lives answers within a fraction of it
# an order is good for a minute by its host's clock, which may be behind
ORDER_DEAD = timedelta(seconds=75)
ENDED_AGAIN = timedelta(seconds=1)  # chosen: a database that starts again needs a few of them
TOLD_AGAIN = timedelta(seconds=10)  # chosen: how soon an end is told again that was not shown
TOLD_AGAIN_LONGEST = timedelta(minutes=5)  # chosen: a chat that is back reads of it within this
RESUMED_TOGETHER = 100  # chosen: ends looked for at the same time
BROADCAST_AT_ONCE = 200  # chosen: hosts asked at the same time; each costs a TLS connection
BROADCAST_ASKS = 10  # the issue: more hosts than this are asked about first
QUESTION_OPEN = timedelta(minutes=2)  # chosen: a question that nobody has answered is dropped
QUESTIONS_OPEN = 1000  # chosen: open at the same time, a few hundred bytes each
JOB_RINGS_AFTER = timedelta(seconds=15)  # chosen: nobody watches a screen for longer
CLOSED_PROCESSES = 50  # chosen: more than share a port; a message has as many lines
BROADCAST_SHOWN = 600  # characters of each group of hosts that the message has; a file has all
TOP_USUAL = 8  # chosen: processes on a phone's screen
TOP_MOST = 30
JOBS_KEPT = timedelta(days=7)  # chosen: for as long a button under an ended job finds it
FIRST_SAMPLE_WITHIN = timedelta(minutes=3)  # chosen: Prometheus looks for new hosts every 30 s
FIRST_SAMPLE_LOOK = timedelta(seconds=2)
# chosen: messages with a code that wait for their host; more than anybody gives in half an hour
WAITING_HOSTS = 500
VEILED_CHARACTERS = 12  # chosen: shorter secrets may be words, and those of ours are longer
RESUME_PASS = timedelta(seconds=10)  # chosen: how often a job is asked about after a restart
LETTERS_PASS = timedelta(seconds=1)  # the issue: a login reaches the chat within 5 s
JOBS_PURGE_PASS = timedelta(hours=1)
# Agents
AGENT_CONNECT_SECONDS = 5  # chosen: with its TLS; a host that lives needs a fraction of it
AGENT_PATIENCE_SECONDS = 30  # chosen: of what is told at once, also by a host that is busy
AGENT_ANSWER_BYTES = 64 * 1024 * 1024  # chosen: far beyond what an agent keeps of an output
AGENT_CALM_SECONDS = 1  # chosen: an answer's end follows its last line at once
AGENT_KEPT_SECONDS = 300  # chosen: who works at a host writes the next command within this
AGENT_WORDS_CHARACTERS = 300  # chosen: of an agent's reason for a refusal that nobody has signed
AGENT_SEEN_NOTED = timedelta(minutes=1)  # chosen: keeps the writes few
# chosen: enrolment is done by hand; nobody wants to do it again for every host
CERTIFICATE_LIFE = timedelta(days=3650)
CERTIFICATE_EARLIER = timedelta(days=1)  # chosen: how far a host's clock may be behind
CERTIFICATE_RENEWED = timedelta(days=365)  # chosen: our own are made anew so long before their end
NODE_PORT = 9100  # node_exporter's own default

# The agents' door
ENROLMENT_BYTES = 16 * 1024  # chosen: a request for a certificate has half a kilobyte
LETTER_BYTES = 256 * 1024  # chosen: a letter tells of one thing
DOOR_READ_SECONDS = 10  # chosen: so little arrives at once, or is an attack
DOOR_REFUSALS = Pace(10, timedelta(minutes=1))  # chosen: of one address; a person mistypes less
DOOR_ADDRESSES = 10_000  # chosen: addresses remembered, a few hundred bytes each
DOOR_CONNECTIONS = 2000  # chosen: every host of a large fleet at once, and strangers besides
DOOR_CONNECTIONS_OF_ONE = 200  # chosen: of one address, behind which may be many hosts
DOOR_STAY_SECONDS = 60  # chosen: a letter is one call, of a fraction of a second
DOOR_SHARE = 4  # chosen: of the process's descriptors, strangers have no more than one in so many
DESCRIPTORS = 65_536  # chosen: 1,000 hosts have a connection each while all are asked at once
LETTER_CALLS = Pace(120, timedelta(minutes=1))  # chosen: of one host; it sends the rest later
LETTERS_KEPT = timedelta(days=30)  # chosen: a letter that comes again within it is known
LETTER_AHEAD = timedelta(minutes=5)  # chosen: how far a host's clock may be ahead
LETTERS_TOGETHER = 100  # chosen: letters read in one pass

# The inventory
INVENTORY_BYTES = 4 * 1024 * 1024  # as gen_config.py has it
INVENTORY_TURN_SECONDS = 5  # chosen: another writer needs milliseconds
INVENTORY_TURN_LOOK_SECONDS = 0.02  # chosen: how often is looked whether it is done
# Logins on hosts
LOGIN_CHARACTERS = 256  # chosen: a name, an address or a method; the agent cuts names at 100
LOGIN_COUNT = 1_000_000  # chosen: failures of a minute that no host can have
FAILURES_TOGETHER = timedelta(hours=6)  # chosen: what guesses at a host all day is four messages
FAILURES_EDITED = timedelta(
    minutes=30
)  # chosen: beside that, at each doubling; alerts need the room
JOB_FETCHED_CHARACTERS = 8 * 1024 * 1024  # twice what an agent keeps of an output, in bytes
CARD_PROCESSES = 3  # chosen: on a host's card, where much else stands
CARD_SESSIONS = 5
INSIDE_WITHIN = timedelta(seconds=3)  # chosen: a card does not wait longer for a host's agent
