#!/bin/sh
# Goes back to the version before the last upgrade, with the database.
set -eu
unset CDPATH
project=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd -P)
root='' folder=''
. "$project/deploy/versions.sh"

usage() {
    cat <<'END'
deploy/rollback.sh [--folder]

Goes back to the version before the last deploy/upgrade.sh, and brings the database back to its
schema: what was kept since stays, but for what that version has no place for. Of a folder, the
stack must not run; containers must. Cut off anywhere, it goes on when it is run again.
END
}

while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --folder) folder=yes ;;
        --root) shift; root=${1%/} ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

roll_back_services() {
    require_root
    # One that was cut off is gone back from as well.
    before=$(find_release upgrading)
    [ -n "$before" ] || before=$(find_release previous)
    [ -n "$before" ] || give_up "there was no upgrade to go back from"
    release=$root/opt/opswire/releases/$before
    [ -x "$release/deploy/install.sh" ] || give_up "$release is not there any more: install that version with deploy/install.sh of a copy of it"
    point upgrading "$before"
    if has_bridge && control is-active --quiet opswire-bridge; then
        # Whatever comes of it, a bridge that ran runs again.
        trap 'control start opswire-bridge' EXIT
        control stop opswire-bridge
    fi
    bring_back "$(ls "$release/bridge/store/migrations/versions" | newest_schema)"
    lay "$release" || give_up "it is not finished (see above): run this again"
    # What an upgrade that was cut off goes back to is not the version before that.
    [ "$(find_release previous)" != "$before" ] || rm -f -- "$root/opt/opswire/previous"
    rm -f -- "$root/opt/opswire/upgrading"
    say "$(find_release current) runs again"
}

roll_back_folder() {
    require_folder
    before=$(cat "$project/.runtime/previous" 2>/dev/null) || give_up "there was no upgrade to go back from"
    if in_containers; then (cd "$project" && ./start.sh --docker stop bridge) >&2; fi
    bring_back "$(git -C "$project" ls-tree --name-only "$before" bridge/store/migrations/versions/ | newest_schema)"
    git -C "$project" checkout --quiet --detach "$before" ||
        give_up "your own changes of this folder are in the way (see above): put them aside (git stash) and run this again"
    rm -f -- "$project/.runtime/previous"
    say "this folder has the version before again; ./start.sh starts it"
}

if is_installed; then roll_back_services; else roll_back_folder; fi
