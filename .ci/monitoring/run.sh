#!/usr/bin/env bash
# The alert rules by promtool, and the metrics page of a live daemon by the official parsers; every metric that a rule or the
# dashboard names must be on that page.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${CI_CACHE:-$PWD/target/ci}
bin=${ACCEPTD_BIN:-$PWD/target/debug/acceptd}
mkdir -p "$cache/promtool"

if [ ! -x "$cache/promtool/usr/bin/promtool" ]; then
    # Only the tool: the package would start a server.
    work=$(mktemp -d)
    chmod 0755 "$work"
    (cd "$work" && apt-get download -qq prometheus)
    dpkg-deb --fsys-tarfile "$work"/prometheus_*.deb | tar -x -C "$cache/promtool" ./usr/bin/promtool
    rm -rf "$work"
fi
promtool=$cache/promtool/usr/bin/promtool
if ! [ -x "$cache/metrics-venv/bin/python" ] || ! "$cache/metrics-venv/bin/python" -c 'import prometheus_client' 2>/dev/null; then
    python3 -m venv --clear "$cache/metrics-venv"
    "$cache/metrics-venv/bin/pip" install --quiet --disable-pip-version-check prometheus-client==0.23.1
fi

(cd systemd/monitoring && "$promtool" check rules alerts.yml && "$promtool" test rules alerts_test.yml)
ACCEPTD_BIN=$bin PROMTOOL=$promtool "$cache/metrics-venv/bin/python" .ci/monitoring/live.py
