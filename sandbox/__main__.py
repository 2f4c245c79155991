"""Start a local Telegram: `python -m sandbox`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from sandbox import __version__

if TYPE_CHECKING:
    from sandbox.settings import Settings

_WRONG_SETTINGS = 2
_HISTORY_LOST = 1  # it could be neither written nor read: going on would tell untruths
_DESCRIPTION = """A local Telegram: a Bot API server and a chat page in your browser.
Nothing leaves this machine. Point a bot at it with TELEGRAM_API_BASE."""
_SETTINGS = """settings (environment):
  SANDBOX_HOST       where to listen (127.0.0.1)
  SANDBOX_PORT       the port; 0 takes any free one (8081)
  SANDBOX_STATE_DIR  history, files and the two tokens (./state/sandbox)"""


def main() -> int:
    """Run the sandbox until it is told to end."""
    arguments = _parse_arguments()
    # aiogram alone takes two seconds to load: --help and wrong settings need not wait for it.
    from sandbox.settings import SettingsError, read_settings  # noqa: PLC0415 - see above

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    environment = {**os.environ, **arguments}
    try:
        return asyncio.run(_run(read_settings(environment)))
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a console program speaks by printing
        return _WRONG_SETTINGS
    except KeyboardInterrupt:
        return 0


async def _run(settings: Settings) -> int:
    from sandbox.server import open_sandbox  # noqa: PLC0415 - loads aiogram, see main

    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with open_sandbox(settings) as sandbox:
        print(f"chat page: {sandbox.page_url}", flush=True)  # noqa: T201 - the one line promised
        # The loaded models live until the end: left out of collection, they cost the end nothing.
        gc.freeze()
        lost = asyncio.create_task(sandbox.world.lost.wait())
        told = asyncio.create_task(ended.wait())
        await asyncio.wait({lost, told}, return_when=asyncio.FIRST_COMPLETED)
        lost.cancel()
        told.cancel()
        return _HISTORY_LOST if sandbox.world.lost.is_set() else 0


def _parse_arguments() -> dict[str, str]:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description=_DESCRIPTION,
        epilog=_SETTINGS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"opswire sandbox {__version__}")
    parser.add_argument("--host", dest="SANDBOX_HOST", help="instead of SANDBOX_HOST")
    parser.add_argument("--port", dest="SANDBOX_PORT", help="instead of SANDBOX_PORT")
    parser.add_argument(
        "--state-dir", dest="SANDBOX_STATE_DIR", help="instead of SANDBOX_STATE_DIR"
    )
    given = vars(parser.parse_args())
    return {name: value for name, value in given.items() if value is not None}


if __name__ == "__main__":
    sys.exit(main())
