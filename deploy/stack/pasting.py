"""The lines that a person's own Prometheus and Alertmanager need."""

from __future__ import annotations

import textwrap

from deploy.stack.plan import Plan


def render_lines_to_paste(plan: Plan) -> str:
    """Write them for whichever of the two the stack does not run; empty when it runs both."""
    parts = []
    if not plan.wishes.has_prometheus:
        parts.append(render_prometheus_lines(plan))
    if not plan.wishes.has_alertmanager:
        parts.append(render_alertmanager_lines(plan))
    return "\n".join(parts)


def render_prometheus_lines(plan: Plan) -> str:
    """Write the rules, the hosts and the bridge as a Prometheus configuration says them."""
    place = plan.wishes.root / "prometheus"
    lines = f"""\
    rule_files:
      - {place}/rules/*.yml
    scrape_configs:
      - job_name: node
        file_sd_configs: [{{files: [{place}/targets/node.json]}}]
      - job_name: bridge
        authorization: {{credentials_file: {plan.token_places[0]}}}
        file_sd_configs: [{{files: [{place}/targets/bridge.json]}}]
    """
    return (
        "  Your Prometheus is used, none is started. Paste into its configuration, and take the"
        " other\n"
        f"  jobs you want from {place}/prometheus.local.yml:\n\n"
        + textwrap.indent(textwrap.dedent(lines), "    ")
    )


def render_alertmanager_lines(plan: Plan) -> str:
    """Write the receiver as an Alertmanager configuration says it."""
    lines = f"""\
    route:
      receiver: opswire
      group_by: [host]
    receivers:
      - name: opswire
        webhook_configs:
          - url: {plan.urls["SERVER_URL"]}/alerts
            send_resolved: true
            http_config:
              authorization: {{credentials_file: {plan.token_places[1]}}}
    """
    return (
        "  Your Alertmanager is used, none is started. Paste into its configuration, and take the"
        " inhibition\n"
        f"  rules from {plan.wishes.root}/alertmanager/alertmanager.local.yml:\n\n"
        + textwrap.indent(textwrap.dedent(lines), "    ")
    )
