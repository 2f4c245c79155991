#!/bin/bash
# The image's words. Every few seconds, for ever, somebody asks whether a program answers: the shell asks that by itself, for
# a Python of its own would cost thirty times as much.
set -u

# opswire healthy PORT PATH: does what runs here answer 200?
is_healthy() {
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$2" >&3
    local status
    read -r -t 4 -u 3 _ status _ && [ "$status" = 200 ]
}

if [ $# -eq 3 ] && [ "$1" = healthy ]; then
    is_healthy "$2" "$3" 2>/dev/null
    exit
fi
exec /opt/venv/bin/python -m deploy.image "$@"
