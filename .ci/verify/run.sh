#!/usr/bin/env bash
# What acceptd sends, judged by those who receive it: the official Standard Webhooks libraries for JavaScript and Python verify
# real requests of the real daemon, and a handler written for SendPilot runs on them unchanged, under Express.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
bin=${ACCEPTD_BIN:-$root/target/release/acceptd}
work=${CI_CACHE:-$root/target/ci}/verify
mkdir -p "$work"

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi
cp .ci/verify/package.json "$work/"
npm install --prefix "$work" --no-audit --no-fund --loglevel=error
[ -x "$work/venv/bin/python" ] || python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check standardwebhooks==1.1.0

export NODE_PATH=$work/node_modules
exec "$work/venv/bin/python" .ci/verify/check.py "$bin" "$root"
