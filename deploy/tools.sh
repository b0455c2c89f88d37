#!/bin/sh
# Installs the Debian packages of commands that are missing where it may; says what is missing where it may not.
# An argument is COMMAND, or COMMAND:PACKAGE where the package is called otherwise.
set -eu
missing=""
for tool in "$@"; do
    command -v "${tool%%:*}" >/dev/null 2>&1 || missing="$missing ${tool##*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
    echo "missing:$missing; what needs them is skipped. On Debian: sudo apt-get install$missing" >&2
fi
