#!/bin/sh
# Lets Prometheus and Alertmanager read their configuration again, where it has changed since then.
# The lists of targets lie deeper than what is looked at: they need no reload.
set -eu
stamps=/run/opswire-reload
mkdir -p "$stamps"
cd /var/lib/opswire-config
for program in prometheus alertmanager; do
    changed=first
    if [ -e "$stamps/$program" ]; then
        changed=$(find "$program" agents -maxdepth 2 \( -name '*.local.yml' -o -path '*/rules.local*' -o -path 'agents/*' \) -newer "$stamps/$program")
    fi
    touch "$stamps/$program"
    # Not waited for: at a start of the machine they come after this.
    [ -z "$changed" ] || systemctl --no-block try-reload-or-restart "opswire-$program.service"
done
