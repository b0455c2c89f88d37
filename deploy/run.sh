#!/bin/sh
# From a delivery to a served API: run.sh BIN [DELIVERY]. Running it again reuses what is in APP_HOME.
set -eu
PATH="$(cd "$1" && pwd):$PATH"
delivery=${2:-}
: "${PORT:=8000}" "${APP_HOME:=var}"
export APP_HOME APP_ISSUER="${APP_ISSUER:-http://127.0.0.1:$PORT}"
client="$APP_HOME/demo-client.json"
umask 077
mkdir -p "$APP_HOME"

app db upgrade
if [ -z "$delivery" ]; then
    delivery="$APP_HOME/sample.csv"
    [ -e "$delivery" ] || app etl sample --rows 50000 --seed 1 --out "$delivery"
fi
app etl run "$delivery"
python deploy/demo_client.py "$client"

# The server runs in the background, so that a signal sent to this script alone stops it too.
app serve --host 127.0.0.1 --port "$PORT" &
server=$!
stopped=""
trap 'stopped=yes; kill -TERM "$server" 2>/dev/null || true' INT TERM
python deploy/greet.py "$server" "http://127.0.0.1:$PORT" "$client" &
status=0
while kill -0 "$server" 2>/dev/null; do
    wait "$server" && status=0 || status=$?
done
wait
[ -n "$stopped" ] || exit "$status"
