"""The second way out: everything Apprise can reach, from e-mail to SMS.

Its addresses are secrets, and its plugins log what they call. So the library is not heard at all:
what we log is which destination failed, never why in its words.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from bridge import limits
from bridge.clients.threads import call_apart
from bridge.errors import Mistake, Outage

PARTY: Final = "the second way out"
_LOOPBACK: Final = "localhost,127.0.0.1,::1"


class Notifications:
    """Destinations by name: the scheme of an address and a digest of the whole."""

    def __init__(self, addresses: Iterable[tuple[int, str]]) -> None:
        """Take the addresses, each with the number of its line.

        Raises:
            Mistake: lines that the library does not understand; they are named by their numbers.
        """
        _silence()
        _keep_loopback_direct()
        self._destinations: dict[str, Callable[[str, str], object]] = {}
        self._busy: set[str] = set()
        wrong = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what it says of its own imports is no news here
            create = _create_factory()
            for number, address in addresses:
                notify = create(address)
                if notify is None:
                    wrong.append(number)
                else:
                    self._destinations[_name(address)] = notify
        if wrong:
            lines = f"line {wrong[0]}" if len(wrong) == 1 else f"lines {', '.join(map(str, wrong))}"
            raise Mistake(f"{lines}: no address that Apprise understands")

    @property
    def names(self) -> Sequence[str]:
        """Name the destinations, as logs and the store do."""
        return tuple(self._destinations)

    async def send(
        self, name: str, title: str, body: str, *, taken_late: Callable[[], None] | None = None
    ) -> None:
        """Send a plain text to one destination.

        One that takes it when nobody waits any more is reported to `taken_late`.

        Raises:
            Outage: it did not take it, or not in time.
        """
        if name in self._busy:
            raise Outage(PARTY, f"{name} still hangs on the text before")
        self._busy.add(name)
        notify, faults, is_late = self._destinations[name], ["did not end"], False

        def call() -> str:
            faults[0] = _find_fault(lambda: notify(title, body))
            return faults[0]

        def end() -> None:
            self._busy.discard(name)
            if is_late and taken_late is not None and not faults[0]:
                taken_late()

        answer = call_apart(PARTY, call, end, name="second-way")
        try:
            async with asyncio.timeout(limits.NOTIFY_SECONDS):
                fault = await answer
        except TimeoutError:
            is_late = True
            raise Outage(PARTY, f"{name} did not answer in {limits.NOTIFY_SECONDS} s") from None
        if fault:
            raise Outage(PARTY, f"{name} {fault}")


def _find_fault(call: Callable[[], object]) -> str:
    """Say in words what goes wrong; nothing where the text is taken."""
    try:
        return "" if call() else "did not take it"
    except Exception as foreseen:  # noqa: BLE001 - a hundred plugins raise what they like
        # Its words may quote the address.
        return f"failed ({type(foreseen).__name__})"


def _create_factory() -> Callable[[str], Callable[[str, str], object] | None]:
    # Loads some 140 plugins, which takes a second and 25 MB; only who has set this pays for it.
    import apprise  # noqa: PLC0415 - see above

    asset = apprise.AppriseAsset(
        app_id="Opswire",
        app_desc="Opswire",
        secure_logging=True,
        service_timeout=0,  # the limit is ours: its own would keep a pool of threads
    )

    def create(address: str) -> Callable[[str, str], object] | None:
        try:
            service: Any = apprise.Apprise.instantiate(address, asset=asset)
        except Exception:  # noqa: BLE001 - a hundred plugins raise what they like
            return None
        if service is None:
            return None
        if "overflow=" not in address:
            service.overflow_mode = apprise.OverflowMode.SPLIT  # nothing is cut unasked
        one = apprise.Apprise(asset=asset)
        one.add(service)
        return lambda title, body: one.notify(
            title=title, body=body, body_format=apprise.NotifyFormat.TEXT
        )

    return create


def _name(address: str) -> str:
    scheme = address.partition("://")[0].lower()
    return f"{scheme}-{hashlib.sha256(address.encode()).hexdigest()[:10]}"


def _silence() -> None:
    """Let the library log nothing: it quotes addresses, and answers that quote them."""
    library = logging.getLogger("apprise")
    library.setLevel(logging.CRITICAL + 1)
    library.propagate = False
    library.addHandler(logging.NullHandler())


def _keep_loopback_direct() -> None:
    """Keep calls to this machine out of a proxy for the outside.

    The plugins take proxies from the environment, which is right for the outside, and this is the
    only place they look for exceptions.
    """
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if _LOOPBACK not in direct:
        os.environ["no_proxy"] = f"{direct},{_LOOPBACK}".strip(",")
