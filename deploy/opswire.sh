#!/bin/sh
# The console of an installed Opswire: its words run as the services' own users, with their settings.
set -eu

usage() {
    cat <<'END'
opswire agent enrol              make this host known to a bridge, with a code of /add
opswire people|chats|audit|…     the bridge's console (opswire people --help)
opswire backup|restore FILE      everything that is kept, into one file and back
opswire status                   how every service is, and what an upgrade that was cut off needs
END
}

[ $# -gt 0 ] || { usage; exit 2; }
tell_unfinished() {
    if [ -L /opt/opswire/upgrading ]; then
        before=$(basename -- "$(readlink -- /opt/opswire/upgrading)")
        echo "An upgrade or a rollback is under way, or was cut off. deploy/upgrade.sh of the version to go to,"
        echo "run again, goes on; /opt/opswire/current/deploy/rollback.sh goes back to $before."
    elif [ -e /opt/opswire/unfinished ]; then
        echo "An installation is under way, or was cut off. deploy/install.sh, run again, goes on."
    fi
}

case $1 in
    -h | --help) usage; exit 0 ;;
    status) tell_unfinished; exec systemctl list-units --all --no-pager 'opswire*' ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "opswire: only root reads the settings: sudo opswire $1 …" >&2; exit 1; }

# A terminal of its own, so that a code can be pasted unseen; pipes stay pipes.
if [ -t 0 ] && [ -t 1 ]; then ends=--pty; else ends=--pipe; fi
python=/opt/opswire/current/.venv/bin/python

stop_console() {
    systemctl stop --quiet "opswire-console-$$" 2>/dev/null || true
}

run_as() {
    user=$1
    shift
    # Who is cut off, by a lost connection too, leaves nothing that holds the store.
    trap 'stop_console; exit 130' INT
    trap 'stop_console; exit 143' TERM HUP
    systemd-run --unit="opswire-console-$$" --quiet --collect --wait "$ends" --property=User="$user" --property=Group="$user" \
        --property=WorkingDirectory=/opt/opswire/current --property=UMask=0077 "$@"
}

ask_bridge() {
    run_as opswire --property=EnvironmentFile=-/etc/opswire/monitoring.env \
        --property=EnvironmentFile=-/etc/opswire/bridge.env \
        --property=LoadCredential=secret:/etc/opswire/secrets \
        --setenv=STATE_DIR=/var/lib/opswire --setenv=AGENTS_FILE=/var/lib/opswire/inventory/agents.txt \
        /opt/opswire/current/deploy/with-secrets.sh "$python" -m bridge "$@"
}

give_up() {
    echo "opswire: $*" >&2
    exit 1
}

# The bridge's user reads and writes its store alone; what lies elsewhere is carried there or from there.
# shellcheck disable=SC2086 # no option has a blank
carry() {
    deed=$1 file='' words='' fresh=''
    shift
    for word; do
        case $word in
            -*) words="$words $word" ;;
            *) file=$word ;;
        esac
    done
    case $file in
        '' | /var/lib/opswire/*) ask_bridge "$deed" $words ${file:+"$file"}; return ;;
    esac
    # Beside the bridge's folder and not in it: there its user could put a link in this one's place.
    place=$(mktemp -d /var/lib/opswire-carried.XXXXXX)
    trap 'rm -rf -- "$place" ${fresh:+"$fresh"}' EXIT
    # A signal alone ends this shell without that.
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    carried=$place/${file##*/}
    if [ "$deed" = restore ]; then
        cp -- "$file" "$carried"
        chown -R opswire:opswire "$place"
        ask_bridge restore $words "$carried"
        return
    fi
    case "$words " in
        *" --force "*) ;;
        *) [ ! -e "$file" ] || give_up "$file is there already; --force replaces it" ;;
    esac
    [ -d "$(dirname -- "$file")" ] || give_up "there is no folder $(dirname -- "$file")"
    chown opswire:opswire "$place"
    ask_bridge backup $words "$carried"
    # Root's again before root looks into it: nobody puts something else there now.
    chown root:root "$place"
    [ -f "$carried" ] && [ ! -L "$carried" ] || give_up "there is no backup: $carried is no file"
    # Whole or not at all, also on another disk; under a name that nobody has prepared.
    fresh=$(mktemp -- "$file.XXXXXXXX")
    cat -- "$carried" >"$fresh"
    sync -- "$fresh"
    mv -fT -- "$fresh" "$file"
    echo "It is $file now."
}

case $1 in
    agent)
        shift
        run_as opswire-agent --property=EnvironmentFile=-/etc/opswire/agent.env \
            --setenv=AGENT_STATE_DIR=/var/lib/opswire-agent "$python" -m agent "$@"
        [ "${1:-}" != enrol ] || systemctl restart opswire-agent-root opswire-agent
        ;;
    backup | restore) carry "$@" ;;
    *) ask_bridge "$@" ;;
esac
