"""The image's words: which program a container is. `healthy` is answered by opswire.sh itself.

`opswire bridge people list` inside the bridge's container asks the console, with the settings that
the bridge itself has.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy.image.wiring import wire

SECRETS = Path("/run/secrets")
USAGE = "opswire config | bridge [words of the console] | sandbox | healthy PORT PATH"


def main(words: list[str]) -> int:
    """Become the program that the first word names."""
    match words:
        case ["bridge", *rest]:
            become("bridge", rest, read_settings())
        case ["sandbox", *rest]:
            become("sandbox", rest, dict(os.environ))
        case ["config"]:
            from deploy.image.config import keep_configuration  # noqa: PLC0415 - watches files

            return keep_configuration(read_settings())
    print(f"usage: {USAGE}", file=sys.stderr)
    return 2


def read_settings() -> dict[str, str]:
    """Read what this container was given."""
    return wire(os.environ, SECRETS)


def become(module: str, words: list[str], environ: dict[str, str]) -> None:
    """Put a program in the place of this one, so that it gets the signals itself."""
    os.execve(sys.executable, [sys.executable, "-m", module, *words], environ)  # noqa: S606 - ours


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
