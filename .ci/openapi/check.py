"""Starts a daemon, holds it to its description with schemathesis, generates a client from it and uses that."""
import contextlib, json, os, pathlib, shutil, socket, subprocess, sys, tempfile, threading, time, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(sys.argv[1])
BIN = pathlib.Path(sys.executable).parent
TOKEN = "a-token-of-the-openapi-checks"
HOOK = "secret-of-the-unipile-webhook"
START_S = 20


class Provider(BaseHTTPRequestHandler):
    """A Unipile that knows everybody as a first-degree connection."""

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/api/v1/users/relations":
            body = {"object": "UserRelationsList", "items": [], "cursor": None}
        else:
            slug = path.rstrip("/").rsplit("/", 1)[-1]
            body = {"object": "UserProfile", "provider_id": slug, "public_identifier": slug, "network_distance": "FIRST_DEGREE", "is_relationship": True}
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def daemon(folder):
    provider = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{(port := free_port())}"
    upstream = f"http://127.0.0.1:{provider.server_port}"
    config = folder / "acceptd.toml"
    config.write_text(f"""
[server]
listen = "127.0.0.1:{port}"
admin_token = "{TOKEN}"
[database]
path = "{folder / 'acceptd.db'}"
[unipile]
base_url = "{upstream}"
api_key = "key"
webhook_secret = "{HOOK}"
[sendpilot]
webhook_secrets = ["whsec_c2VjcmV0LW9mLXRoZS1jaGVja3M="]
[poll]
spacing = "100ms"
spacing_jitter = "1ms"
daily_budget = 100000
[[destination]]
name = "crm"
kind = "webhook"
url = "{upstream}/crm"
rate = "1000/s"
""")
    log = open(folder / "log", "w+")
    process = subprocess.Popen([os.environ["ACCEPTD_BIN"], "--config", config, "serve"], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_S
        while True:
            try:
                urllib.request.urlopen(f"{origin}/readyz", timeout=2).read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(f"the daemon does not start: {log.read()}")
                time.sleep(0.05)
        yield origin
        assert process.poll() is None, "the daemon ended while it was tested"
        log.seek(0)
        panics = [line for line in log if "panicked" in line]
        assert not panics, panics
    finally:
        process.terminate()
        process.wait(30)
        provider.shutdown()


def call(origin, method, path, body=None):
    request = urllib.request.Request(origin + path, method=method, data=None if body is None else json.dumps(body).encode(), headers={"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def seed(origin):
    """Something for every operation to find."""
    call(origin, "POST", "/v1/enrollments", [{"id": f"enr_{i}", "accountId": "acc_1", "campaignId": "camp_1", "campaignName": "Founders Q2", "name": f"Person {i}", "linkedinUrl": f"https://www.linkedin.com/in/person-{i}", "invitedAt": "2026-05-01T10:00:00Z"} for i in range(20)])
    for i in range(1, 4):
        call(origin, "POST", f"/v1/enrollments/enr_{i}/stamp", {"reason": "Seen in the inbox"})
    call(origin, "POST", "/v1/destinations/crm/test")


def valid(origin):
    from openapi_spec_validator import OpenAPIV31SpecValidator

    document = call(origin, "GET", "/openapi.json")
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    assert not errors, errors
    print(f"ok     the description is valid: {sum(len([m for m in item if m in ('get', 'post', 'patch', 'delete')]) for item in document['paths'].values())} operations")
    return document


def examples(document):
    """Every example in the description fits the schema beside it."""
    from jsonschema import Draft202012Validator

    count = 0

    def check(schema, example):
        nonlocal count
        count += 1
        whole = {**schema, "components": document["components"]}
        errors = [f"{e.json_path}: {e.message}" for e in Draft202012Validator(whole).iter_errors(example)]
        assert not errors, (errors, example)

    def walk(node):
        if isinstance(node, dict):
            if "schema" in node and "example" in node:
                check(node["schema"], node["example"])
            if "schema" in node and isinstance(node.get("examples"), dict):
                for one in node["examples"].values():
                    check(node["schema"], one["value"])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            check(schema, example)
    print(f"ok     {count} examples fit their schemas")


def schemathesis(origin, folder):
    command = [BIN / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run", f"{origin}/openapi.json",
        "--header", f"Authorization: Bearer {TOKEN}", "--header", f"Unipile-Auth: {HOOK}",
        "--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "25"), "--seed", os.environ.get("SCHEMATHESIS_SEED", "1"),
        "--request-timeout", "20", "--continue-on-failure", "--no-color"]
    # It writes its working files to where it runs.
    subprocess.run(command, check=True, cwd=folder)
    print("ok     schemathesis found no failure")


def client(origin, folder):
    """A client generated from the description imports, lists and resyncs."""
    out = folder / "client"
    subprocess.run([BIN / "openapi-python-client", "generate", "--url", f"{origin}/openapi.json", "--meta", "none", "--output-path", out / "acceptd_client", "--overwrite"], check=True, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
    sys.path.insert(0, str(out))
    from acceptd_client import AuthenticatedClient
    from acceptd_client.api.accounts import resync_account
    from acceptd_client.api.enrollments import list_enrollments, resync_enrollment, upsert_enrollments
    from acceptd_client.models import EnrollmentInput

    with AuthenticatedClient(base_url=origin, token=TOKEN, raise_on_unexpected_status=True) as api:
        rows = [EnrollmentInput(id=f"gen_{i}", account_id="acc_gen", campaign_id="camp_gen", name=f"Generated {i}", linkedin_url=f"https://www.linkedin.com/in/generated-{i}") for i in range(150)]
        result = upsert_enrollments.sync(client=api, body=rows)
        assert (result.created, result.failed) == (150, 0), result
        seen, cursor = [], None
        while True:
            page = list_enrollments.sync(client=api, campaign="camp_gen", **({"cursor": cursor} if cursor else {}))
            seen += [one.id for one in page.items]
            if not (cursor := page.cursor):
                break
        assert seen == [f"gen_{i}" for i in range(150)], len(seen)
        promise = resync_enrollment.sync(client=api, id="gen_7")
        assert promise.resync_id and promise.due_at
        assert resync_account.sync_detailed(client=api, id="acc_gen").status_code == 202
        deadline = time.monotonic() + 20
        while not (e := call(origin, "GET", "/v1/enrollments/gen_7"))["acceptedAt"]:
            assert time.monotonic() < deadline, e
            time.sleep(0.1)
        assert e["source"] == "resync", e
    print("ok     a generated client imported, listed and resynced")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="acceptd-openapi-"))
    failed = 0
    steps = 0
    with daemon(folder) as origin:
        document = valid(origin)
        seed(origin)
        for step in (lambda: examples(document), lambda: client(origin, folder), lambda: schemathesis(origin, folder)):
            steps += 1
            try:
                step()
            except Exception as error:
                failed += 1
                print(f"FAILED {type(error).__name__}: {error}")
    if not failed:
        shutil.rmtree(folder)
    print(f"{steps + 1 - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
