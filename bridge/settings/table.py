"""Every setting in one table: it feeds `Settings`, `.env.example` and the README."""

from __future__ import annotations

from typing import Final

from bridge.settings import kinds
from bridge.settings.agent_table import AGENT_SETTINGS
from bridge.settings.program_table import PROGRAM_SETTINGS
from bridge.settings.setting import Setting

SETTINGS: Final = (
    Setting(
        name="BOT_TOKEN",
        kind=kinds.TOKEN,
        section="Telegram",
        secret=True,
        readers=("bridge", "start.sh"),
        otherwise="the sandbox",
        meaning="Telegram bot token; without one `./start.sh` starts the local Telegram.",
    ),
    Setting(
        name="TELEGRAM_API_BASE",
        kind=kinds.URL,
        section="Telegram",
        otherwise="Telegram",
        meaning="Another Bot API server: self-hosted, or the sandbox.",
    ),
    Setting(
        name="TELEGRAM_PROXY",
        kind=kinds.PROXY,
        section="Telegram",
        secret=True,
        meaning="An http or socks5 proxy for Telegram alone.",
    ),
    Setting(
        name="BOT_MODE",
        kind=kinds.MODE,
        section="Telegram",
        default="polling",
        meaning="How messages come: the bridge asks for them (`polling`), or Telegram calls "
        "`SERVER_URL`/telegram (`webhook`).",
    ),
    Setting(
        name="ALERT_CHAT_ID",
        kind=kinds.CHATS,
        section="Telegram",
        readers=("bridge", "start.sh"),
        meaning="Chats that hear every alert, comma separated, `chat` or `chat/topic`.",
    ),
    Setting(
        name="FALLBACK_CHAT_ID",
        kind=kinds.CHAT,
        section="Telegram",
        meaning="The chat that hears what a broken destination could not, `chat` or `chat/topic`.",
    ),
    Setting(
        name="ALLOWED_USERS",
        kind=kinds.USERS,
        section="Telegram",
        readers=("bridge", "start.sh"),
        otherwise="nobody",
        meaning="Telegram user ids that are admins from the start, comma separated.",
    ),
    Setting(
        name="SERVER_HOST",
        kind=kinds.HOST,
        section="The bridge",
        default="127.0.0.1",
        readers=("bridge", "start.sh"),
        meaning="The address the bridge listens on.",
    ),
    Setting(
        name="SERVER_PORT",
        kind=kinds.PORT,
        section="The bridge",
        default="8002",
        readers=("bridge", "start.sh"),
        meaning="The port the bridge listens on.",
    ),
    Setting(
        name="SERVER_URL",
        kind=kinds.URL,
        section="The bridge",
        otherwise="from the two above",
        readers=("bridge", "start.sh", "gen_config.py", "agent"),
        meaning="The address of the bridge as others reach it; Alertmanager and links use it.",
    ),
    Setting(
        name="WEBHOOK_TOKEN",
        kind=kinds.BEARER,
        section="The bridge",
        secret=True,
        readers=("bridge", "start.sh"),
        otherwise="made at first start",
        meaning="Bearer token that Alertmanager sends to `/alerts`, and that `/metrics` asks.",
    ),
    Setting(
        name="AGENTS_HOST",
        kind=kinds.HOST,
        section="Agents",
        default="127.0.0.1",
        meaning="The address at which hosts' agents come in, with TLS.",
    ),
    Setting(
        name="AGENTS_PORT",
        kind=kinds.PORT,
        section="Agents",
        default="8003",
        meaning="The port at which they do.",
    ),
    Setting(
        name="AGENTS_ADDRESS",
        kind=kinds.ADDRESS,
        section="Agents",
        otherwise="from the two above",
        meaning="The same place as other hosts reach it.",
    ),
    Setting(
        name="PROMETHEUS_URL",
        kind=kinds.URL,
        section="Prometheus and Alertmanager",
        default="http://127.0.0.1:9090",
        readers=("bridge", "start.sh", "gen_config.py"),
        meaning="What speaks the Prometheus HTTP API; set it and `./start.sh` starts none.",
    ),
    Setting(
        name="PROMETHEUS_USER",
        kind=kinds.LINE,
        section="Prometheus and Alertmanager",
        meaning="User name for Prometheus, if it asks for one.",
    ),
    Setting(
        name="PROMETHEUS_PASSWORD",
        kind=kinds.LINE,
        section="Prometheus and Alertmanager",
        secret=True,
        meaning="Password for Prometheus.",
    ),
    Setting(
        name="ALERTMANAGER_URL",
        kind=kinds.URLS,
        section="Prometheus and Alertmanager",
        default="http://127.0.0.1:9093",
        readers=("bridge", "start.sh", "gen_config.py"),
        meaning="One Alertmanager or more, comma separated; set it and `./start.sh` starts none.",
    ),
    Setting(
        name="ALERTMANAGER_USER",
        kind=kinds.LINE,
        section="Prometheus and Alertmanager",
        meaning="User name for Alertmanager, if it asks for one.",
    ),
    Setting(
        name="ALERTMANAGER_PASSWORD",
        kind=kinds.LINE,
        section="Prometheus and Alertmanager",
        secret=True,
        meaning="Password for Alertmanager.",
    ),
    Setting(
        name="GRAFANA_URL",
        kind=kinds.URL,
        section="Prometheus and Alertmanager",
        meaning="A Grafana with the shipped dashboards; cards and answers link to it.",
    ),
    Setting(
        name="RING_NEW",
        kind=kinds.SEVERITIES,
        section="Ringing",
        default="all",
        meaning="Severities whose new alerts make a phone sound.",
    ),
    Setting(
        name="RING_WORSE",
        kind=kinds.SEVERITIES,
        section="Ringing",
        default="all",
        meaning="Severities that make a phone sound when an alert worsens to them.",
    ),
    Setting(
        name="RING_REPEAT",
        kind=kinds.SEVERITIES,
        section="Ringing",
        default="critical",
        meaning="Severities that make a phone sound again when Alertmanager repeats the alert.",
    ),
    Setting(
        name="RING_RESOLVED",
        kind=kinds.SEVERITIES,
        section="Ringing",
        default="none",
        meaning="Severities whose end makes a phone sound.",
    ),
    Setting(
        name="LOGOUTS",
        kind=kinds.LOGOUTS,
        section="Ringing",
        default="silent",
        meaning="What chats are told of the end of a login on a host: a `message`, a `silent` one, "
        "or `none`.",
    ),
    Setting(
        name="NOTIFY_URLS_FILE",
        kind=kinds.URL_LINES,
        section="Second way out",
        meaning="Where alerts go while Telegram is away: e-mail, ntfy, Slack, SMS and so on; "
        "the file is a secret.",
    ),
    Setting(
        name="NOTIFY_AFTER",
        kind=kinds.AWAY,
        section="Second way out",
        default="5m",
        meaning="How long Telegram must be away before the second way out is taken.",
    ),
    Setting(
        name="WATCHDOG_PATIENCE",
        kind=kinds.MISSING,
        section="Dead man's switch",
        default="5m",
        meaning="How long the Watchdog alert may stay away before the chats are told.",
    ),
    Setting(
        name="HEARTBEAT_URL",
        kind=kinds.KEY_URL,
        section="Dead man's switch",
        secret=True,
        meaning="An outside address that the bridge calls every minute while it can deliver; "
        "who watches it notices when the bridge is gone.",
    ),
    Setting(
        name="DATABASE_URL",
        kind=kinds.DATABASE,
        section="Storage",
        secret=True,
        otherwise="SQLite in `STATE_DIR`",
        meaning="The database of alerts and messages.",
    ),
    Setting(
        name="STATE_DIR",
        kind=kinds.PATH,
        section="Storage",
        default="./state",
        readers=("bridge", "start.sh", "gen_config.py"),
        meaning="Folder of the database and of generated secrets; created for its owner alone.",
    ),
    Setting(
        name="AGENTS_FILE",
        kind=kinds.PATH,
        section="Storage",
        default="./agents.txt",
        readers=("bridge", "start.sh", "gen_config.py"),
        meaning="The inventory: one host a line.",
    ),
    Setting(
        name="DEFAULT_HOST",
        kind=kinds.LINE,
        section="Storage",
        otherwise="the first of the inventory",
        meaning="The host of a command that names none.",
    ),
    Setting(
        name="TEMPLATES_DIR",
        kind=kinds.FOLDER,
        section="Storage",
        meaning="Your own message templates, looked up before the shipped ones.",
    ),
    Setting(
        name="TIMEZONE",
        kind=kinds.ZONE,
        section="Words and times",
        otherwise="the machine's",
        meaning="Time zone of a chat that chose none.",
    ),
    Setting(
        name="LANGUAGE",
        kind=kinds.LANGUAGE,
        section="Words and times",
        default="en",
        meaning="Language of a chat that chose none: `en`, `zh_TW` or `ru`.",
    ),
    Setting(
        name="CHART_FONTS",
        kind=kinds.FONTS,
        section="Words and times",
        otherwise="DejaVu Sans, and a CJK font if there is one",
        meaning="Fonts of charts: the first that has a letter draws it.",
    ),
    Setting(
        name="LOG_LEVEL",
        kind=kinds.LEVEL,
        section="Logs",
        default="INFO",
        meaning="The least important lines to log: `DEBUG`, `INFO`, `WARNING` or `ERROR`.",
    ),
    Setting(
        name="LOG_FORMAT",
        kind=kinds.FORM,
        section="Logs",
        default="console",
        meaning="`console` for people, `json` for machines.",
    ),
    Setting(
        name="RETENTION",
        kind=kinds.RETENTION,
        section="Spans",
        default="180d",
        readers=("bridge", "start.sh"),
        meaning="How long Prometheus keeps samples and the bridge its own records.",
    ),
    Setting(
        name="SCRAPE_INTERVAL",
        kind=kinds.SCRAPE,
        section="Spans",
        default="15s",
        readers=("gen_config.py",),
        meaning="How often Prometheus asks each host.",
    ),
    Setting(
        name="REPEAT_INTERVAL",
        kind=kinds.REPEAT,
        section="Spans",
        default="1h",
        readers=("bridge", "gen_config.py"),
        meaning="How often Alertmanager repeats an alert that still fires.",
    ),
    *AGENT_SETTINGS,
    *PROGRAM_SETTINGS,
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

ALIKE: Final = frozenset({"AGENT_HOST", "AGENT_PORT"})
"""No settings of the bridge, and no mistyped ones either: a host's agent has them."""
