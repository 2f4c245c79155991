"""What every test may rely on, however the suite was started."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Heed Ctrl-C, and let programs under test heed it.

    A shell starts background jobs with SIGINT ignored, and whoever inherits that cannot be told
    otherwise.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
