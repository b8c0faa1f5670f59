"""Starts the daemon, gives it work, and reads /metrics with the official parsers of both formats."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-monitoring-checks"
passed = failed = 0


def check(what, ok, detail=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print(("ok     " if ok else "FAILED ") + what + ("" if ok or not detail else f": {detail}"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(base, path, body=None, **headers):
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(urllib.request.Request(base + path, data, headers), timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def main():
    work = pathlib.Path(tempfile.mkdtemp())
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    config = work / "acceptd.toml"
    config.write_text(f"""
[server]
listen = "127.0.0.1:{port}"
admin_token = "{TOKEN}"
[database]
path = "{work}/acceptd.db"
[unipile]
webhook_secret = "a-secret-of-the-header"
[[destination]]
name = "crm"
kind = "webhook"
url = "http://127.0.0.1:{free_port()}/"
""")
    daemon = subprocess.Popen([os.environ["ACCEPTD_BIN"], "--config", config, "serve"])
    try:
        for _ in range(200):
            try:
                if request(base, "/readyz")[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.05)
        enrollment = {"id": "e1", "accountId": "acc_1", "linkedinUrl": "https://www.linkedin.com/in/ada-l"}
        check("an enrollment is stored", request(base, "/v1/enrollments", enrollment, **{"content-type": "application/json", "authorization": f"Bearer {TOKEN}"})[0] == 200)
        relation = {"event": "new_relation", "account_id": "acc_1", "account_type": "LINKEDIN", "webhook_name": "w",
                    "user_full_name": "Ada", "user_provider_id": "ACoAAAXYZ", "user_public_identifier": "ada-l",
                    "user_profile_url": "https://www.linkedin.com/in/ada-l/"}
        secret = {"Unipile-Auth": "a-secret-of-the-header"}
        check("a webhook is acknowledged", request(base, "/webhooks/unipile", relation, **secret)[0] == 200)
        check("one without the secret is 401", request(base, "/webhooks/unipile", relation)[0] == 401)
        check("one that is no object is 400", request(base, "/webhooks/unipile", b"[]", **secret)[0] == 400)
        check("one that is too large is 413", request(base, "/webhooks/unipile", b" " * 300_000, **secret)[0] == 413)

        for _ in range(200):  # The first attempt at the receiver, which does not exist, comes after the answer to the webhook.
            status, headers, plain = request(base, "/metrics")
            if "acceptd_delivery_attempts_total{" in plain:
                break
            time.sleep(0.05)
        check("/metrics is the text format 0.0.4", status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4"), headers["content-type"])
        families = list(text_parser.text_string_to_metric_families(plain))
        check("the official parser takes it", len(families) > 15, str(len(families)))
        lint = subprocess.run([os.environ["PROMTOOL"], "check", "metrics"], input=plain, text=True, capture_output=True)
        check("promtool check metrics has nothing to say", lint.returncode == 0 and not (lint.stdout + lint.stderr).strip(), lint.stdout + lint.stderr)
        untyped = [f.name for f in families if f.type in ("unknown", "untyped")]
        check("every family has a type", not untyped, str(untyped))

        _, headers, modern = request(base, "/metrics", accept="application/openmetrics-text; version=1.0.0")
        check("OpenMetrics comes when it is asked for", headers["content-type"].startswith("application/openmetrics-text"))
        check("the official OpenMetrics parser takes it", len(list(openmetrics_parser.text_string_to_metric_families(modern))) > 15)

        def value(name, **labels):
            return sum(s.value for f in families for s in f.samples
                       if s.name == name and all(s.labels.get(k) == v for k, v in labels.items()))

        check("the accept is counted by source and path", value("acceptd_accepts_total", source="webhook", path="profile") == 1)
        check("its lag is counted", value("acceptd_detection_lag_seconds_count", source="webhook") == 1)
        for outcome in ("stamped", "unauthorized", "bad_body", "too_large"):
            check(f"the webhook that was {outcome} is counted", value("acceptd_webhooks_total", provider="unipile", outcome=outcome) == 1)
        check("commits are measured", value("acceptd_writer_commit_seconds_count") > 0)
        check("the outbox is shown by destination and state", any(
            s.labels.get("destination") == "crm" and s.labels.get("state") for f in families for s in f.samples
            if s.name == "acceptd_outbox_deliveries"))

        names = {s.name for f in families for s in f.samples} | set(re.findall(r"^# TYPE (\S+)", plain, re.M))
        # Families whose series appear with the first event.
        shown = names | {n + s for n in names for s in ("_bucket", "_sum", "_count")}
        for file in ("alerts.yml", "grafana-dashboard.json"):
            used = set(re.findall(r"acceptd_[a-z_]+", (ROOT / "systemd/monitoring" / file).read_text()))
            check(f"{file} names only metrics that exist", not used - shown, str(sorted(used - shown)))
        board = json.loads((ROOT / "systemd/monitoring/grafana-dashboard.json").read_text())
        used = set(re.findall(r"acceptd_[a-z_]+", json.dumps(board)))
        unused = [n for n in re.findall(r"^# TYPE (\S+)", plain, re.M) if not any(u.startswith(n) for u in used)]
        check("the dashboard shows every metric", not unused, str(unused))
    finally:
        daemon.send_signal(signal.SIGTERM)
        check("the daemon drains and exits 0", daemon.wait(timeout=20) == 0)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
