"""What the tests of the service share: the service and its configuration, webhooks under load, a receiver, a fake provider."""

import http.client
import http.server
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

PORT = 8085
ADMIN_PORT = 8086
UNITS = ("acceptd.socket", "acceptd-admin.socket", "acceptd.service")
CONFIG = pathlib.Path("/etc/acceptd/acceptd.toml")
DROP_IN = pathlib.Path("/etc/systemd/system/acceptd.service.d/test.conf")
DATA = pathlib.Path("/var/lib/private/acceptd")
FAULTS = pathlib.Path("/run/acceptd-faults")
SECRET = "the-header-secret-5f1c"
ADMIN = "the-admin-token-77aa"


api_port = PORT


class Server(http.server.ThreadingHTTPServer):
    """Says nothing of connections that break: here they do, whenever the daemon is killed."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def sh(*command, ok=True):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if ok and done.returncode:
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return (done.stdout + done.stderr).strip()


def show(what, unit="acceptd.service"):
    return sh("systemctl", "show", "-P", what, unit)


def journal(since=None, fmt="cat"):
    return sh("journalctl", "-u", "acceptd.service", "--no-pager", "-o", fmt, *(["--since", since] if since else []), ok=False)


def now():
    return time.strftime("%Y-%m-%d %H:%M:%S")


def until(what, seconds=10.0):
    end = time.monotonic() + seconds
    while True:
        result = what()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {getattr(what, '__name__', what)}")
        time.sleep(0.05)


class Receiver:
    """A destination: remembers what came, answers 200 after `delay_s`."""

    def __init__(self):
        self.got, self.delay_s, self.lock = [], 0.0, threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with outer.lock:
                    outer.got.append(body)
                time.sleep(outer.delay_s)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def accepts(self):
        with self.lock:
            return [b for b in self.got if b["type"] == "linkedin.invite_accepted"]


class Provider:
    """A Unipile with no relations that remembers when which account was called."""

    def __init__(self):
        self.calls = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                url = urllib.parse.urlparse(self.path)
                account = urllib.parse.parse_qs(url.query).get("account_id", [None])[0]
                # The list of accounts is read at times of its own and names none.
                if account:
                    outer.calls.append((time.monotonic(), url.path, account))
                body = json.dumps({"object": "UserRelationsList", "items": [], "cursor": None}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def call(method, path, body=None, headers=None, timeout=30, port=None):
    """One request on its own connection: (status, body). It goes to where the API is, unless a port is given."""
    connection = http.client.HTTPConnection("127.0.0.1", port or api_port, timeout=timeout)
    try:
        data = json.dumps(body) if body is not None else None
        connection.request(method, path, data, {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def api(method, path, body=None, expect=(200, 201, 202)):
    status, text = call(method, path, body, {"authorization": f"Bearer {ADMIN}"})
    assert status in expect, f"{method} {path}: {status} {text}"
    return json.loads(text) if text else None


def relation(person, account="acc_1"):
    return {"event": "new_relation", "account_id": account, "account_type": "LINKEDIN", "webhook_name": "w",
            "user_full_name": f"Person {person}", "user_provider_id": f"opaque-{person}",
            "user_public_identifier": f"person-{person}", "user_profile_url": f"https://www.linkedin.com/in/person-{person}/"}


def webhook(person, secret=SECRET, header="Unipile-Auth", account="acc_1", timeout=30):
    return call("POST", "/webhooks/unipile", relation(person, account), {header: secret}, timeout, PORT)[0]


def enroll(names, account="acc_1"):
    rows = [{"id": f"e-{n}", "accountId": account, "linkedinUrl": f"https://www.linkedin.com/in/person-{n}"} for n in names]
    for at in range(0, len(rows), 1000):
        answer = api("POST", "/v1/enrollments", rows[at:at + 1000])
        assert answer["failed"] == 0, answer


def accepted(names):
    """The ids of the enrollments among `names` that have been accepted."""
    found, cursor = set(), None
    while True:
        page = api("GET", "/v1/enrollments?limit=500" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
        found |= {e["id"] for e in page["items"] if e["acceptedAt"]}
        cursor = page["cursor"]
        if not cursor:
            return {n for n in names if f"e-{n}" in found}


def ready():
    try:
        return call("GET", "/readyz", timeout=5)[0] == 200
    except OSError:
        return False


def write_config(receiver=None, provider=None, extra_unipile="", admin=None, extra="", split=False):
    """Everything at one address, or the API at an address of its own if `split`."""
    global api_port
    api_port = ADMIN_PORT if split else PORT
    admin_listen = f"127.0.0.1:{ADMIN_PORT}" if split else ""
    CONFIG.parent.mkdir(parents=True, exist_ok=True)
    text = f"""
[server]
listen = "127.0.0.1:{PORT}"
admin_listen = "{admin_listen}"
admin_token = {admin or f'"{ADMIN}"'}
[database]
path = "/var/lib/acceptd/acceptd.db"
[unipile]
base_url = "{provider.url if provider else ''}"
api_key = "the-api-key-91ce"
webhook_secret = "{SECRET}"
{extra_unipile}
[poll]
jitter = "1s"
spacing = "1s"
spacing_jitter = "1ms"
{extra}
"""
    if receiver:
        text += f"""
[[destination]]
name = "crm"
kind = "webhook"
url = "{receiver.url}"
rate = "1000/s"
concurrency = 8
"""
    CONFIG.write_text(text)


def drop_in(text=""):
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text("[Service]\n" + text)
    sh("systemctl", "daemon-reload")


def fresh(drop="", split=False, **config):
    """A service that has never run before, started."""
    sh("systemctl", "stop", *UNITS, ok=False)
    sh("systemctl", "reset-failed", *UNITS, ok=False)
    sh("rm", "-rf", "/var/lib/private/acceptd", "/var/lib/acceptd", str(FAULTS))
    FAULTS.mkdir()
    write_config(split=split, **config)
    drop_in(drop)
    sh("systemctl", "start", *(UNITS if split else ("acceptd.socket", "acceptd.service")))


class Load:
    """Webhooks from several threads, each on a connection of its own, until told to stop. A request that was cut is repeated,
    as the provider does; a connection that was refused is counted."""

    def __init__(self, names, threads=8):
        self.names, self.acked, self.refused, self.cut, self.other = iter(names), [], 0, 0, []
        self.lock, self.stopping = threading.Lock(), False
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stopping:
            with self.lock:
                name = next(self.names, None)
            if name is None:
                return
            while not self.stopping:
                try:
                    status = webhook(name)
                except ConnectionRefusedError:
                    self.refused += 1
                except (OSError, http.client.HTTPException):
                    self.cut += 1
                else:
                    if status == 200:
                        with self.lock:
                            self.acked.append(name)
                        break
                    self.other.append(status)
                time.sleep(0.01)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)
        return self
