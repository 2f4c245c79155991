"""The lines that a person's own Prometheus and Alertmanager need."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from deploy.stack.plan import Plan


def render_lines_to_paste(plan: Plan) -> str:
    """Write them for whichever of the two the stack does not run; empty when it runs both."""
    parts = []
    if not plan.wishes.has_prometheus:
        parts.append(render_prometheus_lines(plan))
    if not plan.wishes.has_alertmanager:
        parts.append(render_alertmanager_lines(plan))
    return "\n".join(parts)


def quote(path: Path) -> str:
    """Write a path so that YAML takes it as it is."""
    return json.dumps(str(path), ensure_ascii=False)


def render_prometheus_lines(plan: Plan) -> str:
    """Write the rules, the hosts, the bridge and Alertmanager as Prometheus takes them."""
    place = plan.wishes.root / "prometheus"
    # Somebody's own Alertmanager is known to their own Prometheus.
    alerting = f"""\
    alerting:
      alertmanagers:
        - file_sd_configs:
            - files: [{quote(place / "targets" / "alertmanagers.json")}]
    """
    lines = f"""\
    rule_files:
      - {quote(place / "rules.local" / "*.yml")}
    scrape_configs:
      - job_name: node
        file_sd_configs:
          - files: [{quote(place / "targets" / "node.json")}]
      - job_name: bridge
        authorization:
          credentials_file: {quote(plan.token_places[0])}
        file_sd_configs:
          - files: [{quote(place / "targets" / "bridge.json")}]
    """
    texts = [textwrap.dedent(lines)]
    if plan.wishes.has_alertmanager:
        texts.append(textwrap.dedent(alerting))
    return (
        "  Your Prometheus is used, none is started. Paste into its configuration, and take the"
        " other\n"
        f"  jobs you want from {place}/prometheus.local.yml:\n\n"
        + textwrap.indent("".join(texts), "    ")
    )


def render_alertmanager_lines(plan: Plan) -> str:
    """Write the receiver as an Alertmanager configuration says it."""
    rules = plan.wishes.root / "alertmanager" / "alertmanager.local.yml"
    return render_receiver(plan.urls["SERVER_URL"], plan.token_places[1], rules)


def render_receiver(server_url: str, token: Path, rules: Path) -> str:
    """Write the receiver for a bridge at an address, and its token's file."""
    lines = f"""\
    route:
      receiver: opswire
      group_by: [host]
      group_wait: 10s
      group_interval: 30s
      routes:
        - receiver: opswire-watchdog
          matchers: ['alertname="Watchdog"']
          group_wait: 0s
          group_interval: 30s
          repeat_interval: 50s
    receivers:
      - name: opswire-watchdog
        webhook_configs:
          - url: {server_url}/alerts
            send_resolved: false
            http_config:
              authorization:
                credentials_file: {quote(token)}
      - name: opswire
        webhook_configs:
          - url: {server_url}/alerts
            send_resolved: true
            max_alerts: 1000
            http_config:
              authorization:
                credentials_file: {quote(token)}
    """
    return (
        "  Your Alertmanager is used, none is started. Paste into its configuration, and take the"
        " inhibition\n"
        f"  rules from {rules}:\n\n" + textwrap.indent(textwrap.dedent(lines), "    ")
    )
