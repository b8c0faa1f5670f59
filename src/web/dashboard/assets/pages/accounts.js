//! Accounts: whether they work, how fast they are called, when they are looked at next.

import { h, show } from "../dom.js";
import { path, post } from "../api.js";
import { badge, number, when } from "../format.js";
import { may } from "../role.js";
import { action, pager, table, toast } from "../ui.js";

const healthy = (a) => a.health === "OK";

function budget(a) {
  return h("span", { class: "rate" }, `${number(a.callsToday)} of ${number(a.dailyBudget)}`,
    h("meter", { min: 0, max: Math.max(1, a.dailyBudget), value: a.callsToday, high: a.dailyBudget * 0.9, optimum: 0, "aria-label": `Calls today of ${a.id}` }));
}

export default async function accounts(view) {
  const list = await view.get("/v1/accounts", { limit: 100, cursor: view.query.cursor });
  show(view.root,
    h("div", { class: "head" }, h("h1", null, "Accounts"),
      h("div", { class: "row" }, may("operate") && action("Resync all accounts", async () => {
        await post("/v1/resync");
        toast("A poll of every account is due, within spacing and budget.");
        view.soon();
      }))),
    table("Accounts", [
      ["Account", (a) => [h("strong", null, a.id), h("div", { class: "dim" }, `${a.provider} · ${a.workspaceId}`)]],
      ["Health", (a) => [badge(healthy(a) ? "OK" : "unhealthy", healthy(a) ? "good" : "bad"), a.healthReason && h("div", { class: "dim" }, a.healthReason, a.outageSince && [", since ", when(a.outageSince)])]],
      ["Open", (a) => number(a.openEnrollments), "num"],
      ["Calls today", budget, "num"],
      ["Last call", (a) => when(a.lastCallAt)],
      ["Next call from", (a) => when(a.nextCallAt)],
      ["Last poll", (a) => when(a.lastPollAt)],
      ["Next poll", (a) => when(a.nextPollAt)],
      may("operate") && ["Action", (a) => a.provider !== "sendpilot" && action("Resync", async () => {
        await post(path`/v1/accounts/${a.id}/resync`);
        toast(`A poll of ${a.id} is due, within spacing and budget.`);
        view.soon();
      }, { class: "small", "aria-label": `Resync account ${a.id}` })],
    ], list.items, (a) => a.id, "No account yet: it appears with its first enrollment or webhook."),
    pager(view, list));
}
