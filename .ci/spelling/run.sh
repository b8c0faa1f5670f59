#!/usr/bin/env bash
# Checks the spelling of everything in the tree (typos.toml).
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${CI_CACHE:-$PWD/target/ci}

if [ ! -x "$cache/spelling/bin/typos" ]; then
    python3 -m venv "$cache/spelling"
    "$cache/spelling/bin/pip" install --quiet --disable-pip-version-check typos==1.52.0
fi
"$cache/spelling/bin/typos"
echo "no misspelt word"
