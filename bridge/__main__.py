"""The bridge's command line: words → settings → run, or what is done at the console beside it.

The only place that ends the process.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from bridge.console.words import parse_words
from bridge.logs import create_log, set_up_logs
from bridge.settings import Fault, Settings, SettingsError, read_environment

_WRONG_SETTINGS = 2
_IN_USE = os.EX_TEMPFAIL  # sysexits.h: whoever starts programs should try again
_NO_TOKEN = Fault(
    "BOT_TOKEN",
    "is not set, and without it there is no Telegram to send to",
    "the token that @BotFather gives; or run ./start.sh, which brings a local Telegram to try",
)


def main() -> int:
    """Run the bridge, or do what the words ask for; answer the exit code."""
    os.umask(0o077)  # what it keeps is for its own account
    wish = parse_words(sys.argv[1:])
    try:
        settings = Settings.load(read_environment(Path.cwd()))
        if wish.deed is not None:
            return _perform(wish, settings)
        _require_token(settings)
        return _run(settings)
    except SettingsError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)  # noqa: T201 - the console is where it is read
        is_worth_a_try = wish.deed is None and error.is_passing
        return _IN_USE if is_worth_a_try else _WRONG_SETTINGS


def _require_token(settings: Settings) -> None:
    if settings.bot_token is None:
        raise SettingsError((_NO_TOKEN,))


def _perform(wish: Namespace, settings: Settings) -> int:
    # SQLAlchemy takes half a second to import; --help and a wrong word do not wait.
    from bridge.console.perform import perform  # noqa: PLC0415

    return perform(wish, settings)


def _run(settings: Settings) -> int:
    set_up_logs(settings.log_level, settings.log_format, settings.secrets())
    log = create_log("bridge")
    for notice in settings.notices:
        log.warning(notice, action="setting_notice")
    # aiogram and SQLAlchemy take two seconds to import; --help and a wrong setting do not wait.
    import uvloop  # noqa: PLC0415

    from bridge.app import run  # noqa: PLC0415

    # Measured: with uvloop and httptools, which uvicorn takes by itself, webhooks are answered
    # almost three times as fast.
    uvloop.run(run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
