"""The agent's command line: run it, or make this host known to a bridge.

The only place that ends the process.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path

from agent import __version__
from agent.settings import Settings, SettingsError

_FAILED = 1
_WRONG_SETTINGS = 2
_IN_USE = os.EX_TEMPFAIL  # sysexits.h: whoever starts programs should try again
_DESCRIPTION = "One host's hands: runs for the bridge what this host allows, and no more."
_SETTINGS = """settings (environment; docs/agent-settings.md has the table):
  AGENT_HOST, AGENT_PORT   where to listen (127.0.0.1, 8001)
  AGENT_STATE_DIR          keys and records (/var/lib/opswire-agent)
  AGENT_CEILING_FILE       what is allowed at most (/etc/opswire/ceiling)
  AGENT_ACTIONS_FILE       actions of your own (/etc/opswire/actions.yml)"""
_CODE_AMONG_WORDS = (
    "a code never stands in a command line, where everybody on this host can read it: ask for "
    "another one, and give it by standard input"
)


def main() -> int:
    """Run the agent, or enrol its host; answer the exit code."""
    wish = _parse_words(sys.argv[1:])
    try:
        settings = Settings.load(os.environ)
        return _enrol(wish, settings) if wish.deed == "enrol" else _run(settings)
    except SettingsError as error:
        for fault in error.faults:
            _say(str(fault))
        is_worth_a_try = wish.deed is None and error.is_passing
        return _IN_USE if is_worth_a_try else _WRONG_SETTINGS


def _run(settings: Settings) -> int:
    logging.basicConfig(
        level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # its own start and stop
    for notice in settings.notices:
        logging.getLogger("agent").warning("%s", notice)
    # FastAPI takes half a second to import; --help and a wrong setting do not wait.
    import asyncio  # noqa: PLC0415 - see above

    from agent.app import run  # noqa: PLC0415 - see above
    from agent.parts import build_handlers  # noqa: PLC0415 - see above

    asyncio.run(run(settings, build=build_handlers))
    return 0


def _enrol(wish: argparse.Namespace, settings: Settings) -> int:
    # The libraries of certificates are loaded where they are needed, and by no running agent.
    from agent.codes import WrongCode, parse_code, read_code  # noqa: PLC0415 - see above
    from agent.enrol import NotEnrolled, become_owner, enrol  # noqa: PLC0415 - see above

    try:
        code = parse_code(read_code(wish.code_file))
        become_owner(settings)
        enrolled = enrol(code, settings)
    except WrongCode as fault:
        _say(str(fault))
        return _WRONG_SETTINGS
    except NotEnrolled as fault:
        _say(f"not enrolled: {fault}")
        return _FAILED
    print(  # noqa: T201 - the console is where it is read
        f"enrolled as {enrolled.host}; the bridge will look for the agent at {enrolled.address}. "
        "Now start the agent, or start it again: python -m agent"
    )
    return 0


def _parse_words(words: list[str]) -> argparse.Namespace:
    # argparse would print a word that it does not know, and with it the secret.
    if any("opswire1." in word for word in words):
        _say(_CODE_AMONG_WORDS)
        sys.exit(_WRONG_SETTINGS)
    parser = argparse.ArgumentParser(
        prog="python -m agent",
        description=_DESCRIPTION,
        epilog=_SETTINGS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"opswire agent {__version__}")
    parser.set_defaults(deed=None)
    deeds = parser.add_subparsers(metavar="[enrol]", title="beside the agent")
    deed = deeds.add_parser(
        "enrol", help="make this host known to a bridge, with a code that it gave"
    )
    deed.set_defaults(deed="enrol")
    deed.add_argument(
        "--code-file",
        type=Path,
        metavar="FILE",
        help="read the code from a file of mode 600; without this, from standard input",
    )
    return parser.parse_args(words)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201 - the console is where it is read


if __name__ == "__main__":
    sys.exit(main())
