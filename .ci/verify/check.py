"""Drives the daemon and looks at what its receivers got. Usage: check.py ACCEPTD ROOT"""

import base64
import http.server
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

PATIENCE_S = 30
ACCEPTD, ROOT = sys.argv[1:3]
TOKEN = "the-token-of-this-check"
SECRETS = ["whsec_" + base64.b64encode(bytes([n]) * 24).decode() for n in (1, 2)]
STRANGER = "whsec_" + base64.b64encode(bytes([7]) * 24).decode()
# Quotes, more than one byte a character, and what templates like to escape.
NAME = 'Tomás "Q" Brandt 🦀 & <co>'
ACCEPTED_AT = "2026-05-02T15:13:58.000Z"

passed, failed = 0, 0


def check(what, good, seen=None):
    global passed, failed
    if good:
        passed += 1
        print(f"ok      {what}")
    else:
        failed += 1
        print(f"FAILED  {what}: {seen!r}")


def verified(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


class PythonReceiver(http.server.BaseHTTPRequestHandler):
    got = queue.Queue()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.got.put((body, headers))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(port, method, path, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def until(what, look):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(what)


class NodeReceiver:
    """The Express process, and the lines it has said."""

    def __init__(self):
        self.lines = []
        self.process = subprocess.Popen(
            ["node", f"{ROOT}/.ci/verify/receiver.js", f"{ROOT}/tests/data/samples/sendpilot_handler.js", *SECRETS],
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self.listen, daemon=True).start()
        self.port = until("node's port", lambda: [line["port"] for line in self.lines if "port" in line])[0]

    def listen(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def at(self, path, count=1):
        def look():
            found = [line for line in self.lines if line.get("path") == path]
            return found if len(found) >= count else None

        return until(f"{count} lines about {path}", look)


def destination(name, kind, url):
    return f"""
[[destination]]
name = "{name}"
kind = "{kind}"
url = "{url}"
secrets = {json.dumps(SECRETS)}
"""


def start(folder, node, python_port):
    port = free_port()
    path = os.path.join(folder, "acceptd.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'[server]\nlisten = "127.0.0.1:{port}"\nadmin_token = "{TOKEN}"\n')
        file.write(f'[database]\npath = "{folder}/acceptd.db"\n')
        # The accept of this check lies in the past.
        file.write('[events]\nannounce_within = "36500d"\n')
        base = f"http://127.0.0.1:{node}"
        file.write(destination("node", "webhook", f"{base}/hook"))
        file.write(destination("flaky", "webhook", f"{base}/flaky"))
        file.write(destination("crm", "sendpilot", f"{base}/crm"))
        file.write(destination("python", "webhook", f"http://127.0.0.1:{python_port}/"))
    daemon = subprocess.Popen([ACCEPTD, "--config", path, "serve"])
    try:
        until("a ready daemon", lambda: is_ready(daemon, port))
    except Exception:
        daemon.kill()
        raise
    return daemon, port


def is_ready(daemon, port):
    if daemon.poll() is not None:
        raise RuntimeError(f"the daemon ended with {daemon.returncode}")
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200
    except (urllib.error.URLError, OSError):
        return False


def check_node(request, what):
    check(f"{what}: JSON content type", request["contentType"] == "application/json", request["contentType"])
    check(f"{what}: JavaScript verifies it with either secret", request["verified"] == [True, True], request["verified"])
    refused = [request["tampered"], request["otherId"], request["stranger"]]
    check(f"{what}: JavaScript refuses another body, id or secret", refused == [False] * 3, refused)


def check_python(body, headers):
    check("python: verifies it with either secret", all(verified(s, body, headers) for s in SECRETS), headers)
    check("python: refuses another secret", not verified(STRANGER, body, headers))
    check("python: refuses another body", not verified(SECRETS[0], body.replace(b"ws_default", b"ws_defaulT"), headers))
    later = {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}
    check("python: refuses another time", not verified(SECRETS[0], body, later))


def run(folder):
    python = http.server.ThreadingHTTPServer(("127.0.0.1", 0), PythonReceiver)
    threading.Thread(target=python.serve_forever, daemon=True).start()
    node, daemon = NodeReceiver(), None
    try:
        daemon, port = start(folder, node.port, python.server_port)
        call(port, "POST", "/v1/enrollments", [{
            "id": "lead_9", "accountId": "acc_eu1", "campaignId": "camp_1", "name": NAME,
            "linkedinUrl": "https://www.linkedin.com/in/tomas-brandt", "invitedAt": "2026-05-01T15:13:58Z",
        }])
        call(port, "POST", "/v1/enrollments/lead_9/stamp", {"reason": "a check", "at": ACCEPTED_AT})
        event = until("the event", lambda: call(port, "GET", "/v1/events")["items"])[0]
        check("the event knows the name", event["data"]["prospect"]["name"] == NAME, event)

        [hook] = node.at("/hook")
        check_node(hook, "webhook")
        check("webhook: the body is the event, word for word", hook["body"] == event, hook["body"])
        check("webhook: its id is that of the event", hook["id"] == event["id"], hook["id"])

        body, headers = PythonReceiver.got.get(timeout=PATIENCE_S)
        check_python(body, headers)
        check("python: the body is the event, word for word", json.loads(body) == event, body)

        request, *calls = node.at("/crm", 4)
        check_node(request, "sendpilot")
        with open(f"{ROOT}/tests/data/samples/sendpilot_connection_accepted.json", encoding="utf-8") as file:
            sample = json.load(file)
        sample["eventId"] = event["id"]
        sample["timestamp"] = event["data"]["detectedAt"]
        check("sendpilot: the body is SendPilot's own", request["body"] == sample, request["body"])
        said = {line["call"]: line["args"] for line in calls}
        check(
            "sendpilot: the handler tells the CRM",
            said["updateLead"] == ["lead_9", {"status": "connected", "connectionAcceptedAt": ACCEPTED_AT}],
            said,
        )
        check(
            "sendpilot: the handler tells Slack",
            said["postMessage"][0]["text"] == "New connection: https://www.linkedin.com/in/tomas-brandt (camp_1)",
            said,
        )
        check("sendpilot: the handler logs whole", "undefined" not in said["log"][0] and event["id"] in said["log"][0], said)

        again = node.at("/flaky", 2)
        for attempt, request in enumerate(again, 1):
            check_node(request, f"attempt {attempt}")
        check("a retry has the same id", again[0]["id"] == again[1]["id"] == event["id"], again)
        check("a retry is signed anew", int(again[1]["timestamp"]) > int(again[0]["timestamp"]), again)

        call(port, "POST", "/v1/destinations/node/test")
        test = node.at("/hook", 2)[1]
        check_node(test, "test")
        check("test: its type", test["body"]["type"] == "webhook.test", test["body"])
        call(port, "POST", "/v1/destinations/crm/test")
        test = node.at("/crm", 5)[4]
        check_node(test, "sendpilot test")
        check("sendpilot test: its type", test["body"]["eventType"] == "webhook.test", test["body"])
    finally:
        node.process.kill()
        if daemon:
            daemon.send_signal(signal.SIGTERM)
            status = daemon.wait(timeout=20)
    check("the daemon ends well", status == 0, status)


with tempfile.TemporaryDirectory() as folder:
    try:
        run(folder)
    except Exception as error:  # A check that can't go on is a failed one.
        check("the run", False, error)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
