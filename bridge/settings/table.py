"""Every setting in one table: it feeds `Settings`, `.env.example` and the README."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.settings import accepted

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(NamedTuple):
    """What a value must be."""

    parse: Callable[[str], object]
    form: str
    """The accepted form, in words that follow "accepted:"."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One variable of the environment or of `.env`."""

    name: str
    kind: Kind
    default: str = ""
    """The text that stands for an absent value; empty where there is none or it is computed."""
    otherwise: str = "none"
    """What an absent value means where `default` is empty, in words."""
    meaning: str
    section: str
    secret: bool = False
    readers: tuple[str, ...] = ("bridge",)

    @property
    def field(self) -> str:
        """The name of this setting's field in `Settings`."""
        return self.name.lower()


_TOKEN = Kind(accepted.parse_token, "digits, a colon, 35 characters, as @BotFather gives it")
_BEARER = Kind(accepted.parse_bearer, "16 or more letters, digits and . _ ~ + / - without blanks")
_LINE = Kind(accepted.parse_line, "one line of text")
_HOST = Kind(accepted.parse_host, "an address or a host name, such as 127.0.0.1 or 0.0.0.0")
_PORT = Kind(accepted.parse_port, "a whole number from 1 to 65535")
_ANY_PORT = Kind(accepted.parse_any_port, "a whole number from 1 to 65535, or 0 for any free port")
_URL = Kind(accepted.parse_url, "http://host:port or https://host, with a path if need be")
_URLS = Kind(accepted.parse_urls, "one or more of http://host:port, comma separated")
_PROXY = Kind(accepted.parse_proxy, "http://host:port or socks5://user:password@host:port")
_DATABASE = Kind(
    accepted.parse_database, "sqlite:///path/to/file.db or postgresql://user:password@host/name"
)
_CHATS = Kind(
    accepted.parse_chats,
    "numeric chat ids, comma separated, such as -1001234567890, "
    "or -1001234567890/7 for its topic 7",
)
_USERS = Kind(accepted.parse_users, "numeric user ids, comma separated, such as 52341678")
_PATH = Kind(accepted.parse_path, "a path")
_FOLDER = Kind(accepted.parse_folder, "the path of a folder that is there")
_ZONE = Kind(accepted.parse_zone, "a name of the time zone database, such as Europe/Berlin or UTC")
_LANGUAGE = Kind(accepted.parse_language, ", ".join(accepted.LANGUAGES))
_LEVEL = Kind(accepted.parse_level, ", ".join(accepted.LOG_LEVELS))
_FORM = Kind(accepted.parse_form, ", ".join(accepted.LOG_FORMATS))
_RETENTION = Kind(accepted.parse_retention, "a span from 1d to 3660d, such as 180d")
_SCRAPE = Kind(accepted.parse_scrape, "a span from 1s to 2m, such as 15s")
_REPEAT = Kind(accepted.parse_repeat, "a span from 1m to 30d, such as 1h")

