"""Texts of settings → values. Each parser raises ValueError with the value's fault in words."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from bridge.core.alerts import Severity
from bridge.core.audience import Destination
from bridge.core.inventory import parse_address
from bridge.core.logins import Logouts
from bridge.core.spans import parse_span
from bridge.settings.secret import SecretLines, read_secret_lines

if TYPE_CHECKING:
    from collections.abc import Callable

LANGUAGES: Final = ("en", "zh_TW", "ru")
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS: Final = ("console", "json")
BOT_MODES: Final = ("polling", "webhook")

_INT64_MAX: Final = 2**63 - 1  # Bot API: chat ids fit a signed 64-bit integer
_INT32_MAX: Final = 2**31 - 1  # Bot API: message (and so topic) ids are 32-bit
_PORT_MAX: Final = 65535
_HOST_MAX: Final = 253  # RFC 1035: longest name in text form
_SHOWN_MAX: Final = 60  # chosen: enough of a wrong value to recognise it
_SAMPLE_USERS: Final = "123456789,987654321"  # stands in a widely copied sample file

_TOKEN: Final = re.compile(r"[0-9]{1,16}:[A-Za-z0-9_-]{30,64}")
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]{16,512}=*")  # RFC 6750, b64token
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_CHAT: Final = re.compile(r"(-?[0-9]{1,19})(?:/([0-9]{1,10}))?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_USER: Final = re.compile(r"[0-9]{1,16}")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}://\S+")
_PLACEHOLDER: Final = re.compile(
    r"your[_ -].*|твой[_ -].*|.*[_ -]here|<.*>|x{3,}|\*{3,}|\.{3,}|…|"
    r"change[_ -]?me.*|replace[_ -]?me.*|insert[_ -].*|to[_ -]?do|placeholder|"
    r"123456:ABC-DEF.*",  # the sample token of Telegram's own documentation
    re.IGNORECASE,
)


def is_placeholder(text: str) -> bool:
    """Say whether a text is what sample files put where a value belongs."""
    return bool(_PLACEHOLDER.fullmatch(text)) or re.sub(r"\s", "", text) == _SAMPLE_USERS


def parse_given(parse: Callable[[str], object], text: str) -> object:
    """Parse what a person gave, unless it still is a placeholder."""
    if is_placeholder(text):
        raise ValueError("still is what the sample put there")
    return parse(text)


def render_shown(text: str) -> str:
    """Return a wrong value, quoted and short, for the sentence that names its fault."""
    if _TOKEN.search(text):  # a token pasted into the wrong line
        return "the value"
    return repr(text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…")


def parse_token(text: str) -> str:
    """Accept what @BotFather gives."""
    if not _TOKEN.fullmatch(text):
        raise ValueError("does not look like a bot token")
    return text


def parse_bearer(text: str) -> str:
    """Accept a token that can stand in an Authorization header and is hard to guess."""
    if not _BEARER.fullmatch(text):
        raise ValueError("is too short or has characters a bearer token cannot have")
    return text


def parse_line(text: str) -> str:
    """Accept any text of one line."""
    if not text.isprintable():
        raise ValueError("has control characters")
    return text


def parse_host(text: str) -> str:
    """Accept an address or a name to listen on."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not _is_host(bare):
        raise ValueError(f"{render_shown(text)} is neither an address nor a host name")
    return bare


def parse_port(text: str) -> int:
    """Accept a TCP port."""
    if not _PORT.fullmatch(text) or not 1 <= int(text) <= _PORT_MAX:
        raise ValueError(f"{render_shown(text)} is not a port")
    return int(text)


def parse_any_port(text: str) -> int:
    """Accept a TCP port, or 0 for any free one."""
    return 0 if text == "0" else parse_port(text)


def parse_url(text: str) -> str:
    """Accept the address of an HTTP server, with a path if it stands behind one."""
    parts = _split(text, schemes=("http", "https"))
    if parts.username is not None or parts.password is not None:
        # Not shown: the value holds a password.
        raise ValueError("holds a user name or password, which belong in settings of their own")
    if parts.query or parts.fragment:
        # Not shown: people put keys there.
        raise ValueError("has a query or a fragment, which would be lost")
    return text.rstrip("/")


def parse_urls(text: str) -> tuple[str, ...]:
    """Accept one or more addresses of HTTP servers."""
    return tuple(dict.fromkeys(parse_url(part) for part in _parts(text)))


