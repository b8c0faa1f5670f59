#!/usr/bin/env bash
# The service under a real systemd, that of Debian 12 (252) and that of Debian 13 (257): boots each in namespaces (see `rig`),
# installs the units as a person would by hand, and runs tests.py inside. Arguments choose tests by name; VERSIONS the systemds.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
bin=${ACCEPTD_BIN:-$PWD/target/debug/acceptd}
cache=${CI_CACHE:-$PWD/target/ci}
work=$(mktemp -d /tmp/acceptd-systemd.XXXXXX)
export SYSTEMD_RIG_NAME=acceptd-$$

cleanup() {
    "$here/rig" down || true
    rm -rf "$work"
}
trap cleanup EXIT

gcc -shared -fPIC -O1 -o "$work/fault.so" tests/data/fault.c -ldl
mkdir -p "$work/man"
"$bin" generate man >"$work/man/acceptd.1"

inside() { # TESTS...: in a rig on $root
    "$here/rig" up "${root[@]}" \
        --file "$bin:/usr/bin/acceptd" \
        --file "$work/man/acceptd.1:/usr/share/man/man1/acceptd.1" \
        --file systemd/acceptd.service:/lib/systemd/system/acceptd.service \
        --file systemd/acceptd.socket:/lib/systemd/system/acceptd.socket \
        --file systemd/acceptd-admin.socket:/lib/systemd/system/acceptd-admin.socket \
        --file "$work/fault.so:/usr/lib/acceptd-test/fault.so" \
        --file "$here/tests.py:/usr/lib/acceptd-test/tests.py" \
        --file "$here/world.py:/usr/lib/acceptd-test/world.py"
    local status=0
    "$here/rig" exec -d / /usr/bin/python3 -B /usr/lib/acceptd-test/tests.py "$@" || status=$?
    "$here/rig" down
    return "$status"
}

newer_root() {
    if [ ! -e "$cache/trixie/.complete" ]; then
        rm -rf "$cache/trixie"
        apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
        debootstrap --variant=minbase --include=systemd,dbus,python3,man-db trixie "$cache/trixie" \
            http://deb.debian.org/debian >"$work/debootstrap.log" || { tail -20 "$work/debootstrap.log"; return 1; }
        touch "$cache/trixie/.complete"
    fi
}

failed=0
for version in ${VERSIONS:-252 257}; do
    root=()
    if [ "$version" = 257 ]; then
        newer_root
        root=(--root "$cache/trixie")
    fi
    inside "$@" || failed=1
done
exit "$failed"
