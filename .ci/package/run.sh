#!/usr/bin/env bash
# Builds the Debian package and tries it in a real systemd: install, enable, upgrade while running, remove, purge.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
cache=${CI_CACHE:-$PWD/target/ci}
rig=$here/../systemd/rig
work=$(mktemp -d /tmp/acceptd-package.XXXXXX)
export SYSTEMD_RIG_NAME=acceptd-package-$$

cleanup() {
    "$rig" down || true
    rm -rf "$work"
}
trap cleanup EXIT

if [ ! -x "$cache/tools/bin/cargo-deb" ]; then
    CARGO_TARGET_DIR=$cache/cargo-deb cargo install --quiet --locked --version 3.8.0 --root "$cache/tools" cargo-deb
    rm -rf "$cache/cargo-deb"
fi
PATH=$cache/tools/bin:$PATH systemd/debian/build --output "$work/acceptd.deb"
dpkg-deb --info "$work/acceptd.deb"
dpkg-deb --contents "$work/acceptd.deb"

# The same package as a later version, to upgrade to.
dpkg-deb --raw-extract "$work/acceptd.deb" "$work/next"
sed -i 's/^Version: .*/Version: 99.0.0-1/' "$work/next/DEBIAN/control"
dpkg-deb --build --root-owner-group "$work/next" "$work/acceptd-next.deb" >/dev/null

"$rig" up \
    --file "$work/acceptd.deb:/usr/lib/acceptd-test/acceptd.deb" \
    --file "$work/acceptd-next.deb:/usr/lib/acceptd-test/acceptd-next.deb" \
    --file "$here/tests.py:/usr/lib/acceptd-test/tests.py" \
    --file "$here/../systemd/world.py:/usr/lib/acceptd-test/world.py"
"$rig" exec -d / python3 -B /usr/lib/acceptd-test/tests.py
