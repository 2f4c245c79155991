#!/bin/sh
# Brings Opswire to another version: the services of this machine, or this folder.
set -eu
unset CDPATH
project=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd -P)
root='' folder='' wanted=''
. "$project/deploy/versions.sh"

usage() {
    cat <<'END'
deploy/upgrade.sh [--folder] [VERSION | PATH]

Services (after deploy/install.sh): goes to the version in PATH, a copy of the project; to VERSION,
a tag of this clone; or, without a word, to this copy.
A folder (a git clone that ./start.sh runs in; --folder where both are there): goes to VERSION, or
to the newest of its branch. The stack must not run; in containers it must, for only they reach what
is kept.

A backup is made first. Cut off anywhere, it goes on when it is run again; deploy/rollback.sh goes
back to the version before, with the database.
END
}

while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --folder) folder=yes ;;
        --root) shift; root=${1%/} ;;
        -*) usage >&2; exit 2 ;;
        *) wanted=$1 ;;
    esac
    shift
done

find_commit() {
    for name in "refs/tags/v$1" "refs/tags/$1" "$1"; do
        git -C "$project" rev-parse --quiet --verify "$name^{commit}" 2>/dev/null && return
    done
    return 1
}

fetch_commit() {
    find_commit "$1" && return
    git -C "$project" fetch --quiet --tags 2>/dev/null || true
    find_commit "$1"
}

upgrade_services() {
    require_root
    source=$project
    if [ -d "$wanted" ]; then
        source=$(cd -- "$wanted" && pwd -P)
    elif [ -n "$wanted" ]; then
        commit=$(fetch_commit "$wanted") || give_up "there is no folder and no version $wanted here; nothing was changed"
        # A place of root's alone, of a name that a later one finds again: this one may be killed.
        unpacked=$root/run/opswire-upgrade
        rm -rf -- "$unpacked"
        trap 'rm -rf -- "$unpacked"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM HUP
        (umask 077 && mkdir -p -- "$unpacked")
        git -C "$project" archive "$commit" | tar -x -C "$unpacked"
        source=$unpacked
    fi
    [ -x "$source/deploy/install.sh" ] || give_up "$source is no whole copy of Opswire; nothing was changed"
    case $source/ in
        "$root"/opt/opswire/*) give_up "name a copy of the version to go to: $source is installed already" ;;
    esac
    # One that was cut off as it had laid everything lacks its last words alone.
    before=$(find_release upgrading)
    now=$(find_release current)
    if [ -n "$before" ] && [ "$now" != "$before" ] && [ ! -e "$root/opt/opswire/unfinished" ]; then
        point previous "$before"
        before=''
    fi
    # Also of one that was cut off, which may be long ago: nothing but the former version ran since.
    if [ -z "$before" ] || [ "$now" = "$before" ]; then
        make_backup
        before=$now
    fi
    # Kept until all is done: run again, it still knows what was there before.
    point upgrading "$before"
    lay "$source" || give_up "it is not finished (see above): run this again, or deploy/rollback.sh, which goes back to $before"
    now=$(find_release current)
    [ "$now" = "$before" ] || point previous "$before"
    rm -f -- "$root/opt/opswire/upgrading"
    if [ "$now" = "$before" ]; then
        say "$now runs, and $source is no other version${backup:+; the backup is $backup}"
        return
    fi
    say "$now runs (before: $before); deploy/rollback.sh goes back${backup:+; the backup is $backup}"
}

upgrade_folder() {
    require_folder
    here=$(git -C "$project" rev-parse HEAD)
    if [ -n "$wanted" ]; then
        commit=$(fetch_commit "$wanted") || give_up "there is no version $wanted here; nothing was changed"
    else
        git -C "$project" fetch --quiet || give_up "the newest version cannot be fetched (see above); nothing was changed"
        commit=$(git -C "$project" rev-parse --quiet --verify '@{upstream}^{commit}') ||
            give_up "this clone is on no branch that follows another: name a version; nothing was changed"
    fi
    if [ "$commit" = "$here" ]; then
        say "this is that version already; ./start.sh starts it"
        return
    fi
    make_backup
    git -C "$project" rev-parse HEAD >"$project/.runtime/previous"
    if [ -n "$wanted" ]; then
        git -C "$project" checkout --quiet --detach "$commit" || undo
    else
        git -C "$project" merge --quiet --ff-only "$commit" || undo
    fi
    say "this folder has the other version; ./start.sh brings up the database and starts it${backup:+. The backup is $backup}"
}

undo() {
    rm -f -- "$project/.runtime/previous"
    give_up "your own changes of this folder are in the way (see above); the version is the one it was"
}

backup=''
if is_installed; then upgrade_services; else upgrade_folder; fi