def parse_proxy(text: str) -> str:
    """Accept the address of a proxy, with a user name and password if it asks for them."""
    _split(text, schemes=("http", "socks4", "socks5"), shown=False)
    return text


def parse_key_url(text: str) -> str:
    """Accept an outside address that is itself a key: whoever knows it may call it."""
    if _split(text, schemes=("http", "https"), shown=False).fragment:
        raise ValueError("has a fragment, which would be lost")
    return text


def parse_database(text: str) -> str:
    """Accept an SQLite file or a PostgreSQL server; async and short spellings become ours."""
    scheme, separator, rest = text.partition("://")
    kind = scheme.partition("+")[0].lower()
    if not separator or not rest.strip("/"):
        raise ValueError("is not a database address")
    if kind == "sqlite" and rest.startswith("/"):
        return f"sqlite://{rest}"
    if kind in {"postgres", "postgresql"} and not re.search(r"\s", rest):
        return f"postgresql+psycopg://{rest}"
    raise ValueError("names a database this program does not speak, or an SQLite file wrongly")


def parse_chats(text: str) -> tuple[Destination, ...]:
    """Accept chats, each with a topic if one is meant."""
    return tuple(dict.fromkeys(_parse_chat(part) for part in _parts(text)))


def parse_one_chat(text: str) -> Destination:
    """Accept one chat, with a topic if one is meant."""
    chats = parse_chats(text)
    if len(chats) > 1:
        raise ValueError(f"{render_shown(text)} names more than one chat")
    return chats[0]


def parse_severities(text: str) -> frozenset[Severity]:
    """Accept severities, or the words for every one and for not one of them."""
    words = {part.lower() for part in _parts(text)}
    if words == {"all"}:
        return frozenset(Severity)
    if words == {"none"}:
        return frozenset()
    known = {each.value: each for each in Severity}
    for word in sorted(words - set(known)):
        raise ValueError(f"{render_shown(word)} is no severity, or does not stand alone")
    return frozenset(known[word] for word in words)


def parse_place(text: str) -> str:
    """Accept a host and its port, as an inventory has them."""
    try:
        parse_address(text)
    except ValueError:
        raise ValueError(f"{render_shown(text)} is no host with a port") from None
    return text


def parse_logouts(text: str) -> Logouts:
    """Accept a word for what is told of the end of a login."""
    known = {each.value: each for each in Logouts}
    if text.lower() not in known:
        raise ValueError(f"{render_shown(text)} is none of these words")
    return known[text.lower()]


def parse_users(text: str) -> frozenset[int]:
    """Accept Telegram user ids; names and chats are refused, because names can change hands."""
    users = set()
    for part in _parts(text):
        if not _USER.fullmatch(part) or int(part) == 0:
            raise ValueError(f"{render_shown(part)} is not a user id")
        users.add(int(part))
    return frozenset(users)


