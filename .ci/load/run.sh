#!/usr/bin/env bash
# Fills a database with a million enrollments, 100,000 waiting signals and 300,000 dead letters, and prints how long a webhook
# waits for its answer beside bulk work and dashboards. Nothing is asserted but that every request is answered.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
exec python3 -B "$here/load.py" "${ACCEPTD_BIN:-$here/../../target/release/acceptd}"
