"""The bridge's command line: arguments → settings → run. The only place that ends the process."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bridge import __version__
from bridge.logs import create_log, set_up_logs
from bridge.settings import Fault, Settings, SettingsError, read_environment

_WRONG_SETTINGS = 2
_NO_TOKEN = Fault(
    "BOT_TOKEN",
    "is not set, and without it there is no Telegram to send to",
    "the token that @BotFather gives; or run ./start.sh, which brings a local Telegram to try",
)


def main() -> int:
    """Run the bridge; answer the exit code."""
    _parse_arguments()
    try:
        settings = Settings.load(read_environment(Path.cwd()))
        _require_token(settings)
        return _run(settings)
    except SettingsError as error:
        for fault in error.faults:
            print(fault, file=sys.stderr)  # noqa: T201 - the console is where it is read
        return _WRONG_SETTINGS


def _parse_arguments() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bridge",
        description="Carries alerts from Alertmanager to Telegram, and loses none.",
        epilog="Everything else is a setting: environment variables or .env; README has the table.",
    )
    parser.add_argument("--version", action="version", version=f"opswire bridge {__version__}")
    parser.parse_args()


def _require_token(settings: Settings) -> None:
    if settings.bot_token is None:
        raise SettingsError((_NO_TOKEN,))


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
