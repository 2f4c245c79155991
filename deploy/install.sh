#!/bin/sh
# Installs Opswire as services of this machine. --help says how, --dry-run what it would do.
set -eu
unset CDPATH
project=$(cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd -P)

# Services run this Python: not one of a person's home or of an activated environment.
find_python() {
    for name in ${PYTHON:+"$PYTHON"} /usr/bin/python3 /usr/local/bin/python3 \
        /usr/bin/python3.1[1-9] /usr/local/bin/python3.1[1-9]; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
        [ "$name" != "${PYTHON:-}" ] || return 1
    done
    return 1
}

python=$(find_python) || {
    echo "install.sh: Python 3.11 or newer is needed${PYTHON:+, and PYTHON=$PYTHON is none}. Debian, Ubuntu: apt install python3 python3-venv" >&2
    exit 1
}
PYTHONPATH=$project exec "$python" -P -B -m deploy.installing install "$@"
