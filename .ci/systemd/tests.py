"""The service under a real systemd. Runs inside the rig, as root; the last line is "N passed, N failed"."""

import http.client
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback

from world import *

FAULTY = "Environment=LD_PRELOAD=/usr/lib/acceptd-test/fault.so FAULT_DIR=/run/acceptd-faults\n"


def test_the_unit_files_are_clean_and_hardened():
    said = sh("systemd-analyze", "verify", *(f"/lib/systemd/system/{unit}" for unit in UNITS))
    assert not said, said
    score = sh("systemd-analyze", "security", "--offline=true", "--no-pager", "/lib/systemd/system/acceptd.service")
    level = float(re.search(r"Overall exposure level.*?: ([0-9.]+)", score)[1])
    assert level <= 1.2, level


def test_active_only_after_ready():
    """systemd waits for READY: while the database can't be opened for stalled writes the unit is activating."""
    fresh()
    assert ready(), "active, but not ready"
    assert show("StatusText"), "no STATUS line"
    sh("systemctl", "stop", "acceptd.socket", "acceptd.service")
    sh("rm", "-rf", str(DATA))
    drop_in(FAULTY)
    (FAULTS / "stall").touch()
    sh("systemctl", "start", "--no-block", "acceptd.service")
    until(lambda: show("ActiveState") == "activating")
    time.sleep(1)
    assert show("ActiveState") == "activating", show("ActiveState")
    (FAULTS / "stall").unlink()
    until(lambda: show("ActiveState") == "active")
    assert ready()


