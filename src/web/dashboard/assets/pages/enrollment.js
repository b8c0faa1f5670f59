//! One enrollment: what is known of the person, and in one line of time every signal, what it led to and why, and every delivery.

import { h, show } from "../dom.js";
import { erase, patch, path, post } from "../api.js";
import { to } from "../address.js";
import { badge, connection, nameOf, outside, span, state, when, words } from "../format.js";
import { may } from "../role.js";
import { action, confirm, dialog, field, select, toast } from "../ui.js";

const BY_HAND = ["OPPORTUNITY", "NOT_INTERESTED", "DONE"];

/** The *Resync prospect* button. */
export function resync(e, done) {
  return action("Resync prospect", async () => {
    const promise = await post(path`/v1/enrollments/${e.id}/resync`);
    const seconds = Math.max(0, (Date.parse(promise.dueAt) - Date.now()) / 1000);
    toast(`${nameOf(e)} will be checked ${seconds < 2 ? "now" : `in ${span(seconds)}`}.`);
    done();
  }, { class: "small", "aria-label": `Resync prospect ${nameOf(e)}` });
}

/** Asks for a reason and a time and drives the stamping routine by hand. */
export async function stampByHand(id, name) {
  const done = await dialog(`Stamp ${name} by hand`, (close) => h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      const form = new FormData(event.currentTarget);
      const at = form.get("at");
      try {
        close(await post(path`/v1/enrollments/${id}/stamp`, { reason: form.get("reason"), ...(at ? { at: new Date(at).toISOString() } : {}) }));
      } catch (error) {
        toast(error.message, "bad");
      }
    },
  },
  h("p", null, "This records that the invitation was accepted. It is announced like any other accept and can't be taken back."),
  field("Reason", h("input", { name: "reason", required: true, maxlength: 500, autocomplete: "off" }), "Kept in the ledger."),
  field("Accepted at", h("input", { name: "at", type: "datetime-local", step: 1 }), "Your local time. Leave it empty if it is not known."),
  h("div", { class: "row end" }, h("button", { type: "button", onclick: () => close(null) }, "Cancel"), h("button", { type: "submit", class: "primary" }, "Stamp"))));
  if (done) toast(`${name} is stamped.`);
  return done;
}

/** The *Queue next step* button of a late accept. */
export function nextStep(e, done) {
  return action("Queue next step", async () => {
    const now = await post(path`/v1/enrollments/${e.id}/next-step`);
    toast(now?.nextStepAt ? `The next step of ${nameOf(e)} is due ${new Date(now.nextStepAt).toLocaleString()}.` : `The next step of ${nameOf(e)} is queued.`);
    done();
  }, { class: "small", "aria-label": `Queue next step of ${nameOf(e)}` });
}

function timeline(e) {
  const marks = [
    e.invitedAt && { at: e.invitedAt, key: "invited", head: "Invited", text: "The invitation was sent." },
    e.acceptedAt && { at: e.acceptedAt, key: "accepted", head: "Accepted", tone: "good", text: { exact: "The provider reported this time.", upper_bound: "It happened at or before this time.", inferred: "Something happened that only works between connected people." }[e.acceptedAtPrecision] },
    e.repliedAt && { at: e.repliedAt, key: "replied", head: "Replied", tone: "good", text: "The first reply." },
    e.nextStepAt && { at: e.nextStepAt, key: "step", head: "Next step", text: "It is due at this time, if the campaign is running." },
    ...(e.signals ?? []).map((s) => ({
      at: s.receivedAt, key: `s${s.id}`, head: `Signal: ${words(s.source)}`, badge: state(s.outcome), text: s.reason,
      more: s.enrollments.find((one) => one.id === e.id)?.path,
    })),
    ...(e.deliveries ?? []).map((d) => ({
      at: d.deliveredAt ?? d.createdAt, key: `d${d.id}`, head: `${words(d.eventType)} → ${d.destination}`, badge: state(d.state),
      text: d.lastError ?? (d.state === "delivered" ? `Answered with status ${d.lastStatus} on attempt ${d.attempts}.` : `${d.attempts} attempts so far.`),
    })),
  ].filter(Boolean).sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  return h("ol", { class: "timeline" }, marks.map((m) => h("li", { "data-key": m.key, class: m.tone },
    h("div", { class: "row" }, h("strong", null, m.head), m.badge, m.more && badge(`path: ${words(m.more)}`), when(m.at)),
    m.text && h("p", null, m.text))));
}

function facts(e) {
  const row = (name, value) => value && [h("dt", null, name), h("dd", null, value)];
  return h("dl", { class: "facts card" },
    row("LinkedIn", e.linkedinUrl && outside(e.linkedinUrl)),
    row("Headline", e.headline), row("Company", e.company),
    row("Campaign", h("a", { href: to("campaigns", e.campaignId) }, e.campaignId)),
    row("Account", e.accountId), row("Id", h("code", null, e.id)),
    row("Public identifier", e.publicIdentifier), row("Provider id", e.providerId && h("code", null, e.providerId)),
    row("Member number", e.memberNumber === null ? null : String(e.memberNumber)),
    row("Source", e.source && words(e.source)), row("Path", e.path && words(e.path)),
    row("Precision", e.acceptedAtPrecision && words(e.acceptedAtPrecision)),
    row("Detected", e.detectedAt && when(e.detectedAt)));
}

export default async function enrollment(view) {
  const own = path`/v1/enrollments/${view.id}`;
  const e = await view.get(own);
  const again = () => view.refresh();
  show(view.root,
    h("nav", { class: "crumbs", "aria-label": "Breadcrumb" }, h("a", { href: to("campaigns") }, "Campaigns"), " / ", h("a", { href: to("campaigns", e.campaignId) }, e.campaignId)),
    h("div", { class: "head" }, h("h1", null, nameOf(e)), connection(e),
      e.preConnected && badge("pre-connected"), e.late && badge("late", "amber"), e.backfill && badge("backfill"), e.viaSibling && badge("via sibling")),
    h("div", { class: "row" },
      !e.acceptedAt && may("operate") && resync(e, again),
      !e.acceptedAt && may("operate") && action("Stamp by hand", async () => { if (await stampByHand(e.id, nameOf(e))) again(); }),
      e.late && !e.nextStepAt && may("operate") && nextStep(e, again),
      may("enroll") && select("status", [["", `Status: ${words(e.status)}`], ...BY_HAND.filter((word) => word !== e.status).map((word) => [word, `Set ${words(word)}`])], "", {
        "aria-label": "Set the status",
        onchange: async (event) => {
          const status = event.target.value;
          event.target.value = "";
          if (!status) return;
          try {
            await patch(own, { status });
            toast(`The status is ${words(status)}.`);
          } catch (error) {
            toast(error.message, "bad");
          }
          again();
        },
      }),
      may("admin") && action("Erase person", async () => {
        if (!(await confirm("Erase this person?", "Everything about this person is deleted, from every table and every event. This can't be undone.", "Erase"))) return;
        await erase(own);
        toast("Erased.");
        location.hash = to("campaigns", e.campaignId);
      }, { class: "danger" })),
    h("div", { class: "split" },
      h("section", { "aria-labelledby": "timeline" }, h("h2", { id: "timeline" }, "What happened"), timeline(e)),
      h("section", { "aria-labelledby": "facts" }, h("h2", { id: "facts" }, "What is known"), facts(e))));
}
