# What upgrade.sh and rollback.sh have in common: how an installation lies, and its console.
# shellcheck shell=sh

say() { printf '%s\n' "$*" >&2; }
give_up() {
    say "${0##*/}: $*"
    exit 1
}

# Services, once deploy/install.sh was here; --folder means this folder all the same.
is_installed() { [ -z "$folder" ] && [ -e "$root/opt/opswire/installed.json" ]; }

require_root() {
    [ -n "$root" ] || [ "$(id -u)" -eq 0 ] || give_up "only root may change the services: run this with sudo"
}

control() { [ -n "$root" ] || systemctl "$@"; }

# A folder whose stack runs in containers: start.sh has written down how.
in_containers() { ! is_installed && [ -e "$project/.runtime/containers.json" ]; }

# The bridge's console, of the version that is there now.
console() {
    if in_containers; then
        (cd "$project" && ./start.sh --docker console "$@")
    elif ! is_installed; then
        (cd "$project" && .venv/bin/python -m bridge "$@")
    elif [ -z "$root" ]; then
        /usr/local/bin/opswire "$@"
    else
        (cd "$root/opt/opswire/current" && STATE_DIR=$root/var/lib/opswire AGENTS_FILE=$root/var/lib/opswire/inventory/agents.txt \
            .venv/bin/python -m bridge "$@")
    fi
}

# A host with an agent alone has no database.
has_bridge() {
    ! is_installed || [ -e "$root/etc/systemd/system/opswire-bridge.service" ]
}

find_schema() { console database revision | sed -n 's/^the database has schema \([^;]*\);.*/\1/p'; }

make_backup() {
    has_bridge || return 0
    schema=$(find_schema) && [ -n "$schema" ] || give_up "the database cannot be looked at (see above); nothing was changed"
    [ "$schema" != none ] || return 0
    if is_installed; then
        place=$root/var/lib/opswire/backups
        if [ -z "$root" ]; then
            # By the user whose folder that is: root would follow a link of theirs.
            setpriv --reuid opswire --regid opswire --init-groups mkdir -p -m 0700 -- "$place"
        else
            mkdir -p -m 0700 "$place"
        fi
    else
        place=$(find_state)/backups
        mkdir -p -m 0700 "$place"
    fi
    say "making a backup"
    backup=$place/before-upgrade-$(date -u +%Y%m%dT%H%M%SZ).zip
    console backup --force "$backup" >&2 || give_up "no backup could be made (see above); nothing was changed"
}

# The newest schema among the names of migrations, one a line.
newest_schema() { sed -n 's|^\(.*/\)\{0,1\}\([0-9]\{4\}\)_[^/]*\.py$|\2|p' | sort | tail -n 1; }

bring_back() {
    has_bridge || return 0
    wanted=$1
    [ -n "$wanted" ] || give_up "the version before has no migrations, so it is none of Opswire's; nothing was changed"
    schema=$(find_schema) && [ -n "$schema" ] || give_up "the database cannot be looked at (see above); nothing was changed"
    # What was cut off before the database was brought up needs no way back.
    [ "$schema" != none ] && [ "$schema" -gt "$wanted" ] || return 0
    say "bringing the database back to schema $wanted"
    console database downgrade "$wanted" >&2 || give_up "the database cannot be brought back (see above); the version is the one it was"
}

# --- a folder ----------------------------------------------------------------------------------
find_state() {
    (cd "$project" && .venv/bin/python -c '
from pathlib import Path
from bridge.settings import Settings, read_environment
print(Settings.load(read_environment(Path.cwd())).state_dir.absolute())')
}

require_folder() {
    git -C "$project" rev-parse --git-dir >/dev/null 2>&1 ||
        give_up "$project is no git clone, and nothing is installed as a service: unpack the other version beside it, move .env, agents.txt and state there, and start it"
    [ -x "$project/.venv/bin/python" ] || give_up "nothing ever ran in this folder; ./start.sh starts it"
    state=$(find_state) || give_up "the settings cannot be read (see above); nothing was changed"
    if in_containers; then return; fi
    if [ -L "$project/agents.txt" ] && [ ! -e "$state/opswire.db" ]; then
        give_up "the containers of this folder are down, and only they reach what is kept: ./start.sh --docker --detach, then run this again"
    fi
    for lock in "$state/bridge.lock" "$state/sandbox/bridge.lock"; do
        if [ -e "$lock" ] && ! flock -n "$lock" true; then
            give_up "the bridge of this folder is running: end it first (Ctrl-C, or ./start.sh down)"
        fi
    done
}

# --- services ----------------------------------------------------------------------------------
find_release() {
    [ -L "$root/opt/opswire/$1" ] || return 0
    basename -- "$(readlink -- "$root/opt/opswire/$1")"
}

point() {
    ln -sfn -- "releases/$2" "$root/opt/opswire/.$1.fresh"
    mv -fT -- "$root/opt/opswire/.$1.fresh" "$root/opt/opswire/$1"
}

# With the role and the programs of the installation that is there.
lay() {
    words=$("$root/opt/opswire/current/.venv/bin/python" -c '
import json, sys
kept = json.load(open(sys.argv[1]))
print("--role", kept["role"], *(word for name in kept["without"] for word in ("--without", name)))
' "$root/opt/opswire/installed.json") || give_up "/opt/opswire/installed.json cannot be read"
    # shellcheck disable=SC2086  # words of our own
    "$1/deploy/install.sh" $words ${root:+--root "$root"} >&2
}
