#!/usr/bin/env bash
# Sets up what Opswire needs in this folder, then runs it. ./start.sh --help says what else it does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '%s\n' "$*" >&2; }
give_up() { say "start.sh: $*"; exit 1; }

# --- a Python that is new enough ---------------------------------------------------------------
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local name
    for name in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        if [ -n "$name" ] && command -v "$name" >/dev/null && is_new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    return 1
}

# --- the packages, once per requirements file --------------------------------------------------
fingerprint() { "$1" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$2"; }

make_venv() {
    say "making .venv (once)"
    if command -v uv >/dev/null; then
        uv venv --quiet --python "$1" .venv >&2 && return
    fi
    "$1" -m venv .venv >/dev/null 2>&1 && return
    rm -rf .venv
    # Debian ships venv without pip until a package is added; pip may still be there on its own.
    if "$1" -m pip --version >/dev/null 2>&1 && "$1" -m venv --without-pip .venv >&2; then
        return
    fi
    rm -rf .venv
    give_up "this Python cannot make a virtual environment. On Debian or Ubuntu: apt install python3-venv. Or install uv. Then start again."
}

has_installer() {
    command -v uv >/dev/null || .venv/bin/python -m pip --version >/dev/null 2>&1
}

install_packages() {
    local python=$1 file=$2
    if command -v uv >/dev/null; then
        uv pip install --quiet --python .venv/bin/python --require-hashes -r "$file"
    elif .venv/bin/python -m pip --version >/dev/null 2>&1; then
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$file"
    else
        "$python" -m pip --python .venv/bin/python install --quiet --disable-pip-version-check --require-hashes -r "$file"
    fi
}

ensure_packages() {
    local file=$1 stamp=.venv/.opswire-${2} python wanted
    # A folder that was moved or whose Python is gone is made anew.
    if [ -e .venv ] && ! { [ -x .venv/bin/python ] && is_new_enough .venv/bin/python; }; then
        say "the old .venv does not run any more; it is made anew"
        rm -rf .venv
    fi
    if [ -x .venv/bin/python ]; then
        wanted=$(fingerprint .venv/bin/python "$file")
        [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && return
    fi
    python=$(find_python) || give_up "Python 3.11 or newer is needed. On Debian 12 or Ubuntu 24.04: apt install python3 python3-venv. Elsewhere: python.org, or uv python install 3.12. PYTHON=/path/to/python names one that is not on PATH."
    if [ -d .venv ] && ! has_installer && [ -z "$(ls .venv/.opswire-* 2>/dev/null)" ]; then
        # A start that was cut off in the middle left it.
        rm -rf .venv
    fi
    [ -d .venv ] || make_venv "$python"
    wanted=$(fingerprint .venv/bin/python "$file")
    say "installing the Python packages of $file (once, about a minute)"
    mkdir -p .runtime/logs
    if ! install_packages "$python" "$file" >.runtime/logs/packages.log 2>&1; then
        grep -v '^WARNING' .runtime/logs/packages.log | tail -n 8 >&2 || true
        give_up "the Python packages could not be installed (more in .runtime/logs/packages.log). Without a network: run ./start.sh once where there is one, or point pip at a folder of wheels with PIP_FIND_LINKS and PIP_NO_INDEX. Then start again."
    fi
    printf '%s\n' "$wanted" >"$stamp"
}

main() {
    local file=deploy/requirements/all.txt kind=all
    if [ "${1:-}" = test ]; then
        file=deploy/requirements/dev.txt kind=dev
    elif [ -f .venv/.opswire-dev ] && [ "$(fingerprint .venv/bin/python deploy/requirements/dev.txt 2>/dev/null)" = "$(cat .venv/.opswire-dev)" ]; then
        # What the tests need holds all that the stack needs, at the same versions.
        kind=dev file=deploy/requirements/dev.txt
    fi
    ensure_packages "$file" "$kind"
    PYTHONPATH=$PWD exec .venv/bin/python -m deploy.stack "$@"
}

main "$@"
