//! One campaign: its figures, its enrollments with search and filters, and what to do when nobody in it can be recognised.

import { h, show } from "../dom.js";
import { path } from "../api.js";
import { to } from "../address.js";
import { badge, connection, nameOf, number, span, state, when, words } from "../format.js";
import { histogram, overTime } from "../chart.js";
import { may } from "../role.js";
import { filters, pager, select, table } from "../ui.js";
import { resync } from "./enrollment.js";
import { statusForm, tiles } from "./campaigns.js";

const DAYS = 30;
const PAGE = 50;
export const ENROLLMENT_STATUSES = ["PENDING", "CONNECTION_SENT", "CONNECTION_ACCEPTED", "MESSAGE_SENT", "REPLY_RECEIVED", "OPPORTUNITY", "NOT_INTERESTED", "DONE"];
export const PATHS = ["bridge", "direct", "sales_nav", "profile"];
const titled = (list) => list.map((word) => [word, words(word)]);

/** The columns that every list of enrollments has. */
export function columns(view) {
  return [
    ["Prospect", (e) => [h("a", { href: to("enrollments", e.id) }, nameOf(e)), h("div", { class: "dim" }, [e.headline, e.company].filter(Boolean).join(" · "))]],
    ["Connection", (e) => [connection(e), e.preConnected && badge("pre-connected"), e.late && badge("late", "amber")]],
    ["Status", (e) => words(e.status)],
    ["Path", (e) => (e.path ? words(e.path) : h("span", { class: "dim" }, e.acceptedAt ? "named" : "–"))],
    ["Source", (e) => (e.source ? words(e.source) : h("span", { class: "dim" }, "–")), "wide"],
    ["Invited", (e) => when(e.invitedAt), "wide"],
    ["Accepted", (e) => when(e.acceptedAt)],
    ["Took", (e) => (e.invitedAt && e.acceptedAt && !e.preConnected ? span((Date.parse(e.acceptedAt) - Date.parse(e.invitedAt)) / 1000) : "–"), "num wide"],
    may("operate") && ["Action", (e) => !e.acceptedAt && resync(e, () => view.soon())],
  ].filter(Boolean);
}

function nobody(c, usable) {
  if (usable > 0) return null;
  const text = c.enrolled > 0
    ? `None of the ${number(c.enrolled)} enrollments has a LinkedIn URL or id, so no signal can be matched to them.`
    : "There is nobody in this campaign yet.";
  return h("div", { class: "notice amber", role: "note" },
    h("h2", null, "No prospects with a LinkedIn URL"),
    h("p", null, text, " Import contacts with their LinkedIn, Sales Navigator or Recruiter URL; the campaign can run from then on."),
    may("enroll") && h("a", { class: "button primary", href: to("import", { campaign: c.id }) }, "Import contacts"));
}

export default async function campaign(view) {
  const own = path`/v1/campaigns/${view.id}`;
  const { q, status, path: way, connected, cursor } = view.query;
  const [c, stats, list] = await Promise.all([
    view.get(own),
    view.get(`${own}/stats`, { days: DAYS }),
    view.get("/v1/enrollments", { campaign: view.id, q, status, path: way, connected, cursor, limit: PAGE }),
  ]);
  show(view.root,
    h("nav", { class: "crumbs", "aria-label": "Breadcrumb" }, h("a", { href: to("campaigns") }, "Campaigns")),
    h("div", { class: "head" }, h("h1", null, c.name || c.id), state(c.status),
      h("div", { class: "row" }, may("operate") && statusForm(c, () => view.refresh()), may("enroll") && h("a", { class: "button", href: to("import", { campaign: c.id }) }, "Import contacts"))),
    nobody(c, stats.usable),
    tiles(c),
    h("div", { class: "charts" }, overTime(stats.acceptsPerDay, DAYS), histogram(stats.timeToAccept)),
    h("h2", null, "Enrollments"),
    filters(view,
      h("input", { type: "search", name: "q", value: q ?? "", placeholder: "Name, company, URL or id", "aria-label": "Search enrollments" }),
      select("connected", [["", "Connected or not"], ["true", "Connected"], ["false", "Not connected"]], connected, { "aria-label": "Connection" }),
      select("status", [["", "Any status"], ...titled(ENROLLMENT_STATUSES)], status, { "aria-label": "Status" }),
      select("path", [["", "Any path"], ...titled(PATHS)], way, { "aria-label": "Path" })),
    table("Enrollments", columns(view), list.items, (e) => e.id, q || status || way || connected ? "No enrollment matches these filters." : "No enrollment yet."),
    pager(view, list));
}
