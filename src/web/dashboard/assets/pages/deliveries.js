//! Destinations and deliveries: dead letters with the reason first, replay of one or of all, a test through the real path.

import { h, show } from "../dom.js";
import { path, post } from "../api.js";
import { badge, number, state, when, words } from "../format.js";
import { may } from "../role.js";
import { action, confirm, filters, pager, select, table, toast } from "../ui.js";

const STATES = ["pending", "sending", "delivered", "dead", "held"];

function destination(view, d) {
  return h("li", { class: "card", "data-key": d.name },
    h("div", { class: "row" }, h("strong", null, d.name), badge(d.kind), d.stopped ? badge("stopped", "bad") : badge("on", "good")),
    d.stoppedReason && h("p", { class: "reason" }, d.stoppedReason),
    h("p", { class: "dim" }, STATES.filter((word) => d.deliveries?.[word] > 0).map((word) => `${number(d.deliveries[word])} ${word}`).join(", ") || "Nothing sent yet."),
    may("operate") && h("div", { class: "row" },
      action("Send a test", async () => {
        await post(path`/v1/destinations/${d.name}/test`);
        toast(`A test event is on its way to ${d.name}.`);
        view.soon();
      }, { class: "small", "aria-label": `Send a test to ${d.name}` }),
      d.stopped && action("Enable", async () => {
        await post(path`/v1/destinations/${d.name}/enable`);
        toast(`${d.name} is on again.`);
        view.refresh();
      }, { class: "small", "aria-label": `Enable ${d.name}` })));
}

function columns(view) {
  return [
    ["Event", (d) => [words(d.eventType), h("div", { class: "dim" }, h("code", null, d.eventId))]],
    ["Destination", (d) => d.destination],
    ["State", (d) => state(d.state)],
    ["Attempts", (d) => number(d.attempts), "num"],
    ["Last answer", (d) => [d.lastStatus ?? "–", d.lastError && h("div", { class: "reason" }, d.lastError)]],
    ["Next attempt", (d) => when(d.nextAttemptAt)],
    ["Created", (d) => when(d.createdAt), "wide"],
    ["Delivered", (d) => when(d.deliveredAt)],
    may("operate") && ["Action", (d) => action("Replay", async () => {
      await post(path`/v1/deliveries/${d.id}/replay`);
      toast("It is sent again, with the same event id.");
      view.refresh();
    }, { class: "small", "aria-label": `Replay delivery ${d.id}` })],
  ];
}

export default async function deliveries(view) {
  const { destination: to, state: stand, event, cursor } = view.query;
  const [places, dead, list] = await Promise.all([
    view.get("/v1/destinations", {}),
    view.get("/v1/deliveries", { state: "dead", limit: 20 }),
    view.get("/v1/deliveries", { destination: to, state: stand, event, cursor, limit: 50 }),
  ]);
  const names = places.items.map((d) => d.name);
  show(view.root,
    h("h1", null, "Deliveries"),
    h("h2", null, "Destinations"),
    places.items.length === 0
      ? h("p", { class: "empty" }, "No destination is configured: add a [[destination]] to the configuration and reload.")
      : h("ul", { class: "cards" }, places.items.map((d) => destination(view, d))),
    h("div", { class: "head" }, h("h2", null, "Dead letters"),
      dead.items.length > 0 && may("operate") && action("Replay all dead letters", async () => {
        if (!(await confirm("Replay all dead letters?", "Every dead delivery is sent again, with the same event id.", "Replay all"))) return;
        await post("/v1/deliveries/replay", { state: "dead" });
        toast("The dead letters are sent again.");
        view.refresh();
      }, { class: "primary" })),
    table("Dead letters", columns(view), dead.items, (d) => d.id, "No dead letter."),
    h("h2", null, "All deliveries"),
    filters(view,
      select("destination", [["", "Any destination"], ...names.map((name) => [name, name])], to, { "aria-label": "Destination" }),
      select("state", [["", "Any state"], ...STATES.map((word) => [word, word])], stand, { "aria-label": "State" }),
      h("input", { type: "search", name: "event", value: event ?? "", placeholder: "Event id", "aria-label": "Event id" })),
    table("Deliveries", columns(view), list.items, (d) => d.id, "No delivery yet."),
    pager(view, list));
}