def expand(text: str) -> Path:
    """Write a path out whose beginning stands for somebody's home.

    Raises:
        ValueError: there is no such person, or they have no home.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"{render_shown(text)} begins with nobody's home") from None


def parse_path(text: str) -> Path:
    """Accept the path of a file or folder that need not exist yet."""
    if "\0" in text:
        raise ValueError("has a NUL character")
    return expand(text)


def parse_url_lines(text: str) -> SecretLines:
    """Accept the path of a file of addresses, one a line; what they mean is not known here."""
    lines = read_secret_lines(parse_path(text))
    wrong = [str(number) for number, line in lines.lines if not _SCHEME.fullmatch(line.reveal())]
    if wrong:
        # Not shown: each line holds a password.
        where = f"line {wrong[0]}" if len(wrong) == 1 else f"lines {', '.join(wrong[:9])}"
        raise ValueError(f"{str(lines.path)!r} has no address in {where}")
    return lines


def parse_folder(text: str) -> Path:
    """Accept the path of a folder that is there."""
    path = parse_path(text)
    if not path.is_dir():
        raise ValueError(f"{render_shown(text)} is not a folder")
    return path


def parse_zone(text: str) -> ZoneInfo:
    """Accept a name of the time zone database."""
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, LookupError) as error:
        raise ValueError(f"{render_shown(text)} is not a time zone") from error


def parse_language(text: str) -> str:
    """Accept a language that has a catalogue."""
    return _parse_choice(text, LANGUAGES)


def parse_level(text: str) -> str:
    """Accept a level of logs."""
    return _parse_choice(text, LOG_LEVELS)


def parse_form(text: str) -> str:
    """Accept a form of logs."""
    return _parse_choice(text, LOG_FORMATS)


def parse_mode(text: str) -> str:
    """Accept a way in which messages come."""
    return _parse_choice(text, BOT_MODES)


def parse_retention(text: str) -> timedelta:
    """Accept a span that keeps at least a day, and at most ten years."""
    return _parse_between(text, timedelta(days=1), timedelta(days=3660))


def parse_scrape(text: str) -> timedelta:
    """Accept a span between scrapes; Prometheus calls a series stale after five minutes."""
    return _parse_between(text, timedelta(seconds=1), timedelta(minutes=2))


def parse_repeat(text: str) -> timedelta:
    """Accept a span after which Alertmanager repeats what still fires."""
    return _parse_between(text, timedelta(minutes=1), timedelta(days=30))


def parse_patience(text: str) -> timedelta:
    """Accept a span for which Telegram may be away."""
    return _parse_between(text, timedelta(minutes=1), timedelta(days=1))


def parse_watchdog(text: str) -> timedelta:
    """Accept a span without the Watchdog; it comes once a minute, and one may be late."""
    return _parse_between(text, timedelta(minutes=2), timedelta(days=1))


def parse_fonts(text: str) -> tuple[str, ...]:
    """Accept names of fonts and paths of their files; a file has to be there."""
    fonts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not fonts or not text.isprintable():
        raise ValueError(f"{render_shown(text)} names no font")
    for font in fonts:
        if "/" in font and not expand(font).is_file():
            raise ValueError(f"{render_shown(font)} is not a file here")
    return fonts


def choose_language(wishes: str) -> str | None:
    """Return the first language of ours in a gettext list such as `de_DE:zh_TW.UTF-8:en`."""
    for wish in wishes.split(":"):
        locale = re.split(r"[.@]", wish.strip().replace("-", "_"))[0]
        if locale.lower() in {"zh_tw", "zh_hk", "zh_mo", "zh_hant", "zh_hant_tw"}:
            return "zh_TW"
        language = locale.split("_")[0].lower()
        if language in {"en", "ru"}:
            return language
    return None


def _parts(text: str) -> list[str]:
    parts = [part for part in re.split(r"[,;\s]+", text) if part]
    if not parts:
        raise ValueError(f"{render_shown(text)} names nothing")
    return parts


def _parse_chat(text: str) -> Destination:
    match = _CHAT.fullmatch(text)
    if match is None:
        raise ValueError(f"{render_shown(text)} is not a chat id")
    chat, topic = int(match[1]), match[2]
    if chat == 0 or not -_INT64_MAX - 1 <= chat <= _INT64_MAX:
        raise ValueError(f"{render_shown(text)} is not a chat id")
    if topic and not 1 <= int(topic) <= _INT32_MAX:
        raise ValueError(f"{render_shown(text)} names no topic")
    return Destination(chat, int(topic or 0))


def _parse_choice(text: str, choices: tuple[str, ...]) -> str:
    for choice in choices:
        if text.lower().replace("-", "_") == choice.lower():
            return choice
    raise ValueError(f"{render_shown(text)} is none of them")


def _parse_between(text: str, least: timedelta, most: timedelta) -> timedelta:
    try:
        span = parse_span(text)
    except ValueError as error:
        raise ValueError(f"{render_shown(text)} is not a span") from error
    if not least <= span <= most:
        raise ValueError(f"{render_shown(text)} is out of bounds")
    return span


def _split(text: str, *, schemes: tuple[str, ...], shown: bool = True) -> SplitResult:
    """Take an address apart; its fault never shows the value when that may hold a password."""
    what = render_shown(text) if shown and not set("@?#") & set(text) else "the value"
    if not text.isprintable() or re.search(r"\s|[\\<>\"]", text):
        raise ValueError(f"{what} has characters an address cannot have")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError(f"{what} is not an address") from None  # the cause would show the value
    if parts.scheme not in schemes:
        raise ValueError(f"{what} does not begin with {' or '.join(f'{s}://' for s in schemes)}")
    if not host or port == 0 or not _is_host(host):
        raise ValueError(f"{what} names no host, or no port that exists")
    return parts


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        # All digits and dots is a mistyped address, not a name.
        return (
            len(text) <= _HOST_MAX
            and not labels[-1].isdigit()
            and all(_LABEL.fullmatch(label) for label in labels)
        )
    return True
