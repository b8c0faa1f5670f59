"""How long a webhook waits beside bulk work. See run.sh."""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

from client import Client, Receiver
from fill import ACCOUNTS, fill

ENROLLMENTS = int(os.environ.get("ACCEPTD_LOAD_ENROLLMENTS", 1_000_000))
WAITING = ENROLLMENTS // 10
DEAD = ENROLLMENTS * 3 // 10
TOKEN = "token-of-the-load-check"
SECRET = "webhook-secret-of-the-load-check"
API = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
PHASE_S = 12
DASHBOARDS = 12
# What an open dashboard asks for.
PAGES = ["/v1/campaigns", "/v1/accounts", "/v1/stats", "/v1/deliveries", "/v1/signals", "/v1/destinations"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    def __init__(self, binary, folder, receiver):
        self.binary, self.folder, self.port = binary, folder, free_port()
        self.config = os.path.join(folder, "acceptd.toml")
        with open(self.config, "w") as file:
            file.write(
                f"""[server]
listen = "127.0.0.1:{self.port}"
admin_token = "{TOKEN}"
[database]
path = "{folder}/acceptd.db"
[unipile]
webhook_secret = "{SECRET}"
[[destination]]
name = "crm"
kind = "webhook"
url = "http://127.0.0.1:{receiver}/hook"
rate = "500/s"
"""
            )

    async def start(self):
        begun = time.monotonic()
        log = open(os.path.join(self.folder, "log"), "a")
        self.process = subprocess.Popen([self.binary, "--config", self.config, "serve"], stdout=log, stderr=log)
        while True:
            try:
                status, _, _ = await self.api().ask("GET", "/readyz")
                if status == 200:
                    return time.monotonic() - begun
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"the daemon ended with {self.process.returncode}:\n{open(log.name).read()[-4000:]}")
            await asyncio.sleep(0.02)

    def api(self):
        return Client(self.port, API)

    def hook(self):
        return Client(self.port, {"Unipile-Auth": SECRET, "Content-Type": "application/json"})

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30) != 0:
            sys.exit("the daemon did not stop well")

    def memory_mb(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) // 1024


def relation(n, slug):
    return {"event": "new_relation", "account_id": f"acc_{n % ACCOUNTS + 1}", "account_type": "LINKEDIN", "user_full_name": "A B", "user_public_identifier": slug}


async def expect(answer, *wanted):
    status, body, took = answer
    if status not in wanted:
        sys.exit(f"expected {wanted}, got {status}: {body[:400]}")
    return took


async def wait_signals(daemon):
    """Sends relations of people whom nobody enrolled."""
    numbers = iter(range(WAITING))

    async def sender():
        client = daemon.hook()
        for n in numbers:
            await expect(await client.ask("POST", "/webhooks/unipile", relation(n, f"stranger-{n}")), 200)

    await asyncio.gather(*(sender() for _ in range(64)))


class Webhooks:
    """Accepts, 40 a second, each sent when its time comes whatever the others wait."""

    def __init__(self, daemon):
        self.daemon, self.next, self.idle = daemon, 1, []

    async def one(self, took):
        client = self.idle.pop() if self.idle else self.daemon.hook()
        n, self.next = self.next, self.next + 1
        took.append(await expect(await client.ask("POST", "/webhooks/unipile", relation(n, f"person-{n}")), 200))
        self.idle.append(client)

    async def measure(self, name, beside):
        took, work, waits = [], [asyncio.create_task(job) for job in beside], []
        until = time.monotonic() + PHASE_S
        while time.monotonic() < until:
            waits.append(asyncio.create_task(self.one(took)))
            await asyncio.sleep(1 / 40)
        await asyncio.gather(*waits)
        for job in work:
            job.cancel()
        for result in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
        took.sort()
        ms = [1000 * took[int(len(took) * q)] for q in (0.5, 0.99)] + [1000 * took[-1]]
        print(f"{name:<34}{ms[0]:>10.1f}{ms[1]:>10.1f}{ms[2]:>10.1f} ms   {self.daemon.memory_mb():>5} MB", flush=True)


async def upserts(daemon):
    client, n = daemon.api(), ENROLLMENTS + 1
    while True:
        rows = [
            {"id": f"new_{n + i}", "accountId": f"acc_{i % 50 + 1}", "campaignId": "camp_1", "linkedinUrl": f"https://www.linkedin.com/in/stranger-{(n + i) % WAITING}"}
            for i in range(500)
        ]
        n += 500
        await expect(await client.ask("POST", "/v1/enrollments", rows), 200)


async def replay(daemon):
    await expect(await daemon.api().ask("POST", "/v1/deliveries/replay", {"state": "dead"}), 200, 202)
    await asyncio.sleep(3600)


async def dashboard(daemon):
    client = daemon.api()
    while True:
        for page in PAGES:
            await expect(await client.ask("GET", page), 200, 429, 503)
        await asyncio.sleep(0.2)


async def seed(daemon):
    client = daemon.api()
    row = {"id": "seed", "accountId": "acc_0", "campaignId": "camp_0", "linkedinUrl": "https://www.linkedin.com/in/seed"}
    await expect(await client.ask("POST", "/v1/enrollments", [row]), 200)
    await expect(await client.ask("POST", "/v1/destinations/crm/test"), 202)
    await asyncio.sleep(1)


async def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    receiver = Receiver()
    port = await receiver.start()
    with tempfile.TemporaryDirectory(prefix="acceptd-load-") as folder:
        daemon = Daemon(sys.argv[1], folder, port)
        await daemon.start()
        await seed(daemon)
        daemon.stop()
        begun = time.monotonic()
        fill(os.path.join(folder, "acceptd.db"), ENROLLMENTS, DEAD)
        print(f"{ENROLLMENTS} enrollments and {DEAD} dead letters written in {time.monotonic() - begun:.0f} s", flush=True)
        print(f"started in {1000 * await daemon.start():.0f} ms, {daemon.memory_mb()} MB", flush=True)
        begun = time.monotonic()
        await wait_signals(daemon)
        took = time.monotonic() - begun
        print(f"{WAITING} signals that wait taken in {took:.0f} s, {WAITING / took:.0f} a second", flush=True)
        print(f"{'a webhook beside':<34}{'p50':>10}{'p99':>10}{'longest':>10}")
        webhooks = Webhooks(daemon)
        await webhooks.measure("nothing", [])
        await webhooks.measure("upserts of 500 rows", [upserts(daemon)])
        await webhooks.measure(f"{DASHBOARDS} dashboards", [dashboard(daemon) for _ in range(DASHBOARDS)])
        before = receiver.count
        await webhooks.measure(f"a replay of {DEAD}", [replay(daemon)])
        print(f"delivered meanwhile: {receiver.count - before}")
        together = [upserts(daemon), replay(daemon), *(dashboard(daemon) for _ in range(DASHBOARDS))]
        await webhooks.measure("all of this together", together)
        daemon.stop()


asyncio.run(main())
