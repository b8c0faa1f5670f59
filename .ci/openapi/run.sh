#!/usr/bin/env bash
# The API's description: valid OpenAPI 3.1, true of the live daemon (schemathesis), and good enough to generate a client from
# that imports, lists and resyncs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${CI_CACHE:-$root/target/ci}/openapi
export ACCEPTD_BIN=${ACCEPTD_BIN:-$root/target/debug/acceptd}

mkdir -p "$cache"
if ! cmp -s "$here/requirements.txt" "$cache/installed"; then
    python3 -m venv --clear "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$cache/installed"
fi
cd "$cache"
exec "$cache/venv/bin/python" "$here/check.py" "$here" "$@"
