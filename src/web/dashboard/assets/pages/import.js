//! Import from the page: a CSV file, a look at it, which column is what, and what became of each row.

import { h, show } from "../dom.js";
import { post } from "../api.js";
import { to } from "../address.js";
import { number } from "../format.js";
import { action, field, select, table, toast } from "../ui.js";
import { enrollment, FIELDS, mapping, parse } from "../csv.js";

const BATCH = 250;
const BYTES_MAX = 50 * 1024 * 1024;
const PREVIEW = 5;
const ERRORS_SHOWN = 200;

function columnOf(heads, state, draw) {
  return h("fieldset", { class: "card mapping" }, h("legend", null, "Which column is what"),
    FIELDS.map(([name, label]) => field(label,
      select(`map-${name}`, [["", "– none –"], ...heads.map((head, i) => [String(i), head || `Column ${i + 1}`])], state.columns[name] === undefined ? "" : String(state.columns[name]), {
        onchange: (event) => {
          if (event.target.value === "") delete state.columns[name];
          else state.columns[name] = Number(event.target.value);
          draw();
        },
      }))));
}

async function send(state, target, progress) {
  const rows = state.rows.map(({ line, cells }) => ({ line, row: enrollment(cells, state.columns, { ...target, line }) }));
  const total = { created: 0, updated: 0, unchanged: 0, failed: 0, noUsableIdentity: 0, errors: [] };
  for (let at = 0; at < rows.length; at += BATCH) {
    const part = rows.slice(at, at + BATCH);
    const answer = await post("/v1/enrollments", part.map((one) => one.row));
    for (const name of ["created", "updated", "unchanged", "failed"]) total[name] += answer[name];
    answer.results.forEach((result, i) => {
      if (result.noUsableIdentity) total.noUsableIdentity += 1;
      if (result.error) total.errors.push({ line: part[i].line, id: result.id ?? part[i].row.id, ...result.error });
      else if (result.noUsableIdentity) total.errors.push({ line: part[i].line, id: result.id, field: "linkedinUrl", detail: "Stored, but nothing in it says who the person is." });
    });
    progress(Math.min(at + BATCH, rows.length), rows.length);
  }
  return total;
}

function outcome(total, campaign) {
  return h("section", { class: `notice ${total.failed ? "amber" : "good"}`, role: "status" },
    h("h2", null, "Imported"),
    h("p", null, `${number(total.created)} created, ${number(total.updated)} updated, ${number(total.unchanged)} unchanged, ${number(total.failed)} failed, ${number(total.noUsableIdentity)} without a usable identity.`),
    h("a", { class: "button", href: campaign ? to("campaigns", campaign) : to("campaigns") }, "See the campaign"),
    total.errors.length > 0 && table("Rows to look at", [
      ["Line", (e) => number(e.line), "num"], ["Id", (e) => e.id], ["Field", (e) => e.field ?? "–"], ["What is wrong", (e) => e.detail],
    ], total.errors.slice(0, ERRORS_SHOWN), (e) => e.line),
    total.errors.length > ERRORS_SHOWN && h("p", null, `And ${number(total.errors.length - ERRORS_SHOWN)} more.`));
}

/** The form keeps itself: the live updates of other pages don't touch what is being filled in. */
function form(view, accounts, campaigns) {
  const state = { heads: [], rows: [], columns: {}, done: null, sent: null };
  const root = h("div", { "data-keep": view.name });
  const target = { account: accounts[0]?.id ?? "", campaign: view.query.campaign ?? "" };

  const load = async (file) => {
    if (!file) return;
    if (file.size > BYTES_MAX) {
      toast("The file is larger than 50 MiB: use `acceptd import`.", "bad");
      return;
    }
    const rows = parse(await file.text());
    state.heads = rows[0]?.cells.map((head) => head.trim()) ?? [];
    state.rows = rows.slice(1);
    state.columns = mapping(state.heads);
    state.done = null;
    if (state.rows.length === 0) toast("There is no row below the header line.", "bad");
    draw();
  };

  const preview = () => {
    const shown = state.rows.slice(0, PREVIEW).map(({ line, cells }) => ({ line, ...enrollment(cells, state.columns, { ...target, line }) }));
    const heads = ["id", "accountId", "linkedinUrl", "providerId", "name", "headline", "company", "invitedAt"].filter((name) => shown.some((row) => row[name]));
    return [h("h2", null, `Preview: the first ${shown.length} of ${number(state.rows.length)} rows`),
      table("Preview", [["Line", (row) => row.line, "num"], ...heads.map((name) => [name, (row) => row[name] ?? "–"])], shown, (row) => row.line)];
  };

  const draw = () => show(root,
    h("div", { class: "card form" },
      field("CSV file", h("input", { type: "file", name: "file", accept: ".csv,.tsv,.txt,text/csv", onchange: (event) => load(event.target.files[0]).catch((error) => toast(error.message, "bad")) }), "With a header line. Commas, semicolons or tabs."),
      field("Campaign id", h("input", { name: "campaign", value: target.campaign, maxlength: 256, list: "known-campaigns", autocomplete: "off", oninput: (event) => { target.campaign = event.target.value.trim(); draw(); } }), "Empty: the campaign “unassigned”."),
      field("Account id", h("input", { name: "account", value: target.account, maxlength: 128, list: "known-accounts", autocomplete: "off", oninput: (event) => { target.account = event.target.value.trim(); draw(); } }), "The LinkedIn account that invites, for rows that name none."),
      h("datalist", { id: "known-campaigns" }, campaigns.map((c) => h("option", { value: c.id }, c.name ?? c.id))),
      h("datalist", { id: "known-accounts" }, accounts.map((a) => h("option", { value: a.id })))),
    state.rows.length > 0 && [
      columnOf(state.heads, state, draw),
      state.columns.linkedinUrl === undefined && state.columns.providerId === undefined
        && h("p", { class: "notice amber", role: "status" }, "No column holds a LinkedIn URL or a provider id: nobody in this file could be recognised. Choose the column above."),
      preview(),
      h("div", { class: "row" },
        action(`Import ${number(state.rows.length)} rows`, async () => {
          if (!target.account && state.columns.accountId === undefined) {
            toast("Say which account invites these people.", "bad");
            return;
          }
          state.done = await send(state, target, (at, all) => { state.sent = [at, all]; draw(); });
          state.sent = null;
          draw();
        }, { class: "primary" }),
        state.sent && h("progress", { value: state.sent[0], max: state.sent[1], "aria-label": "Rows sent" })),
    ],
    state.done && outcome(state.done, target.campaign));
  draw();
  return root;
}

export default async function imports(view) {
  if (view.shown) return;
  const [accounts, campaigns] = await Promise.all([view.get("/v1/accounts", { limit: 500 }), view.get("/v1/campaigns", { limit: 500 })]);
  show(view.root, h("h1", null, "Import contacts"), form(view, accounts.items, campaigns.items));
}
