#!/bin/sh
# Runs a program with the secrets that systemd handed over: secret_bot_token becomes BOT_TOKEN_FILE.
set -eu
for file in "${CREDENTIALS_DIRECTORY:?is set by LoadCredential= of the unit}"/secret_*; do
    name=${file##*/secret_}
    # What an editor left behind is no setting.
    case $name in '' | '*' | *[!a-z0-9_]*) continue ;; esac
    variable=$(printf '%s_FILE' "$name" | tr '[:lower:]' '[:upper:]')
    export "$variable=$file"
done
exec "$@"
