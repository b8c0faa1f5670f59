#!/usr/bin/env bash
# The dashboard in a real browser against the real daemon: every page, live updates, imports, replays, accessibility.
# Arguments: run only the checks whose name contains one of them.
# SCREENSHOTS=DIR also writes pictures of the pages. `SCREENSHOTS=$PWD/docs/pictures .ci/browser/run.sh reach` renews those
# in docs/pictures, which README.md and docs/dashboard.md show.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${CI_CACHE:-$root/target/ci}/browser
export ACCEPTD_BIN=${ACCEPTD_BIN:-$root/target/debug/acceptd}

if [ ! -x /usr/bin/chromium ]; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi
mkdir -p "$cache"
# The sources are copied beside their node_modules, so that the checkout stays clean.
cp -r "$here"/. "$cache"/
cd "$cache"
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --silent --no-audit --no-fund
    cp package-lock.json node_modules/.installed
fi
exec node run.mjs "$@"
