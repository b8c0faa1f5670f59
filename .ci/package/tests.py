"""The life of the package, in the order in which it happens. Runs inside the rig; the last line is "N passed, N failed"."""

import pathlib
import sys
import traceback

from world import *

HERE = pathlib.Path("/usr/lib/acceptd-test")
ETC = pathlib.Path("/etc/systemd/system")
WANTS = [ETC / w for w in ("multi-user.target.wants/acceptd.service", "sockets.target.wants/acceptd.socket")]
ADMIN_WANTS = [ETC / w for w in
               ("sockets.target.wants/acceptd-admin.socket", "acceptd.service.wants/acceptd-admin.socket")]


def install():
    # Images of containers come with a policy that packages start and stop nothing. Machines don't.
    pathlib.Path("/usr/sbin/policy-rc.d").unlink(missing_ok=True)
    sh("dpkg", "-i", str(HERE / "acceptd.deb"))
    assert show("ActiveState") == "inactive" and not any(w.is_symlink() for w in WANTS), "it started by itself"
    assert show("LoadState") == "loaded"
    assert "acceptd" in sh("acceptd", "--version")
    sh("acceptd", "--config", str(CONFIG), "check")
    # A new installation serves the API at an address of its own.
    assert all(w.is_symlink() for w in ADMIN_WANTS), "the admin socket is not enabled"
    assert show("ActiveState", "acceptd-admin.socket") == "inactive"
    assert f'admin_listen = "127.0.0.1:{ADMIN_PORT}"' in CONFIG.read_text()


def man_page_and_completions():
    assert sh("man", "-w", "acceptd").endswith("acceptd.1.gz")
    said = sh("bash", "-c", ". /usr/share/bash-completion/completions/acceptd && complete -p acceptd")
    assert "acceptd" in said, said
    for file in ("/usr/share/zsh/vendor-completions/_acceptd", "/usr/share/fish/vendor_completions.d/acceptd.fish"):
        assert pathlib.Path(file).stat().st_size > 500, file


def verify_prints_nothing():
    said = sh("systemd-analyze", "verify", *UNITS)
    assert not said, said


def enable_and_start_with_the_default_configuration():
    sh("systemctl", "enable", "--now", "acceptd")
    assert show("ActiveState") == "active" and call("GET", "/readyz", port=ADMIN_PORT)[0] == 200
    assert call("GET", "/readyz", port=PORT)[0] == 404
    assert all(show("ActiveState", unit) == "active" for unit in UNITS)
    assert all(w.is_symlink() for w in WANTS), "not enabled for the next boot"
    assert pathlib.Path("/var/lib/acceptd/acceptd.db").exists()


def upgrade_while_running_refuses_and_loses_nothing():
    write_config(split=True)
    sh("systemctl", "restart", "acceptd")
    names = [f"u{n}" for n in range(3000)]
    enroll(names)
    mine, before = CONFIG.read_text(), show("MainPID")
    load = Load(names)
    until(lambda: len(load.acked) > 50)
    sh("dpkg", "-i", str(HERE / "acceptd-next.deb"))
    until(ready)
    until(lambda: len(load.acked) > 400 or len(load.acked) == len(names), 30)
    load.stop()
    assert show("MainPID") != before, "the old program still runs"
    assert CONFIG.read_text() == mine, "the operator's configuration was overwritten"
    assert load.refused == 0 and not load.other, (load.refused, load.other)
    assert accepted(load.acked) == set(load.acked), "an acknowledged webhook was lost"


def an_installation_with_one_address_keeps_it_in_an_upgrade():
    write_config()
    sh("systemctl", "disable", "--now", "acceptd-admin.socket", ok=False)
    sh("systemctl", "stop", *UNITS)
    sh("systemctl", "start", "acceptd")
    assert ready() and call("GET", "/v1/accounts", port=PORT)[0] == 401
    before = show("MainPID")
    sh("dpkg", "-i", str(HERE / "acceptd-next.deb"))
    until(ready)
    assert show("MainPID") != before, "the old program still runs"
    assert not any(w.is_symlink() for w in ADMIN_WANTS), "the upgrade enabled the admin socket"
    assert call("GET", "/v1/accounts", port=PORT)[0] == 401


def remove_keeps_configuration_and_data():
    sh("dpkg", "-r", "acceptd")
    assert not pathlib.Path("/usr/bin/acceptd").exists()
    assert CONFIG.exists() and (DATA / "acceptd.db").exists()
    try:
        call("GET", "/healthz", timeout=2)
        raise AssertionError("the socket is still open")
    except ConnectionRefusedError:
        pass


def installed_again_it_goes_on():
    sh("dpkg", "-i", str(HERE / "acceptd-next.deb"))
    sh("systemctl", "start", "acceptd")
    assert api("GET", "/v1/enrollments?limit=1")["items"], "the data is gone"


def purge_leaves_nothing():
    secrets = pathlib.Path("/etc/acceptd/secrets")
    assert secrets.stat().st_mode & 0o777 == 0o700, oct(secrets.stat().st_mode)
    (secrets / "unipile-api-key").write_text("a-key")
    sh("dpkg", "-P", "acceptd")
    for path in (pathlib.Path("/etc/acceptd"), DATA, pathlib.Path("/var/lib/acceptd"), *WANTS, *ADMIN_WANTS):
        assert not path.exists() and not path.is_symlink(), f"{path} is still there"
    assert show("LoadState") == "not-found", show("LoadState")


def main():
    passed = failed = 0
    for step in (install, man_page_and_completions, verify_prints_nothing, enable_and_start_with_the_default_configuration,
                 upgrade_while_running_refuses_and_loses_nothing, an_installation_with_one_address_keeps_it_in_an_upgrade,
                 remove_keeps_configuration_and_data,
                 installed_again_it_goes_on, purge_leaves_nothing):
        try:
            step()
            passed += 1
            print(f"ok     {step.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED {step.__name__}\n{traceback.format_exc()}\n", flush=True)
            print("\n".join([line for line in journal().splitlines() if not line.startswith("accepted ")][-30:]), flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
