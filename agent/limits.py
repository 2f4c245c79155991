"""Every number of the agent, with its unit and where it comes from."""

from __future__ import annotations

from typing import Final

# Orders
CLOCKS_APART_SECONDS: Final = 5.0  # chosen: how far ahead the bridge's clock may be
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
KEEP_ALIVE_SECONDS: Final = 20  # chosen: beyond the scrape interval, so that scrapes stay connected
STOP_SECONDS: Final = 3  # chosen: what runs is told of the end, and nobody waits long for it
BACKLOG: Final = 128  # chosen: connections that wait to be taken
# chosen: a bridge that a dead network hides is noticed within 25 s, where it says nothing
KEEPALIVE_IDLE_SECONDS: Final = 10
KEEPALIVE_APART_SECONDS: Final = 5
KEEPALIVE_PROBES: Final = 3

# Enrolment
CODE_BYTES: Final = 4096  # chosen: a code has 300 characters
DOOR_SECONDS: Final = 15.0  # chosen: a person waits at the console
DOOR_ANSWER_BYTES: Final = 64 * 1024  # chosen: two certificates and a few words
SENTENCE_CHARACTERS: Final = 500  # chosen: what a terminal shows of a refusal
