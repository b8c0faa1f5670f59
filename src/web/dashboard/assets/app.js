//! The shell: which page the address names, when it reads its data again, where the focus goes.

import { show } from "./dom.js";
import { get } from "./api.js";
import { may } from "./role.js";
import * as live from "./live.js";
import { announce, failed } from "./ui.js";
import { parse, to } from "./address.js";
import campaigns from "./pages/campaigns.js";
import campaign from "./pages/campaign.js";
import enrollment from "./pages/enrollment.js";
import accounts from "./pages/accounts.js";
import signals from "./pages/signals.js";
import deliveries from "./pages/deliveries.js";
import late from "./pages/late.js";
import imports from "./pages/import.js";

const PAGES = { campaigns, accounts, signals, deliveries, late, import: imports };
const ONE = { campaigns: campaign, enrollments: enrollment };
// A burst of changes is one look; the last of them shows within this time.
const REFRESH_MS = 350;
const TICK_MS = 30000;

const main = document.getElementById("main");
let view = null;

class View {
  constructor(parts, query) {
    this.parts = parts;
    this.name = parts.join("/");
    this.id = parts[1] ?? null;
    this.query = query;
    this.root = document.createElement("div");
    this.root.className = "page";
    this.abort = new AbortController();
    this.busy = null;
    this.again = false;
    this.timer = 0;
  }

  /** This page with other filters. */
  link(changes) {
    return to(...this.parts, { ...this.query, ...changes });
  }

  /** Changes the filters in place: the form that did it keeps its focus. */
  replace(changes) {
    history.replaceState(null, "", this.link(changes));
    this.query = parse(location.hash).query;
    this.refresh();
  }

  get(url, query) {
    return get(url, query, this.abort.signal);
  }

  /** Reads and shows; never twice at a time, and once more when something changed meanwhile. */
  refresh() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.busy) {
      this.again = true;
      return this.busy;
    }
    this.busy = (async () => {
      try {
        await this.render(this);
        this.shown = true;
      } catch (error) {
        if (error.name !== "AbortError" && !this.shown) failed(this.root, error);
      } finally {
        this.busy = null;
        if (this.again && !this.abort.signal.aborted) {
          this.again = false;
          this.soon();
        }
      }
    })();
    return this.busy;
  }

  soon() {
    if (!this.timer) this.timer = setTimeout(() => this.refresh(), REFRESH_MS);
  }

  leave() {
    clearTimeout(this.timer);
    this.abort.abort();
  }
}

function pageOf(parts) {
  if (parts.length === 1) return PAGES[parts[0]];
  if (parts.length === 2) return ONE[parts[0]];
  return undefined;
}

async function navigate(first) {
  const { parts, query } = parse(location.hash);
  const page = pageOf(parts);
  view?.leave();
  view = new View(parts, query);
  const mine = view;
  view.render = page ?? (() => Promise.reject(Object.assign(new Error("There is no such page."), { status: 404 })));
  for (const link of document.querySelectorAll("#nav a")) {
    const here = link.getAttribute("href") === `#/${parts[0]}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  main.setAttribute("aria-busy", "true");
  await view.refresh();
  if (view !== mine) return;
  main.replaceChildren(view.root);
  main.removeAttribute("aria-busy");
  const head = view.root.querySelector("h1");
  document.title = head ? `${head.textContent} – acceptd` : "acceptd";
  if (!first) {
    scrollTo(0, 0);
    head?.setAttribute("tabindex", "-1");
    head?.focus();
  }
}

function changed({ kind, data }) {
  if (kind === "stamp" && data?.acceptedAt) announce(`${data.enrollmentId ?? "An enrollment"} accepted.`);
  view?.soon();
}

function theme() {
  const button = document.getElementById("theme");
  const next = { auto: "light", light: "dark", dark: "auto" };
  const set = (name) => {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    button.textContent = `Theme: ${name}`;
    localStorage.setItem("theme", name);
  };
  const stored = localStorage.getItem("theme");
  set(next[stored] ? stored : "auto");
  button.onclick = () => set(next[localStorage.getItem("theme")] ?? "auto");
}

// The page says whether there is a session that can be ended; without a configured token there is none.
document.getElementById("logout").hidden = !document.documentElement.hasAttribute("data-session");
document.querySelector('#nav a[href="#/import"]').hidden = !may("enroll");
document.querySelector(".skip").onclick = (event) => {
  event.preventDefault();
  main.focus();
};
theme();
show(main);
addEventListener("hashchange", () => navigate(false));
navigate(true);
live.start(changed);
setInterval(() => document.hidden || view?.soon(), TICK_MS);