def held_by_systemd(port):
    """Whether the service listens at the port, and systemd holds the socket too."""
    def sockets(pid):
        return {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}

    listening = {f"socket:[{line.split()[9]}]" for line in open("/proc/net/tcp").readlines()[1:]
                 if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")}
    assert len(listening) == 1 and listening <= sockets(show("MainPID")), listening
    return listening <= sockets(1)


def test_the_socket_of_systemd_is_used():
    fresh()
    assert held_by_systemd(PORT), "systemd does not hold the socket"


def test_the_admin_socket_serves_the_api_and_the_other_one_webhooks():
    fresh(split=True)
    assert held_by_systemd(PORT) and held_by_systemd(ADMIN_PORT)
    enroll(["two"])
    assert webhook("two") == 200
    assert accepted(["two"]) == {"two"}
    for path in ("/healthz", "/readyz", "/metrics", "/v1/accounts", "/"):
        status = call("GET", path, None, {"authorization": f"Bearer {ADMIN}"}, port=PORT)[0]
        assert status == 404, f"{path}: {status}"
    assert call("POST", "/webhooks/unipile", {}, port=ADMIN_PORT)[0] == 404
    said = sh("acceptd", "--config", str(CONFIG), "status")
    assert "Backlog" in said, said
    sh("systemctl", "stop", "acceptd.service")
    assert call("GET", "/healthz")[0] == 200, "a connection to the admin socket does not start the service"


def test_a_restart_refuses_no_connection_at_the_admin_socket():
    fresh(split=True)
    refused, asked, stopping = [], [], threading.Event()

    def ask():
        while not stopping.is_set():
            try:
                asked.append(call("GET", "/healthz", timeout=20)[0])
            except ConnectionRefusedError as error:
                refused.append(error)
            except (OSError, http.client.HTTPException):
                pass

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        sh("systemctl", "restart", "acceptd.service")
    stopping.set()
    for thread in threads:
        thread.join(30)
    assert asked and not refused, (len(asked), len(refused))


def test_without_the_admin_socket_an_installation_keeps_its_one_address():
    """The unit is there, as after an upgrade, but neither enabled nor configured."""
    fresh()
    assert show("ActiveState", "acceptd-admin.socket") == "inactive"
    sh("systemctl", "restart", "acceptd.service")
    assert show("ActiveState", "acceptd-admin.socket") == "inactive"
    enroll(["one"])
    assert webhook("one") == 200 and accepted(["one"]) == {"one"}


def test_an_enabled_admin_socket_comes_with_the_service():
    fresh(split=True)
    sh("systemctl", "stop", *UNITS)
    sh("systemctl", "enable", "acceptd-admin.socket")
    try:
        sh("systemctl", "start", "acceptd.service")
        assert held_by_systemd(ADMIN_PORT) and ready()
    finally:
        sh("systemctl", "disable", "acceptd-admin.socket")
    sh("systemctl", "stop", *UNITS)
    sh("systemctl", "start", "acceptd.service")
    assert not held_by_systemd(ADMIN_PORT) and ready(), "without the socket unit it binds admin_listen by itself"


def test_a_connection_starts_the_service():
    fresh()
    sh("systemctl", "stop", "acceptd.service")
    assert show("ActiveState") == "inactive"
    enroll(["late"])
    assert webhook("late") == 200
    # The answer may come before READY.
    until(lambda: show("ActiveState") == "active")


def test_without_the_socket_unit_it_binds_by_itself():
    fresh()
    sh("systemctl", "mask", "--now", "--runtime", "acceptd.socket")
    try:
        sh("systemctl", "restart", "acceptd.service")
        assert ready()
    finally:
        sh("systemctl", "stop", "acceptd.service")
        sh("systemctl", "unmask", "--runtime", "acceptd.socket")


def under_load(disturb, times, names):
    receiver = Receiver()
    fresh(receiver=receiver)
    enroll(names)
    load = Load(names)
    for n in range(times):
        until(lambda: len(load.acked) >= (n + 1) * 30, 30)
        disturb()
    until(lambda: len(load.acked) >= min(len(names), len(load.acked) + 100), 30)
    load.stop()
    until(ready, 20)
    lost = set(load.acked) - accepted(load.acked)
    assert load.refused == 0, f"{load.refused} connections were refused"
    assert not lost, f"{len(lost)} acknowledged webhooks were lost: {sorted(lost)[:5]}"
    assert set(load.other) <= {503}, load.other
    until(lambda: {b["data"]["enrollmentId"] for b in receiver.accepts()} >= {f"e-{n}" for n in load.acked}, 60)
    ids = {}
    for body in receiver.accepts():
        ids.setdefault(body["data"]["enrollmentId"], set()).add(body["id"])
    assert all(len(i) == 1 for i in ids.values()), "an accept had two event ids"
    print(f"#   {len(load.acked)} acknowledged, {load.cut} cut and repeated, {len(receiver.accepts())} deliveries")
    return load


def test_restart_under_load_refuses_and_loses_nothing():
    load = under_load(lambda: sh("systemctl", "restart", "acceptd.service"), 5, [f"r{n}" for n in range(3000)])
    assert not load.other, load.other


def test_kill_9_under_load_refuses_and_loses_nothing():
    under_load(lambda: sh("systemctl", "kill", "-s", "KILL", "acceptd.service"), 10, [f"k{n}" for n in range(4000)])
    assert int(show("NRestarts")) + int(show("ActiveState") == "active") > 0


def test_the_watchdog_fires_when_the_writer_is_stuck():
    fresh(drop=FAULTY + "WatchdogSec=4s\n")
    enroll(["stuck", "after"])
    before, since = show("MainPID"), now()
    (FAULTS / "stall").touch()
    try:
        try:
            webhook("stuck", timeout=1)
            raise AssertionError("acknowledged though the writer is stuck")
        except TimeoutError:
            pass
        until(lambda: "Watchdog timeout" in journal(since), 20)
    finally:
        (FAULTS / "stall").unlink()
    assert "a part is stuck" in journal(since), journal(since)
    until(lambda: show("ActiveState") == "active" and show("MainPID") != before, 20)
    assert webhook("after") == 200


def test_the_watchdog_is_patient_while_the_database_is_busy():
    fresh(drop="WatchdogSec=4s\n")
    enroll(["busy", "slow"])
    before = show("MainPID")
    other = sqlite3.connect(DATA / "acceptd.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    try:
        statuses = []
        while time.monotonic() - started < 10:
            try:
                statuses.append(webhook("busy", timeout=5))
            except TimeoutError:
                pass
            assert 200 not in statuses
    finally:
        other.execute("ROLLBACK")
        other.close()
    until(lambda: webhook("busy") == 200)
    assert show("MainPID") == before and show("NRestarts") == "0", "restarted though only busy"


def test_the_watchdog_is_patient_while_it_works_hard():
    receiver = Receiver()
    fresh(drop=FAULTY + "WatchdogSec=4s\n", receiver=receiver)
    before = show("MainPID")
    names = [f"h{n}" for n in range(400)]
    enroll(names)
    (FAULTS / "slow").touch()
    load = Load(names)
    until(lambda: len(load.acked) == len(names), 60)
    load.stop()
    (FAULTS / "slow").unlink()
    sh("acceptd", "--config", str(CONFIG), "backup", "/tmp/copy.db")
    assert sqlite3.connect("/tmp/copy.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert show("MainPID") == before


def test_credentials_are_read():
    secrets = pathlib.Path("/etc/acceptd/secrets")
    secrets.mkdir(parents=True, exist_ok=True)
    (secrets / "hook").write_text("from-a-credential-3b\n")
    (secrets / "hook").chmod(0o600)
    fresh()
    text = CONFIG.read_text().replace(f'webhook_secret = "{SECRET}"', 'webhook_secret = { credential = "unipile-hook" }')
    CONFIG.write_text(text)
    drop_in(f"LoadCredential=unipile-hook:{secrets}/hook\n")
    sh("systemctl", "restart", "acceptd.service")
    assert webhook("c1") == 401
    assert webhook("c1", secret="from-a-credential-3b") == 200
    assert "from-a-credential-3b" not in journal()


def test_a_broken_reload_keeps_the_old_configuration_and_says_why():
    fresh()
    good, pid = CONFIG.read_text(), show("MainPID")
    since = now()
    CONFIG.write_text(good.replace("webhook_secret", "webhook_sekret"))
    sh("systemctl", "reload", "acceptd.service")
    until(lambda: "webhook_sekret" in journal(since))
    said = journal(since)
    assert "webhook_secret" in said and "line" in said.lower() or re.search(r"acceptd\.toml:\d+", said), said
    until(lambda: show("ActiveState") == "active")
    assert webhook("still") == 200 and show("MainPID") == pid
    CONFIG.write_text(good.replace(SECRET, "another-secret-0d"))
    sh("systemctl", "reload", "acceptd.service")
    until(lambda: webhook("new", secret="another-secret-0d") == 200)
    assert webhook("old") == 401 and show("MainPID") == pid
    assert show("ActiveState") == "active"


def test_a_reload_under_load_drops_nothing():
    names = [f"l{n}" for n in range(1500)]
    load = under_load(lambda: sh("systemctl", "reload", "acceptd.service"), 10, names)
    assert load.cut == 0 and not load.other, (load.cut, load.other)


def test_sigusr1_resyncs_every_account():
    provider = Provider()
    fresh(provider=provider)
    enroll(["p1"], "acc_a")
    enroll(["p2"], "acc_b")
    until(lambda: {c[2] for c in provider.calls} == {"acc_a", "acc_b"}, 75)
    time.sleep(1.5)
    before = len(provider.calls)
    sh("systemctl", "kill", "-s", "SIGUSR1", "acceptd.service")
    until(lambda: {c[2] for c in provider.calls[before:]} == {"acc_a", "acc_b"}, 20)
    assert show("ActiveState") == "active"


def test_sigterm_drains():
    receiver = Receiver()
    fresh(receiver=receiver)
    enroll(["d1"])
    receiver.delay_s = 3.0
    assert webhook("d1") == 200
    until(lambda: receiver.accepts())
    started = time.monotonic()
    sh("systemctl", "stop", "acceptd.socket", "acceptd.service")
    took = time.monotonic() - started
    assert show("Result") == "success" and show("ExecMainStatus") == "0", show("Result")
    assert 1.0 < took < 11.0, took
    receiver.delay_s = 0.0
    sh("systemctl", "start", "acceptd.socket", "acceptd.service")
    until(ready)
    states = {d["state"] for d in api("GET", "/v1/deliveries")["items"]}
    assert states == {"delivered"}, states
    assert len(receiver.accepts()) == 1, "the delivery in flight was not let finish"


def test_a_full_disk_is_503_and_recovers():
    sh("systemctl", "stop", "acceptd.socket", "acceptd.service", ok=False)
    sh("rm", "-rf", str(DATA), "/var/lib/acceptd")
    DATA.parent.mkdir(mode=0o700, exist_ok=True)
    DATA.mkdir()
    sh("mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs", str(DATA))
    try:
        write_config()
        drop_in()
        sh("systemctl", "start", "acceptd.socket", "acceptd.service")
        enroll([f"f{n}" for n in range(300)])
        before = show("MainPID")
        with open(DATA / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(b"x" * 65536)
                    filler.flush()
            except OSError:
                pass
        acked, refused = [], 0
        for n in range(300):
            status = webhook(f"f{n}")
            assert status in (200, 503), status
            acked += [f"f{n}"] if status == 200 else []
            refused += status == 503
            if refused >= 5:
                break
        assert refused >= 5, "the disk never filled up"
        until(lambda: call("GET", "/readyz")[0] == 503)
        assert call("GET", "/healthz")[0] == 200
        (DATA / "filler").unlink()
        until(lambda: webhook("f299") == 200, 20)
        until(ready, 20)
        assert show("MainPID") == before, "it had to be restarted"
        assert accepted(acked) == set(acked), "an acknowledged webhook was lost"
    finally:
        sh("systemctl", "stop", "acceptd.socket", "acceptd.service", ok=False)
        sh("umount", str(DATA))


def test_a_failed_fsync_ends_the_process_and_systemd_brings_it_back():
    fresh(drop=FAULTY)
    enroll(["x1", "x2"])
    before, since = show("MainPID"), now()
    (FAULTS / "eio").touch()
    try:
        status = webhook("x1")
    except (OSError, http.client.HTTPException):
        status = None
    assert status in (None, 503), status
    until(lambda: show("MainPID") != before, 15)
    (FAULTS / "eio").unlink()
    assert "durable" in journal(since) or "fsync" in journal(since), journal(since)
    until(ready, 20)
    assert webhook("x1") == 200 and accepted(["x1"]) == {"x1"}


def test_a_second_daemon_is_refused():
    fresh()
    said = subprocess.run(["acceptd", "--config", str(CONFIG), "serve"], capture_output=True, text=True, timeout=20)
    assert said.returncode == 1 and "another acceptd" in said.stderr, said


def test_wrong_configuration_fails_once_and_says_why():
    fresh()
    CONFIG.write_text(CONFIG.read_text() + "\n[nonsense]\n")
    since = now()
    sh("systemctl", "restart", "acceptd.service", ok=False)
    until(lambda: show("ActiveState") == "failed")
    assert show("ExecMainStatus") == "2", show("ExecMainStatus")
    assert "nonsense" in journal(since), journal(since)


def test_the_journal_has_priority_and_fields():
    fresh()
    enroll(["j1"])
    webhook("j1")
    time.sleep(0.5)
    entries = [json.loads(line) for line in journal(fmt="json").splitlines() if line.startswith("{")]
    ours = [e for e in entries if e.get("SYSLOG_IDENTIFIER") == "acceptd" and e.get("_TRANSPORT") == "journal"]
    assert ours, "nothing by the journal's own protocol"
    line = [e for e in ours if "e-j1" in json.dumps(e)]
    assert line, "no line tells of the accept"
    assert line[-1]["PRIORITY"] == "6" and any(k.startswith("ACCEPTD_") for k in line[-1]), line[-1]


def test_no_secret_was_logged_in_all_this():
    everything = sh("journalctl", "--no-pager", "-o", "export", "-u", "acceptd.service", ok=False)
    for secret in (SECRET, ADMIN, "the-api-key-91ce", "another-secret-0d", "from-a-credential-3b"):
        assert secret not in everything, f"{secret} is in the journal"


def main():
    wanted = sys.argv[1:]
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_") and (not wanted or any(w in n for w in wanted))]
    passed = failed = 0
    print("#", sh("systemctl", "--version").splitlines()[0])
    for name, test in tests:
        started, since = time.monotonic(), now()
        try:
            test()
            passed += 1
            print(f"ok     {name} ({time.monotonic() - started:.1f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED {name} ({time.monotonic() - started:.1f} s)\n{traceback.format_exc()}", flush=True)
            said = [line for line in journal(since, "short").splitlines() if " delivered " not in line and " accepted " not in line]
            print("#   " + "\n#   ".join(said[-40:]), flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
