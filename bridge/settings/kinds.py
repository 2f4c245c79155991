"""What a value must be: for every kind of setting its parser, and the accepted form in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bridge.settings import accepted

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(NamedTuple):
    """What a value must be."""

    parse: Callable[[str], object]
    form: str
    """The accepted form, in words that follow "accepted:"."""


TOKEN = Kind(accepted.parse_token, "digits, a colon, 35 characters, as @BotFather gives it")
BEARER = Kind(accepted.parse_bearer, "16 or more letters, digits and . _ ~ + / - without blanks")
LINE = Kind(accepted.parse_line, "one line of text")
HOST = Kind(accepted.parse_host, "an address or a host name, such as 127.0.0.1 or 0.0.0.0")
PORT = Kind(accepted.parse_port, "a whole number from 1 to 65535")
ANY_PORT = Kind(accepted.parse_any_port, "a whole number from 1 to 65535, or 0 for any free port")
ADDRESS = Kind(
    accepted.parse_place,
    "host:port, such as 192.0.2.1:8003, bridge.example:8003 or [2001:db8::1]:8003",
)
URL = Kind(accepted.parse_url, "http://host:port or https://host, with a path if need be")
URLS = Kind(accepted.parse_urls, "one or more of http://host:port, comma separated")
PROXY = Kind(accepted.parse_proxy, "http://host:port or socks5://user:password@host:port")
DATABASE = Kind(
    accepted.parse_database, "sqlite:///path/to/file.db or postgresql://user:password@host/name"
)
CHATS = Kind(
    accepted.parse_chats,
    "numeric chat ids, comma separated, such as -1001234567890, "
    "or -1001234567890/7 for its topic 7",
)
CHAT = Kind(
    accepted.parse_one_chat,
    "a numeric chat id, such as -1001234567890, or -1001234567890/7 for its topic 7",
)
USERS = Kind(accepted.parse_users, "numeric user ids, comma separated, such as 52341678")
KEY_URL = Kind(
    accepted.parse_key_url, "http://host:port or https://host, with the path and query it has"
)
URL_LINES = Kind(
    accepted.parse_url_lines, "the path of a file with an Apprise address a line, # for comments"
)
SEVERITIES = Kind(
    accepted.parse_severities, "critical, warning, info, other, comma separated; or all; or none"
)
LOGOUTS = Kind(accepted.parse_logouts, "message, silent, none")
PATH = Kind(accepted.parse_path, "a path")
FOLDER = Kind(accepted.parse_folder, "the path of a folder that is there")
ZONE = Kind(accepted.parse_zone, "a name of the time zone database, such as Europe/Berlin or UTC")
LANGUAGE = Kind(accepted.parse_language, ", ".join(accepted.LANGUAGES))
FONTS = Kind(
    accepted.parse_fonts,
    "names of installed fonts or paths of their files, comma separated, such as Noto Sans CJK TC",
)
LEVEL = Kind(accepted.parse_level, ", ".join(accepted.LOG_LEVELS))
FORM = Kind(accepted.parse_form, ", ".join(accepted.LOG_FORMATS))
MODE = Kind(accepted.parse_mode, ", ".join(accepted.BOT_MODES))
RETENTION = Kind(accepted.parse_retention, "a span from 1d to 3660d, such as 180d")
SCRAPE = Kind(accepted.parse_scrape, "a span from 1s to 2m, such as 15s")
REPEAT = Kind(accepted.parse_repeat, "a span from 1m to 30d, such as 1h")
AWAY = Kind(accepted.parse_patience, "a span from 1m to 1d, such as 5m")
MISSING = Kind(accepted.parse_watchdog, "a span from 2m to 1d, such as 5m")
