"""A receiver that verifies and deduplicates. pip install standardwebhooks; SECRET=whsec_… python receiver.py"""
import json, os, sqlite3
from http.server import BaseHTTPRequestHandler, HTTPServer
from standardwebhooks import Webhook, WebhookVerificationError

hook = Webhook(os.environ["SECRET"])
db = sqlite3.connect(os.environ.get("DB", "seen.db"), isolation_level=None)
db.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            hook.verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            return self.send_error(401)
        # The id is the same for ever: a repeat is answered like the first and does nothing.
        if db.execute("INSERT OR IGNORE INTO seen VALUES (?)", [self.headers["webhook-id"]]).rowcount:
            event = json.loads(body)
            print(event["type"], json.dumps(event["data"].get("prospect") or event["data"]), flush=True)
        self.send_response(204)
        self.end_headers()

HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Receiver).serve_forever()
