"""Settings that are right natively and wrong in a container, told before one is started."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from bridge.settings import SETTINGS, Secret
from deploy.stack.container_plan import list_profiles
from deploy.stack.engine import NATIVE
from deploy.stack.plan import Wishes
from deploy.stack.project import PROFILES
from deploy.stack.suggestion import suggest

CALLED = ("PROMETHEUS_URL", "ALERTMANAGER_URL", "HEARTBEAT_URL")
# The local Telegram comes with a database of its own.
CALLED_FOR_REAL = ("TELEGRAM_API_BASE", "TELEGRAM_PROXY", "DATABASE_URL")


def list_faults(wishes: Wishes) -> list[str]:
    """Name everything that no container could work with; no value is shown."""
    return [
        *_check_addresses(wishes),
        *_check_files(wishes),
        *_check_doors(wishes),
        *_check_profiles(wishes),
    ]


def _check_addresses(wishes: Wishes) -> Iterator[str]:
    """See that nothing is called by the loopback, which is each container's own."""
    for name in (*CALLED, *(() if wishes.is_sandbox else CALLED_FOR_REAL)):
        addresses = _read(wishes, name).split(",")
        if any(_leads_here(address.strip()) for address in addresses):
            yield (
                f"{name} names this machine's loopback, which a container does not reach: give an"
                " address that others reach too, or run ./start.sh --native"
            )


def _read(wishes: Wishes, name: str) -> str:
    """Give an address that a person set, from wherever it comes; empty where none did."""
    if not {name, f"{name}_FILE"} & set(wishes.given):
        return ""
    field = next(setting.field for setting in SETTINGS if setting.name == name)
    value = getattr(wishes.settings, field)
    return value.reveal() if isinstance(value, Secret) else wishes.given[name]


def _leads_here(address: str) -> bool:
    host = urlsplit(address).hostname
    if host is None or host == "localhost":
        return host is not None
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    return number.is_loopback or number.is_unspecified


def _check_files(wishes: Wishes) -> Iterator[str]:
    """See that no file or folder is named that Compose cannot show to a container."""
    if not wishes.is_sandbox and _read(wishes, "DATABASE_URL").startswith("sqlite"):
        yield f"DATABASE_URL names a file, which the bridge's container does not see. {NATIVE}"
    if any("/" in font for font in wishes.settings.chart_fonts):
        yield f"CHART_FONTS names a file, which the bridge's container does not see. {NATIVE}"
    templates = wishes.settings.templates_dir
    for name, path in (("this folder's path", wishes.root), ("TEMPLATES_DIR", templates)):
        if path is not None and ":" in str(path):
            yield f"{name} has a colon, where Compose takes a path for ended. {NATIVE}"


def _check_doors(wishes: Wishes) -> Iterator[str]:
    """See that ports are published at addresses: the engine knows no names."""
    for name in ("SERVER_HOST", "AGENTS_HOST"):
        host = wishes.given.get(name, "")
        if host and host != "localhost":
            try:
                ipaddress.ip_address(host.strip("[]"))
            except ValueError:
                yield f"{name}: the engine publishes at an address, and {host} is a name"


def _check_profiles(wishes: Wishes) -> Iterator[str]:
    for name in list_profiles(wishes):
        if name not in PROFILES:
            hint = suggest(name, PROFILES)
            yield f"COMPOSE_PROFILES: there is no '{name}'{hint}; there are {', '.join(PROFILES)}"
