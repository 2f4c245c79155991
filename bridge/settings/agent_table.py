"""The settings of the agent, which reads them on its own host; here they are documented."""

from __future__ import annotations

from typing import Final

from bridge.settings import kinds
from bridge.settings.setting import Setting

AGENT_SETTINGS: Final = (
    Setting(
        name="AGENT_ID",
        kind=kinds.LINE,
        section="The agent, on each host",
        otherwise="the enrolled name",
        readers=("agent",),
        meaning="What this host is called; it has to be the name it was enrolled by.",
    ),
    Setting(
        name="AGENT_HOST",
        kind=kinds.HOST,
        section="The agent, on each host",
        default="127.0.0.1",
        readers=("agent",),
        meaning="The address the agent listens on; one of this host's where the bridge is "
        "elsewhere.",
    ),
    Setting(
        name="AGENT_PORT",
        kind=kinds.PORT,
        section="The agent, on each host",
        default="8001",
        readers=("agent",),
        meaning="The port the agent listens on.",
    ),
    Setting(
        name="AGENT_STATE_DIR",
        kind=kinds.PATH,
        section="The agent, on each host",
        default="/var/lib/opswire-agent",
        readers=("agent",),
        meaning="Folder of the host's key and records; created for its owner alone.",
    ),
    Setting(
        name="AGENT_CEILING_FILE",
        kind=kinds.PATH,
        section="The agent, on each host",
        default="/etc/opswire/ceiling",
        readers=("agent",),
        meaning="What the host allows at most: a file of root's with `monitor`, `actions` or "
        "`shell`; absent means `actions`.",
    ),
    Setting(
        name="AGENT_ACTIONS_FILE",
        kind=kinds.PATH,
        section="The agent, on each host",
        default="/etc/opswire/actions.yml",
        readers=("agent",),
        meaning="Actions that the host's owner adds to the catalogue; it may be absent.",
    ),
    Setting(
        name="AGENT_JOB_USER",
        kind=kinds.LINE,
        section="The agent, on each host",
        default="nobody",
        readers=("agent",),
        meaning="Whom commands run as where the agent itself is root.",
    ),
    Setting(
        name="AGENT_ROOT_SOCKET",
        kind=kinds.PATH,
        section="The agent, on each host",
        default="/run/opswire-agent/root.sock",
        readers=("agent",),
        meaning="Socket of the root helper, for what the agent's own user cannot do.",
    ),
    Setting(
        name="AGENT_AUTH_LOG",
        kind=kinds.PATH,
        section="The agent, on each host",
        otherwise="the machine's own",
        readers=("agent",),
        meaning="The log that logins are read from.",
    ),
)
