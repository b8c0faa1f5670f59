//! Words for times, spans and states, the same on every page.

import { h } from "./dom.js";

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const SHORT = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const LONG = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** "2 d 4 h" for a number of seconds. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  let left = Math.max(0, Math.round(seconds));
  const words = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) words.push(`${count} ${unit}`);
    if (words.length === 2 || (words.length === 1 && count === 0)) break;
  }
  return words.join(" ") || "0 s";
}

function relative(ms) {
  const away = (ms - Date.now()) / 1000;
  if (Math.abs(away) < 5) return "now";
  if (Math.abs(away) > 86400) return SHORT.format(ms);
  const about = Math.abs(away) < 60 ? Math.abs(away) : Math.floor(Math.abs(away) / 60) * 60;
  return away > 0 ? `in ${span(about)}` : `${span(about)} ago`;
}

/** A moment as a `<time>`, near ones relative, the whole of it as its title. */
export function when(text) {
  if (!text) return h("span", { class: "dim" }, "–");
  const ms = Date.parse(text);
  return h("time", { datetime: text, title: LONG.format(ms) }, relative(ms));
}

export const number = (value) => (value ?? 0).toLocaleString();
export const percent = (value) => (value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)} %`);

/** `already_connected` → `already connected`. */
export const words = (text) => (text ?? "").replaceAll("_", " ").replace("linkedin.", "").toLowerCase();

/** A word in a coloured frame. `tone`: good, bad, amber, plain. */
export const badge = (text, tone = "plain") => h("span", { class: `badge ${tone}` }, text);

/** Connected, Invited or Not invited. */
export function connection(e) {
  if (e.acceptedAt) return badge("Connected", "good");
  if (e.invitedAt || e.status === "CONNECTION_SENT") return badge("Invited", "plain");
  return badge("Not invited", "dim");
}

const TONES = {
  running: "good", paused: "amber", draft: "dim", completed: "plain", archived: "dim",
  stamped: "good", already_stamped: "plain", unmatched: "amber", ambiguous: "amber", duplicate: "dim", ignored: "dim", recorded: "plain",
  delivered: "good", dead: "bad", held: "amber", pending: "plain", sending: "plain",
};

/** A badge for a status, a state, an outcome or another word that the API uses. */
export const state = (word) => badge(words(word), TONES[word] ?? "plain");

/** What to call an enrollment. */
export const nameOf = (e) => e.name || e.publicIdentifier || e.linkedinUrl || e.providerId || e.id;

/** A link that only ever leads to LinkedIn: the text comes from outside. Any other address is shown as text. */
export function outside(url, text) {
  let safe = false;
  try {
    const to = new URL(url);
    const host = to.hostname.replace(/\.$/, "");
    safe = ["https:", "http:"].includes(to.protocol) && !to.port && !to.username && !to.password && (host === "linkedin.com" || host.endsWith(".linkedin.com"));
  } catch {
    safe = false;
  }
  return safe ? h("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, text ?? url) : h("span", null, text ?? url);
}
