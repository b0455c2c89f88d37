#!/bin/sh
# Writes the exact versions that a fresh environment of the project gets: lock.sh PYTHON FILE
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$1" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check '.[dev,bench]'
{
    echo "# Every package of a development environment, written by 'make lock'."
    "$folder/venv/bin/python" -m pip freeze --exclude movie-marts
} >"$folder/lock"
mv "$folder/lock" "$2"
