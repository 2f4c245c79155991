"""The stack behind start.sh: finds the programs, runs them side by side, watches over them."""

from __future__ import annotations