SETTINGS: Final = (
    Setting(
        name="BOT_TOKEN",
        kind=_TOKEN,
        section="Telegram",
        secret=True,
        readers=("bridge", "start.sh"),
        otherwise="the sandbox",
        meaning="Telegram bot token; without one `./start.sh` starts the local Telegram.",
    ),
    Setting(
        name="TELEGRAM_API_BASE",
        kind=_URL,
        section="Telegram",
        otherwise="Telegram",
        meaning="Another Bot API server: self-hosted, or the sandbox.",
    ),
    Setting(
        name="TELEGRAM_PROXY",
        kind=_PROXY,
        section="Telegram",
        secret=True,
        meaning="An http or socks5 proxy for Telegram alone.",
    ),
    Setting(
        name="ALERT_CHAT_ID",
        kind=_CHATS,
        section="Telegram",
        readers=("bridge", "start.sh"),
        meaning="Chats that hear every alert, comma separated, `chat` or `chat/topic`.",
    ),
    Setting(
        name="ALLOWED_USERS",
        kind=_USERS,
        section="Telegram",
        readers=("bridge", "start.sh"),
        otherwise="nobody",
        meaning="Telegram user ids that are admins from the start, comma separated.",
    ),
    Setting(
        name="SERVER_HOST",
        kind=_HOST,
        section="The bridge",
        default="127.0.0.1",
        readers=("bridge", "start.sh"),
        meaning="The address the bridge listens on.",
    ),
    Setting(
        name="SERVER_PORT",
        kind=_PORT,
        section="The bridge",
        default="8002",
        readers=("bridge", "start.sh"),
        meaning="The port the bridge listens on.",
    ),
    Setting(
        name="SERVER_URL",
        kind=_URL,
        section="The bridge",
        otherwise="from the two above",
        readers=("bridge", "start.sh", "gen_config.py"),
        meaning="The address of the bridge as others reach it; Alertmanager and links use it.",
    ),
    Setting(
        name="WEBHOOK_TOKEN",
        kind=_BEARER,
        section="The bridge",
        secret=True,
        readers=("bridge", "start.sh"),
        otherwise="made at first start",
        meaning="Bearer token that Alertmanager sends to `/alerts`, and that `/metrics` asks.",
    ),
    Setting(
        name="PROMETHEUS_URL",
        kind=_URL,
        section="Prometheus and Alertmanager",
        default="http://127.0.0.1:9090",
        readers=("bridge", "start.sh", "gen_config.py"),
        meaning="What speaks the Prometheus HTTP API; set it and `./start.sh` starts none.",
    ),
    Setting(
        name="PROMETHEUS_USER",
        kind=_LINE,
        section="Prometheus and Alertmanager",
        meaning="User name for Prometheus, if it asks for one.",
    ),
    Setting(
        name="PROMETHEUS_PASSWORD",
        kind=_LINE,
        section="Prometheus and Alertmanager",
        secret=True,
        meaning="Password for Prometheus.",
    ),
    Setting(
        name="ALERTMANAGER_URL",
        kind=_URLS,
        section="Prometheus and Alertmanager",
        default="http://127.0.0.1:9093",
        readers=("bridge", "start.sh", "gen_config.py"),
        meaning="One Alertmanager or more, comma separated; set it and `./start.sh` starts none.",
    ),
    Setting(
        name="ALERTMANAGER_USER",
        kind=_LINE,
        section="Prometheus and Alertmanager",
        meaning="User name for Alertmanager, if it asks for one.",
    ),
    Setting(
        name="ALERTMANAGER_PASSWORD",
        kind=_LINE,
        section="Prometheus and Alertmanager",
        secret=True,
        meaning="Password for Alertmanager.",
    ),
    Setting(
        name="DATABASE_URL",
        kind=_DATABASE,
        section="Storage",
        secret=True,
        otherwise="SQLite in `STATE_DIR`",
        meaning="The database of alerts and messages.",
    ),
    Setting(
        name="STATE_DIR",
        kind=_PATH,
        section="Storage",
        default="./state",
        readers=("bridge", "start.sh"),
        meaning="Folder of the database and of generated secrets; created for its owner alone.",
    ),
    Setting(
        name="AGENTS_FILE",
        kind=_PATH,
        section="Storage",
        default="./agents.txt",
        readers=("bridge", "start.sh", "gen_config.py"),
        meaning="The inventory: one host a line.",
    ),
    Setting(
        name="TEMPLATES_DIR",
        kind=_FOLDER,
        section="Storage",
        meaning="Your own message templates, looked up before the shipped ones.",
    ),
    Setting(
        name="TIMEZONE",
        kind=_ZONE,
        section="Words and times",
        otherwise="the machine's",
        meaning="Time zone of a chat that chose none.",
    ),
    Setting(
        name="LANGUAGE",
        kind=_LANGUAGE,
        section="Words and times",
        default="en",
        meaning="Language of a chat that chose none: `en`, `zh_TW` or `ru`.",
    ),
    Setting(
        name="LOG_LEVEL",
        kind=_LEVEL,
        section="Logs",
        default="INFO",
        meaning="The least important lines to log: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
    ),
    Setting(
        name="LOG_FORMAT",
        kind=_FORM,
        section="Logs",
        default="console",
        meaning="`console` for people, `json` for machines.",
    ),
    Setting(
        name="RETENTION",
        kind=_RETENTION,
        section="Spans",
        default="180d",
        readers=("bridge", "start.sh"),
        meaning="How long Prometheus keeps samples and the bridge its own records.",
    ),
    Setting(
        name="SCRAPE_INTERVAL",
        kind=_SCRAPE,
        section="Spans",
        default="15s",
        readers=("gen_config.py",),
        meaning="How often Prometheus asks each host.",
    ),
    Setting(
        name="REPEAT_INTERVAL",
        kind=_REPEAT,
        section="Spans",
        default="1h",
        readers=("gen_config.py",),
        meaning="How often Alertmanager repeats an alert that still fires.",
    ),
    Setting(
        name="PROMETHEUS_PORT",
        kind=_PORT,
        section="Programs that start.sh runs",
        default="9090",
        readers=("start.sh",),
        meaning="Port of the Prometheus that `./start.sh` runs.",
    ),
    Setting(
        name="ALERTMANAGER_PORT",
        kind=_PORT,
        section="Programs that start.sh runs",
        default="9093",
        readers=("start.sh",),
        meaning="Port of the Alertmanager that `./start.sh` runs.",
    ),
    Setting(
        name="NODE_EXPORTER_PORT",
        kind=_PORT,
        section="Programs that start.sh runs",
        default="9100",
        readers=("start.sh",),
        meaning="Port of the node_exporter that `./start.sh` runs.",
    ),
    Setting(
        name="BLACKBOX_PORT",
        kind=_PORT,
        section="Programs that start.sh runs",
        default="9115",
        readers=("start.sh",),
        meaning="Port of the blackbox_exporter that `./start.sh` runs.",
    ),
    Setting(
        name="SANDBOX_HOST",
        kind=_HOST,
        section="Programs that start.sh runs",
        default="127.0.0.1",
        readers=("sandbox", "start.sh"),
        meaning="The address the local Telegram listens on.",
    ),
    Setting(
        name="SANDBOX_PORT",
        kind=_ANY_PORT,
        section="Programs that start.sh runs",
        default="8081",
        readers=("sandbox", "start.sh"),
        meaning="Port of the local Telegram and its chat page.",
    ),
    Setting(
        name="SANDBOX_STATE_DIR",
        kind=_PATH,
        section="Programs that start.sh runs",
        default="./state/sandbox",
        readers=("sandbox",),
        meaning="Folder where the local Telegram keeps its history and tokens; "
        "under `./start.sh` it is `STATE_DIR/sandbox/telegram` unless set.",
    ),
)

OLD_NAMES: Final = {
    "chat_id": "ALERT_CHAT_ID",
    "ALLOWED_USER_IDS": "ALLOWED_USERS",
    "ADMIN_USER_IDS": "ALLOWED_USERS",
    "TELEGRAM_USER_ID": "ALLOWED_USERS",
    "TELEGRAM_TOKEN": "BOT_TOKEN",
    "DB_URL": "DATABASE_URL",
}
"""Names that earlier programs used, and what each is called here."""

OUTRANKED: Final = frozenset({"chat_id"})
"""Old names that once stood beside the new one with a meaning of their own: the new one wins."""
