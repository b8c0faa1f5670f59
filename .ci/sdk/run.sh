#!/usr/bin/env bash
# Holds the simulated Unipile to the real one: the provider's published SDK speaks to it and validates its bodies.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}
work=${CI_CACHE:-$target/ci}/sdk

if ! command -v npm >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi
mkdir -p "$work"
cp "$here/package.json" "$here/package-lock.json" "$here/check.cjs" "$work/"
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund

cargo build --quiet --example simulated_unipile
coproc SIM { exec "$target/debug/examples/simulated_unipile" --accounts 2 --relations 250; }
pid=$SIM_PID
trap 'kill "$pid" 2>/dev/null || true' EXIT
read -r -t 30 world <&"${SIM[0]}"
node "$work/check.cjs" "$world"
