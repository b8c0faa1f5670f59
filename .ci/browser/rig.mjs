//! A daemon with a database of its own, a simulated provider, a receiver, and pages that record every complaint of the browser.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const VIEWER = "a-token-that-may-only-read";
export const TOKEN = "a-token-of-the-browser-checks";
const HOOK = "secret-of-the-unipile-webhook";
const START_MS = 20000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function assert(truth, text) {
  if (!truth) throw new Error(text);
}

/** Waits until `look` gives something true; returns it and how long it took. */
export async function until(look, what, ms = 5000) {
  const begun = Date.now();
  for (;;) {
    const seen = await look();
    if (seen) return [seen, Date.now() - begun];
    if (Date.now() - begun > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(20);
  }
}

const listen = (server) => new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

/** A Unipile that knows everybody as a first-degree connection, and has no relations to list. */
function provider() {
  return createServer((ask, answer) => {
    const url = new URL(ask.url, "http://x");
    answer.setHeader("content-type", "application/json");
    if (url.pathname === "/api/v1/users/relations") return answer.end(JSON.stringify({ object: "UserRelationsList", items: [], cursor: null }));
    const slug = decodeURIComponent(url.pathname.split("/").filter(Boolean).at(-1));
    return answer.end(JSON.stringify({ object: "UserProfile", provider: "LINKEDIN", provider_id: slug, public_identifier: slug, network_distance: "FIRST_DEGREE", is_relationship: true, first_name: "R", last_name: "S" }));
  });
}

export class Rig {
  static async start(browser, { token = TOKEN } = {}) {
    const rig = new Rig();
    rig.browser = browser;
    rig.token = token;
    rig.pages = [];
    rig.seen = [];
    rig.received = [];
    rig.slack = { status: 404, body: "no_service" };
    rig.folder = mkdtempSync(join(tmpdir(), "acceptd-browser-"));
    rig.unipile = provider();
    rig.receiver = createServer((ask, answer) => {
      let body = "";
      ask.on("data", (part) => { body += part; });
      ask.on("end", () => {
        rig.received.push({ path: ask.url, id: ask.headers["webhook-id"], body });
        if (ask.url === "/slack") answer.writeHead(rig.slack.status).end(rig.slack.body);
        else answer.writeHead(204).end();
      });
    });
    const [unipile, receiver] = await Promise.all([listen(rig.unipile), listen(rig.receiver)]);
    const spare = createServer();
    rig.port = await listen(spare);
    await new Promise((resolve) => spare.close(resolve));
    rig.origin = `http://127.0.0.1:${rig.port}`;
    rig.config = join(rig.folder, "acceptd.toml");
    writeFileSync(rig.config, `
[server]
listen = "127.0.0.1:${rig.port}"
admin_token = "${token}"
[database]
path = "${join(rig.folder, "acceptd.db")}"
[unipile]
base_url = "http://127.0.0.1:${unipile}"
api_key = "key"
${token ? `webhook_secret = "${HOOK}"` : ""}
[poll]
spacing = "200ms"
spacing_jitter = "1ms"
daily_budget = 100000
${token ? `[[token]]\nname = "viewer"\nrole = "read"\ntoken = "${VIEWER}"` : ""}
[[destination]]
name = "crm"
kind = "webhook"
url = "http://127.0.0.1:${receiver}/crm"
[[destination]]
name = "sales-slack"
kind = "slack"
url = "http://127.0.0.1:${receiver}/slack"
rate = "1000/s"
`);
    await rig.boot();
    return rig;
  }

  async boot() {
    this.log = "";
    this.daemon = spawn(process.env.ACCEPTD_BIN, ["--config", this.config, "serve"], { stdio: ["ignore", "pipe", "pipe"] });
    for (const out of [this.daemon.stdout, this.daemon.stderr]) out.on("data", (part) => { this.log = (this.log + part).slice(-20000); });
    let ended = false;
    this.daemon.on("exit", () => { ended = true; });
    await until(async () => {
      if (ended) throw new Error(`the daemon ended: ${this.log}`);
      return fetch(`${this.origin}/readyz`).then((answer) => answer.ok, () => false);
    }, "a ready daemon", START_MS);
  }

  async halt() {
    const gone = new Promise((resolve) => this.daemon.on("exit", resolve));
    this.daemon.kill("SIGTERM");
    await gone;
  }

  async stop() {
    await this.closePages();
    await this.halt();
    this.unipile.close();
    this.receiver.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The API, as a script would use it. */
  async api(method, path, body) {
    const answer = await fetch(this.origin + path, {
      method,
      headers: { ...(this.token ? { authorization: `Bearer ${this.token}` } : {}), "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    assert(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** A request with headers that fetch does not allow, such as Host. */
  raw(method, path, headers) {
    return new Promise((resolve, reject) => {
      const ask = request({ host: "127.0.0.1", port: this.port, method, path, headers }, (answer) => {
        let body = "";
        answer.on("data", (part) => { body += part; });
        answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body }));
      });
      ask.on("error", reject);
      ask.end();
    });
  }

  enroll(...rows) {
    return this.api("POST", "/v1/enrollments", rows.map((row) => ({ accountId: "acc_1", campaignId: "camp_1", ...row })));
  }

  /** The webhook of a new relation. */
  async accepts(slug, account = "acc_1") {
    const answer = await fetch(`${this.origin}/webhooks/unipile`, {
      method: "POST",
      headers: { "unipile-auth": HOOK, "content-type": "application/json" },
      body: JSON.stringify({ event: "new_relation", account_id: account, account_type: "LINKEDIN", user_full_name: null, user_provider_id: null, user_public_identifier: slug, user_profile_url: `https://www.linkedin.com/in/${slug}/` }),
    });
    assert(answer.status === 200, `the webhook: ${answer.status} ${await answer.text()}`);
  }

  /** A page that is logged in, at an address of the dashboard. */
  async page(hash, options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    this.pages.push(page);
    page.on("pageerror", (error) => this.seen.push(`error: ${error.stack}`));
    page.on("dialog", (dialog) => { this.seen.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("console", (message) => {
      // A refused answer is shown to the reader; what the browser logs of it is no complaint of its own.
      if (message.type() === "error" && !/Failed to load resource|ERR_/.test(message.text())) this.seen.push(`console: ${message.text()}`);
    });
    page.on("request", (ask) => {
      const url = new URL(ask.url());
      if (url.protocol !== "data:" && url.origin !== this.origin) this.seen.push(`elsewhere: ${ask.url()}`);
    });
    if (this.token && options.login !== false) {
      await page.goto(`${this.origin}/${hash}`);
      await page.getByLabel("Admin token").fill(options.token ?? this.token);
      await page.getByRole("button", { name: "Log in" }).click();
    } else {
      await page.goto(`${this.origin}/${hash}`);
    }
    if (options.login !== false) await page.locator("main h1").waitFor();
    return page;
  }

  /** Goes to another page of the dashboard and waits until it is shown. */
  async go(page, hash, title) {
    await page.goto(`${this.origin}/${hash}`);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
  }

  /** Fails when the browser complained of anything. */
  complaints() {
    const seen = this.seen.splice(0);
    assert(seen.length === 0, seen.join("\n"));
  }

  async evidence(name) {
    const folder = join(process.env.CI_CACHE ?? tmpdir(), "browser-failures");
    mkdirSync(folder, { recursive: true });
    const file = join(folder, name.replaceAll(/[^a-z0-9]+/gi, "-"));
    this.seen = [];
    for (const page of this.pages) await page.screenshot({ path: `${file}.png`, fullPage: true }).catch(() => {});
    writeFileSync(`${file}.log`, this.log);
  }

  async closePages() {
    for (const page of this.pages.splice(0)) await page.context().close();
    this.seen = [];
  }
}
