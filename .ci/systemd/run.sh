#!/usr/bin/env bash
# The service under a real systemd: boots one in namespaces (see `rig`), installs the units as a person would by hand, and runs
# tests.py inside. $SYSTEMD_ROOT names another root directory, to try another version of systemd.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
bin=${ACCEPTD_BIN:-$PWD/target/debug/acceptd}
work=$(mktemp -d /tmp/acceptd-systemd.XXXXXX)
export SYSTEMD_RIG_NAME=acceptd-$$
root=()
[ -z "${SYSTEMD_ROOT:-}" ] || root=(--root "$SYSTEMD_ROOT")

cleanup() {
    "$here/rig" down || true
    rm -rf "$work"
}
trap cleanup EXIT

gcc -shared -fPIC -O1 -o "$work/fault.so" tests/data/fault.c -ldl
mkdir -p "$work/man"
"$bin" generate man "$work/man"
"$here/rig" up "${root[@]}" \
    --file "$bin:/usr/bin/acceptd" \
    --file "$work/man/acceptd.1:/usr/share/man/man1/acceptd.1" \
    --file systemd/acceptd.service:/lib/systemd/system/acceptd.service \
    --file systemd/acceptd.socket:/lib/systemd/system/acceptd.socket \
    --file "$work/fault.so:/usr/lib/acceptd-test/fault.so" \
    --file "$here/tests.py:/usr/lib/acceptd-test/tests.py" \
    --file "$here/world.py:/usr/lib/acceptd-test/world.py"
"$here/rig" exec -d / python3 -B /usr/lib/acceptd-test/tests.py "$@"
