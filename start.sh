#!/usr/bin/env bash
# Sets up what Opswire needs in this folder, then runs it. ./start.sh --help says what else it does.
set -euo pipefail
# CDPATH would send `cd` elsewhere, and make it print.
unset CDPATH
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

LOG=.runtime/logs/packages.log
UNFINISHED=.venv/.opswire-unfinished

say() { printf '%s\n' "$*" >&2; }
give_up() { say "start.sh: $*"; exit 1; }

# --- a Python that is new enough ---------------------------------------------------------------
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$name" >/dev/null && is_new_enough "$name"; then
            command -v "$name"
            return
        fi
        # A Python that was asked for and does not fit is not silently another one.
        [ "$name" != "${PYTHON:-}" ] || return 1
    done
    return 1
}

# --- the packages, once per requirements file --------------------------------------------------
fingerprint() { "$1" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$2"; }

is_stamped() {
    local stamp=".venv/.opswire-$2"
    [ -x .venv/bin/python ] && [ -s "$stamp" ] && [ ! -e "$UNFINISHED" ] &&
        [ "$(cat "$stamp")" = "$(fingerprint .venv/bin/python "$1" 2>/dev/null)" ]
}

# Two starts in one folder set it up one after the other. The lock ends with this process.
take_turn() {
    local lock='import fcntl, sys; fcntl.flock(9, fcntl.LOCK_EX | (fcntl.LOCK_NB if len(sys.argv) > 1 else 0))'
    exec 9>>.runtime/install.lock
    "$1" -c "$lock" now 2>/dev/null && return
    say "another start.sh sets up this folder; waiting for it"
    "$1" -c "$lock"
}

find_uv() {
    local name
    for name in uv .venv/bin/uv; do
        # A name on PATH may be a stub that runs nothing.
        if "$name" --version >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

make_venv() {
    say "making .venv (once)"
    uv venv --quiet --python "$1" .venv >/dev/null 2>&1 && return
    rm -rf .venv
    "$1" -m venv .venv >/dev/null 2>&1 && return
    rm -rf .venv
    # Debian ships venv without pip until a package is added; pip may still be there on its own.
    if has_pip "$1" && "$1" -m venv --without-pip .venv >&2; then
        return
    fi
    rm -rf .venv
    give_up "this Python cannot make a virtual environment. On Debian or Ubuntu: apt install python3-venv. Or install uv. Then start again."
}

has_pip() { "$1" -m pip --version >/dev/null 2>&1; }

run_pip() {
    local python=$1 words=(install --quiet --disable-pip-version-check --require-hashes)
    shift
    if has_pip .venv/bin/python || ! has_pip "$python" && .venv/bin/python -m ensurepip; then
        .venv/bin/python -m pip "${words[@]}" "$@"
    else
        "$python" -m pip --python .venv/bin/python "${words[@]}" "$@"
    fi
}

# uv needs seconds where pip needs half a minute. It reads no settings of pip, so it may fail where
# pip does not: it is then left early.
install_packages() {
    local python=$1 file=$2 uv
    if ! find_uv >/dev/null; then
        run_pip "$python" --retries 1 -r deploy/requirements/uv.txt || echo "start.sh: uv cannot be had, pip installs the packages"
    fi
    if uv=$(find_uv); then
        echo "start.sh: $("$uv" --version) installs the packages"
        "$uv" pip install --quiet --python .venv/bin/python --require-hashes -r "$file" && return
        echo "start.sh: uv failed, pip installs the packages"
    fi
    run_pip "$python" -r "$file"
}

ensure_packages() {
    local file=$1 kind=$2 python
    is_stamped "$file" "$kind" && return
    python=$(find_python) || give_up "Python 3.11 or newer is needed${PYTHON:+, and PYTHON=$PYTHON is none}. On Debian 12 or Ubuntu 24.04: apt install python3 python3-venv. Elsewhere: python.org, or uv python install 3.12. PYTHON=/path/to/python names one that is not on PATH."
    mkdir -p .runtime/logs || give_up "this folder cannot be written to; Opswire keeps everything it makes in it."
    take_turn "$python"
    is_stamped "$file" "$kind" && return
    if [ -e .venv ] && ! { [ -x .venv/bin/python ] && is_new_enough .venv/bin/python; }; then
        say "the old .venv does not run any more; it is made anew"
        rm -rf .venv
    elif [ -e "$UNFINISHED" ]; then
        say "an installation was cut off in the middle; .venv is made anew"
        rm -rf .venv
    fi
    [ -d .venv ] || make_venv "$python"
    say "installing the Python packages of $file (once, up to a minute)"
    : >"$UNFINISHED"
    # Caches lie in this folder too, unless somebody chose a place for them.
    export UV_CACHE_DIR=${UV_CACHE_DIR:-$PWD/.runtime/cache/uv} PIP_CACHE_DIR=${PIP_CACHE_DIR:-$PWD/.runtime/cache/pip}
    export UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-20} UV_HTTP_RETRIES=${UV_HTTP_RETRIES:-1}
    if ! install_packages "$python" "$file" >"$LOG" 2>&1; then
        # It failed in order: what was there before is still whole.
        rm -f "$UNFINISHED"
        grep -v -e '^WARNING' -e '^Looking in ' -e '^Requirement already ' "$LOG" | tail -n 8 >&2 || true
        give_up "the Python packages could not be installed (more in $LOG). Without a network: run ./start.sh once where there is one, or point pip at a folder of wheels with PIP_FIND_LINKS and PIP_NO_INDEX. Then start again."
    fi
    fingerprint .venv/bin/python "$file" >".venv/.opswire-$kind"
    rm -f "$UNFINISHED"
}

main() {
    # pip and uv end in order on Ctrl-C, and the shell would go on with what follows.
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    local file=deploy/requirements/all.txt kind=all
    # What the tests need holds all that the stack needs, at the same versions.
    if [ "${1:-}" = test ] || is_stamped deploy/requirements/dev.txt dev; then
        file=deploy/requirements/dev.txt kind=dev
    fi
    ensure_packages "$file" "$kind"
    exec 9>&-
    PYTHONPATH=$PWD exec .venv/bin/python -m deploy.stack "$@"
}

main "$@"
