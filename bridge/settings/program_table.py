"""The settings of the programs that `./start.sh` runs beside the bridge."""

from __future__ import annotations

from typing import Final

from bridge.settings import kinds
from bridge.settings.setting import Setting

PROGRAM_SETTINGS: Final = (
    Setting(
        name="PROMETHEUS_PORT",
        kind=kinds.PORT,
        section="Programs that start.sh runs",
        default="9090",
        readers=("start.sh",),
        meaning="Port of the Prometheus that `./start.sh` runs.",
    ),
    Setting(
        name="ALERTMANAGER_PORT",
        kind=kinds.PORT,
        section="Programs that start.sh runs",
        default="9093",
        readers=("start.sh",),
        meaning="Port of the Alertmanager that `./start.sh` runs.",
    ),
    Setting(
        name="NODE_EXPORTER_PORT",
        kind=kinds.PORT,
        section="Programs that start.sh runs",
        default="9100",
        readers=("start.sh",),
        meaning="Port of the node_exporter that `./start.sh` runs.",
    ),
    Setting(
        name="BLACKBOX_PORT",
        kind=kinds.PORT,
        section="Programs that start.sh runs",
        default="9115",
        readers=("start.sh",),
        meaning="Port of the blackbox_exporter that `./start.sh` runs.",
    ),
    Setting(
        name="GRAFANA_PORT",
        kind=kinds.PORT,
        section="Programs that start.sh runs",
        default="3000",
        readers=("start.sh",),
        meaning="Port of the Grafana that `./start.sh --docker` runs with the profile `grafana`.",
    ),
    Setting(
        name="SANDBOX_HOST",
        kind=kinds.HOST,
        section="Programs that start.sh runs",
        default="127.0.0.1",
        readers=("sandbox", "start.sh"),
        meaning="The address the local Telegram listens on.",
    ),
    Setting(
        name="SANDBOX_PORT",
        kind=kinds.ANY_PORT,
        section="Programs that start.sh runs",
        default="8081",
        readers=("sandbox", "start.sh"),
        meaning="Port of the local Telegram and its chat page.",
    ),
    Setting(
        name="SANDBOX_STATE_DIR",
        kind=kinds.PATH,
        section="Programs that start.sh runs",
        default="./state/sandbox",
        readers=("sandbox",),
        meaning="Folder where the local Telegram keeps its history and tokens; "
        "under `./start.sh` it is `STATE_DIR/sandbox/telegram` unless set.",
    ),
)
