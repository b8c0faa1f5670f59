//! The ledger: first what needs a person, then everything, newest first.

import { h, show } from "../dom.js";
import { get } from "../api.js";
import { to } from "../address.js";
import { connection, nameOf, state, when, words } from "../format.js";
import { may } from "../role.js";
import { action, dialog, field, filters, pager, select, table } from "../ui.js";
import { stampByHand } from "./enrollment.js";

const OUTCOMES = ["stamped", "already_stamped", "unmatched", "ambiguous", "duplicate", "ignored", "recorded"];
const SOURCES = ["webhook", "poll", "already_connected", "reply", "note_echo", "sendpilot", "resync", "manual"];
const WAITING = 20;

/** Finds the enrollment that a signal is about: the ones it names first, then by search. */
async function choose(signal) {
  const { raw } = await get(`/v1/signals/${encodeURIComponent(signal.id)}`);
  const named = await Promise.all(signal.enrollments.slice(0, 10).map((one) => get(`/v1/enrollments/${encodeURIComponent(one.id)}`).catch(() => null)));
  return dialog("Who is this signal about?", (close) => {
    const found = h("ul", { class: "choices" });
    const list = (items) => show(found, items.length === 0 ? h("li", { class: "dim" }, "No enrollment matches.") : items.map((e) => h("li", { "data-key": e.id },
      h("button", { type: "button", onclick: () => close(e) }, nameOf(e), " ", connection(e), h("small", null, ` ${e.campaignId} · ${e.accountId}`)))));
    let timer = 0;
    const search = async (q) => list((await get("/v1/enrollments", { q, account: signal.accountId, limit: 10 })).items);
    const candidates = named.filter(Boolean);
    if (candidates.length) list(candidates);
    else search("").catch(() => list([]));
    return h("div", null, h("p", null, signal.reason),
      h("details", { open: true }, h("summary", null, "The received body"), h("pre", { tabindex: "0" }, JSON.stringify(raw, null, 2))),
      field("Search this account's enrollments", h("input", { type: "search", name: "whom", oninput: (event) => {
        clearTimeout(timer);
        const q = event.target.value;
        timer = setTimeout(() => search(q).catch(() => list([])), 250);
      } })),
      found, h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close(null) }, "Cancel")));
  });
}

function byHand(view, signal) {
  return action("Stamp by hand", async () => {
    const e = await choose(signal);
    if (e && (await stampByHand(e.id, nameOf(e)))) view.refresh();
  }, { class: "small" });
}

function columns(view) {
  return [
    ["Received", (s) => when(s.receivedAt)],
    ["Source", (s) => words(s.source)],
    ["Outcome", (s) => state(s.outcome)],
    ["Why", (s) => s.reason],
    ["Enrollments", (s) => s.enrollments.map((one) => h("div", null, h("a", { href: to("enrollments", one.id) }, one.id), one.path && h("span", { class: "dim" }, ` ${words(one.path)}`)))],
    ["Account", (s) => s.accountId ?? "–"],
    may("operate") && ["Action", (s) => ["unmatched", "ambiguous"].includes(s.outcome) && byHand(view, s)],
  ];
}

export default async function signals(view) {
  const { outcome, source, account, cursor } = view.query;
  const [unmatched, ambiguous, list] = await Promise.all([
    view.get("/v1/signals", { outcome: "unmatched", limit: WAITING }),
    view.get("/v1/signals", { outcome: "ambiguous", limit: WAITING }),
    view.get("/v1/signals", { outcome, source, account, cursor, limit: 50 }),
  ]);
  const waiting = [...ambiguous.items, ...unmatched.items].sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1));
  const more = unmatched.cursor || ambiguous.cursor;
  show(view.root,
    h("h1", null, "Signals"),
    h("h2", null, "Unmatched and ambiguous"),
    table("Unmatched and ambiguous signals", columns(view), waiting, (s) => s.id, "Every signal found its enrollment."),
    more && h("p", { class: "dim" }, "There are more: filter the ledger below."),
    h("h2", null, "Ledger"),
    filters(view,
      select("outcome", [["", "Any outcome"], ...OUTCOMES.map((word) => [word, words(word)])], outcome, { "aria-label": "Outcome" }),
      select("source", [["", "Any source"], ...SOURCES.map((word) => [word, words(word)])], source, { "aria-label": "Source" }),
      h("input", { type: "search", name: "account", value: account ?? "", placeholder: "Account id", "aria-label": "Account" })),
    table("Ledger", columns(view), list.items, (s) => s.id, "No signal yet."),
    pager(view, list));
}
