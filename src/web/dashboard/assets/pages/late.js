//! Late accepts: the campaign no longer waited for them, so a person decides what comes next.

import { h, show } from "../dom.js";
import { may } from "../role.js";
import { filters, pager, table } from "../ui.js";
import { columns } from "./campaign.js";
import { nextStep } from "./enrollment.js";
import { when } from "../format.js";

export default async function late(view) {
  const { campaign, q, cursor } = view.query;
  const list = await view.get("/v1/enrollments", { late: "true", campaign, q, cursor, limit: 50 });
  const shared = columns(view).filter(([head]) => !["Action", "Status"].includes(head));
  show(view.root,
    h("h1", null, "Late accepts"),
    h("p", null, "Accepted when the campaign was not running, or after its accept window. They queue no next step by themselves."),
    filters(view,
      h("input", { type: "search", name: "q", value: q ?? "", placeholder: "Name, company, URL or id", "aria-label": "Search late accepts" }),
      h("input", { type: "search", name: "campaign", value: campaign ?? "", placeholder: "Campaign id", "aria-label": "Campaign" })),
    table("Late accepts", [
      ...shared,
      ["Campaign", (e) => e.campaignId],
      ["Next step", (e) => (e.nextStepAt ? when(e.nextStepAt) : may("operate") && nextStep(e, () => view.refresh()))],
    ], list.items, (e) => e.id, "No late accept."),
    pager(view, list));
}
