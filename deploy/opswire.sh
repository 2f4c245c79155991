#!/bin/sh
# The console of an installed Opswire: its words run as the services' own users, with their settings.
set -eu

usage() {
    cat <<'END'
opswire agent enrol              make this host known to a bridge, with a code of /add
opswire people|chats|audit|…     the bridge's console (opswire people --help)
opswire status                   how every service is
END
}

[ $# -gt 0 ] || { usage; exit 2; }
case $1 in
    -h | --help) usage; exit 0 ;;
    status) exec systemctl list-units --all --no-pager 'opswire*' ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "opswire: only root reads the settings: sudo opswire $1 …" >&2; exit 1; }

# A terminal of its own, so that a code can be pasted unseen; pipes stay pipes.
if [ -t 0 ] && [ -t 1 ]; then ends=--pty; else ends=--pipe; fi
python=/opt/opswire/current/.venv/bin/python

run_as() {
    user=$1
    shift
    systemd-run --quiet --collect --wait "$ends" --property=User="$user" --property=Group="$user" \
        --property=WorkingDirectory=/opt/opswire/current --property=UMask=0077 "$@"
}

case $1 in
    agent)
        shift
        run_as opswire-agent --property=EnvironmentFile=-/etc/opswire/agent.env \
            --setenv=AGENT_STATE_DIR=/var/lib/opswire-agent "$python" -m agent "$@"
        [ "${1:-}" != enrol ] || systemctl restart opswire-agent-root opswire-agent
        ;;
    *)
        run_as opswire --property=EnvironmentFile=-/etc/opswire/monitoring.env \
            --property=EnvironmentFile=-/etc/opswire/bridge.env \
            --property=LoadCredential=secret:/etc/opswire/secrets \
            --setenv=STATE_DIR=/var/lib/opswire --setenv=AGENTS_FILE=/var/lib/opswire/inventory/agents.txt \
            /opt/opswire/current/deploy/with-secrets.sh "$python" -m bridge "$@"
        ;;
esac
