"""The bridge as it is, but with shorter spans: `python -m tests.live.hurried`.

Nobody wants to watch for minutes that minutes are waited. What is shortened comes as JSON, in
seconds: names of `bridge/limits.py` in capitals, settings in small letters.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bridge import limits
from bridge.app import run
from bridge.logs import set_up_logs
from bridge.settings import Settings, read_environment

VARIABLE = "HURRIED"


def main() -> None:
    """Run the bridge until it is told to stop."""
    spans = {
        name: timedelta(seconds=seconds)
        for name, seconds in json.loads(os.environ[VARIABLE]).items()
    }
    for name in filter(str.isupper, spans):
        assert isinstance(getattr(limits, name), timedelta), name
        setattr(limits, name, spans[name])
    given = Settings.load(read_environment(Path.cwd()))
    patience = spans.get("watchdog_patience", given.watchdog_patience)
    away = spans.get("notify_after", given.notify_after)
    settings = replace(given, watchdog_patience=patience, notify_after=away)
    set_up_logs(settings.log_level, settings.log_format, settings.secrets())
    asyncio.run(run(settings))


if __name__ == "__main__":
    main()
