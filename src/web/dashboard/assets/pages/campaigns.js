//! Every campaign with its live counts, and what all of them together did.

import { h, show } from "../dom.js";
import { patch, path, post } from "../api.js";
import { to } from "../address.js";
import { number, percent, span, state } from "../format.js";
import { histogram, overTime } from "../chart.js";
import { may } from "../role.js";
import { action, dialog, field, pager, select, table, tile, toast } from "../ui.js";

const DAYS = 30;

export const STATUSES = ["draft", "running", "paused", "completed", "archived"];

/** The figures of one campaign, or of all of them. */
export function tiles(c) {
  return h("dl", { class: "tiles" },
    tile("Enrolled", number(c.enrolled)),
    tile("Invited", number(c.invited)),
    tile("Accepted", number(c.accepted), c.preConnected ? `${number(c.preConnected)} before the invite` : null),
    tile("Accept rate", percent(c.acceptRate)),
    tile("Median time", span(c.medianSecondsToAccept)),
    tile("Replied", number(c.replied)),
    tile("Late", number(c.late)));
}

function create() {
  return dialog("New campaign", (close) => h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      const form = new FormData(event.currentTarget);
      try {
        const made = await post("/v1/campaigns", { id: form.get("id"), name: form.get("name") || null });
        close(made);
      } catch (error) {
        toast(error.message, "bad");
      }
    },
  },
  field("Id", h("input", { name: "id", required: true, maxlength: 256, autocomplete: "off" }), "As your engine calls it."),
  field("Name", h("input", { name: "name", maxlength: 200, autocomplete: "off" })),
  h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close(null) }, "Cancel"), h("button", { type: "submit", class: "primary" }, "Create"))));
}

export default async function campaigns(view) {
  const [list, stats] = await Promise.all([
    view.get("/v1/campaigns", { limit: 100, cursor: view.query.cursor }),
    view.get("/v1/stats", { days: DAYS }),
  ]);
  show(view.root,
    h("div", { class: "head" }, h("h1", null, "Campaigns"),
      h("div", { class: "row" },
        may("operate") && action("New campaign", async () => {
          const made = await create();
          if (made) location.hash = to("campaigns", made.id);
        }),
        may("enroll") && h("a", { class: "button primary", href: to("import") }, "Import contacts"))),
    list.items.length === 0 && !view.query.cursor
      ? h("div", { class: "notice amber" }, h("h2", null, "No campaign yet"),
        h("p", null, "A campaign appears with its first enrollment: import contacts here, or send them to ", h("code", null, "POST /v1/enrollments"), "."),
        may("enroll") && h("a", { class: "button", href: to("import") }, "Import contacts"))
      : [
        h("div", { class: "charts" }, overTime(stats.acceptsPerDay, DAYS), histogram(stats.timeToAccept)),
        table("Campaigns", [
          ["Campaign", (c) => h("a", { href: to("campaigns", c.id) }, c.name || c.id)],
          ["Status", (c) => state(c.status)],
          ["Enrolled", (c) => number(c.enrolled), "num"],
          ["Invited", (c) => number(c.invited), "num"],
          ["Accepted", (c) => number(c.accepted), "num"],
          ["Accept rate", (c) => h("span", { class: "rate" }, percent(c.acceptRate),
            c.acceptRate !== null && h("meter", { min: 0, max: 1, value: c.acceptRate, "aria-label": "Accept rate" })), "num"],
          ["Median time", (c) => span(c.medianSecondsToAccept), "num"],
          ["Replied", (c) => number(c.replied), "num"],
          ["Late", (c) => (c.late ? h("a", { href: to("late", { campaign: c.id }) }, number(c.late)) : "0"), "num"],
        ], list.items, (c) => c.id),
        pager(view, list),
      ]);
}

/** Sets a status; the daemon says why it can't be. */
export function statusForm(c, done) {
  return select("campaign-status", STATUSES, c.status, {
    "aria-label": "Campaign status",
    onchange: async (event) => {
      const asked = event.target.value;
      try {
        await patch(path`/v1/campaigns/${c.id}`, { status: asked });
        toast(`The campaign is ${asked}.`);
      } catch (error) {
        event.target.value = c.status;
        toast(error.message, "bad");
      }
      done();
    },
  });
}
