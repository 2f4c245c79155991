"""Which links Telegram accepts, and how it writes them.

Restates parse_url in tdutils HttpUrl.cpp and check_link_impl in td LinkManager.cpp.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

_SCHEMES: Final = ("tg", "ton", "tonsite")
_PART: Final = re.compile(r"(?:[A-Za-z0-9.\-_!$,~*'();&+=]|%[0-9A-Fa-f]{2}|[^\x00-\x7f])*")
_USERINFO: Final = re.compile(r"(?:[A-Za-z0-9.\-_!$,~*'();&+=:]|%[0-9A-Fa-f]{2}|[^\x00-\x7f])*")
_SPACES: Final = " \t\r\n\0\v"
_HIGHEST_PORT: Final = 65_535
_INT_MAX: Final = 2**31 - 1


class LinkFault(Exception):
    """A link that Telegram does not take, with its reason."""


@dataclass(frozen=True)
class _Address:
    scheme: str
    userinfo: str
    host: str
    port: int
    rest: str
    is_ipv6: bool

    def render(self) -> str:
        userinfo = f"{self.userinfo}@" if self.userinfo else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{userinfo}{self.host}{port}{self.rest}"


def check_link(link: str) -> str:
    """Return the link as Telegram keeps it, or raise the reason it is refused for."""
    lowered = link.lower()
    scheme = next((each for each in _SCHEMES if lowered.startswith(f"{each}:")), None)
    bare = link[len(scheme) + 1 :].removeprefix("//") if scheme else link
    address = _parse_address(bare)
    if scheme:
        return _check_app_link(scheme, bare, address)
    if "." not in address.host and not address.is_ipv6:
        raise LinkFault("Wrong HTTP URL")
    return address.render()


def find_link(link: str) -> str | None:
    """Return the link as Telegram keeps it, or nothing: markup drops a bad link silently."""
    try:
        return check_link(link)
    except LinkFault:
        return None


def describe_fault(link: str, fault: LinkFault) -> str:
    """Say about a refused link what Telegram says."""
    return f"URL '{link}' is invalid: {fault}"  # LinkManager.cpp check_link


def parse_user_link(link: str) -> int | None:
    """Parse `tg://user?id=…` into the user's id."""
    query = _app_query(link.lower(), "user")
    value = _parameters(query).get("id") if query is not None else None
    return _integer(value) if value is not None and (_integer(value) or 0) > 0 else None


def parse_emoji_link(link: str) -> str | None:
    """Parse `tg://emoji?id=…` into the custom emoji's id."""
    query = _app_query(link, "emoji")
    value = _parameters(query).get("id") if query is not None else None
    return str(_integer(value)) if value is not None and _integer(value) else None


def parse_time_link(link: str) -> tuple[int, str] | None:
    """Parse `tg://time?unix=…&format=…` into the time and its format."""
    query = _app_query(link, "time")
    if query is None:
        return None
    parameters = _parameters(query)
    moment = _integer(parameters.get("unix", ""))
    if moment is None or not 0 < moment <= _INT_MAX:
        return None
    return moment, parameters.get("format", "")


def _check_app_link(scheme: str, bare: str, address: _Address) -> str:
    if (
        bare.lower().startswith("http://")
        or address.scheme == "https"
        or address.userinfo
        or address.port
        or address.is_ipv6
    ):
        raise LinkFault("Wrong tg URL" if scheme == "tg" else "Wrong ton URL")
    allowed = r"[A-Za-z0-9\-_.]*" if scheme == "tonsite" else r"[A-Za-z0-9\-_]*"
    if not re.fullmatch(allowed, address.host):
        raise LinkFault("Unallowed characters in URL host")
    rest = address.rest.removeprefix("/") if address.rest.startswith("/?") else address.rest
    return f"{scheme}://{address.host}{rest}"


def _parse_address(url: str) -> _Address:
    scheme, rest = _take_scheme(url)
    end = next((at for at, char in enumerate(rest) if char in "/?#"), len(rest))
    authority, tail = rest[:end], rest[end:]
    authority, port = _take_port(authority)
    userinfo, _, host = authority.rpartition("@")
    is_ipv6 = host.startswith("[") and host.endswith("]")
    if is_ipv6:
        _check_ipv6(host[1:-1])
    if not host:
        raise LinkFault("URL host is empty")
    if host == ".":
        raise LinkFault("Host is invalid")
    if not is_ipv6:
        _check_part(_PART, host, "host")
        _check_part(_USERINFO, userinfo, "userinfo")
    return _Address(scheme, userinfo, _ascii_lower(host), port, _quote_tail(tail), is_ipv6)


def _take_scheme(url: str) -> tuple[str, str]:
    match = re.match(r"[^:/?#@\[\]]*", url)
    head = match.group() if match else ""
    if not url[len(head) :].startswith("://"):
        return "http", url
    if head.lower() not in {"http", "https"}:
        raise LinkFault("Unsupported URL protocol")
    return head.lower(), url[len(head) + 3 :]


def _take_port(authority: str) -> tuple[str, int]:
    at = max(authority.rfind(mark) for mark in ":]@")
    if at <= 0 or authority[at] != ":":
        return authority, 0
    port = _integer(authority[at + 1 :].lstrip("0"))
    if port is None or not 0 < port <= _HIGHEST_PORT:
        raise LinkFault("Wrong port number specified in the URL")
    return authority[:at], port


def _check_ipv6(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
    except ValueError as error:
        raise LinkFault("Wrong IPv6 address specified in the URL") from error


def _check_part(pattern: re.Pattern[str], part: str, name: str) -> None:
    if pattern.fullmatch(part):
        return
    match = pattern.match(part)
    if match and part[match.end() :].startswith("%"):
        raise LinkFault(f"Wrong percent-encoded symbol in URL {name}")
    raise LinkFault(f"Disallowed character in URL {name}")


def _quote_tail(tail: str) -> str:
    tail = tail.rstrip(_SPACES) or "/"
    slash = "" if tail.startswith("/") else "/"
    return slash + "".join(f"%{ord(char):02X}" if char <= " " else char for char in tail)


def _app_query(link: str, host: str) -> str | None:
    match = re.match(rf"tg:(?://)?{host}/?\?([^#]*)", link, re.IGNORECASE)
    return match.group(1) if match else None


def _parameters(query: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in query.split("&"))
    first: dict[str, str] = {}
    for name, _, value in pairs:
        first.setdefault(name, value)
    return first


def _integer(text: str) -> int | None:
    # td to_integer_safe: what is read must be written the same way again
    return int(text) if re.fullmatch(r"0|-?[1-9][0-9]{0,18}", text) else None


def _ascii_lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)
