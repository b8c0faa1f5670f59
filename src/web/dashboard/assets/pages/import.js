//! Import: choose a file, see what each column was taken for and what would happen, then import it. The daemon reads the file.

import { h, show } from "../dom.js";
import { erase, get, path, upload } from "../api.js";
import { to } from "../address.js";
import { number } from "../format.js";
import { action, confirm, field, select, table, toast } from "../ui.js";

const BYTES_MAX = 64 * 1024 * 1024;
const ERRORS_SHOWN = 200;
const ASK_EVERY_MS = 300;
const FIELDS = [
  ["", "– ignored –"], ["id", "Enrollment id"], ["linkedinUrl", "LinkedIn URL"], ["salesUrl", "Sales Navigator URL"], ["providerId", "Provider id"],
  ["name", "Name"], ["firstName", "First name"], ["lastName", "Last name"], ["headline", "Headline"], ["company", "Company"],
  ["accountId", "Account id"], ["campaignId", "Campaign id"], ["campaignName", "Campaign name"], ["invitedAt", "Invited at"], ["note", "Invite note"],
];
const SEPARATORS = { ",": "commas", ";": "semicolons", "\t": "tabs" };
const IDENTITIES = ["linkedinUrl", "salesUrl", "providerId"];

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const counts = (report) => `${number(report.created)} created, ${number(report.updated)} updated, ${number(report.unchanged)} unchanged, ${number(report.failed)} failed, ${number(report.noUsableIdentity)} without a usable identity.`;

function errors(report) {
  const more = report.errors.length - ERRORS_SHOWN;
  return report.errors.length > 0 && [
    table("Rows to look at", [["Line", (e) => number(e.line), "num"], ["Column", (e) => e.column ?? "–"], ["What is wrong", (e) => e.detail]],
      report.errors.slice(0, ERRORS_SHOWN), (e) => `${e.line} ${e.column} ${e.detail}`),
    more > 0 && h("p", null, `And ${number(more)} more.`)];
}

function outcome(report, campaign, takeBack) {
  return h("section", { class: `notice ${report.failed ? "amber" : "good"}`, role: "status" },
    h("h2", null, report.state === "done" ? "Imported" : "Interrupted"),
    h("p", null, counts(report)),
    report.state !== "done" && h("p", null, "The import was interrupted. Import the same file again to complete it."),
    h("div", { class: "row" },
      h("a", { class: "button", href: campaign ? to("campaigns", campaign) : to("campaigns") }, "See the campaign"),
      report.created > 0 && action("Take this import back", takeBack)),
    errors(report));
}

function found(report) {
  const identified = report.columns.some((column) => IDENTITIES.includes(column.field));
  const heads = FIELDS.map(([name]) => name).filter((name) => name && report.preview.some((row) => row[name]));
  const how = report.separator === null ? "one JSON object on each line" : `separated by ${SEPARATORS[report.separator] ?? report.separator}`;
  return [
    h("p", { role: "status" }, `${number(report.rowsTotal)} rows, read as ${report.encoding}, ${how}. The import would give: ${counts(report)}`),
    !identified && h("p", { class: "notice amber" }, "No column has a LinkedIn URL or a provider id, so nobody in this file can be recognised. Choose the column above."),
    report.unknownAccounts.length > 0 && h("p", { class: "notice amber" }, `The provider does not know these accounts: ${report.unknownAccounts.join(", ")}.`),
    h("h2", null, `Preview: the first ${number(report.preview.length)} of ${number(report.rowsTotal)} rows`),
    table("Preview", heads.map((name) => [name, (row) => row[name] ?? "–"]), report.preview, (row) => row.id),
    errors(report)];
}

/** The form keeps itself: the live updates of other pages don't touch what is being filled in. */
function form(view, accounts, campaigns) {
  const state = { file: null, map: {}, look: null, problem: null, running: null, done: null, turn: 0 };
  const target = { account: "", campaign: view.query.campaign ?? "" };
  const root = h("div", { "data-keep": view.name });

  const query = () => ({ ...target, map: Object.entries(state.map).map(([header, name]) => `${header}=${name || "ignore"}`) });

  /** Asks what the import would do. Of several questions the last one counts. */
  const look = async () => {
    if (!state.file) return;
    state.turn += 1;
    const turn = state.turn;
    state.done = null;
    try {
      const report = await upload("/v1/imports", { ...query(), dryRun: true }, state.file);
      if (turn !== state.turn) return;
      state.look = report;
      state.problem = null;
    } catch (error) {
      if (turn !== state.turn) return;
      state.look = null;
      state.problem = error.field === "account" ? "Say which account invites these people." : error.message;
    }
    draw();
  };

  const choose = (file) => {
    if (!file) return;
    if (file.size > BYTES_MAX) {
      toast("The file is larger than 64 MiB. Split it.", "bad");
      return;
    }
    state.file = file;
    state.map = {};
    look();
  };

  const run = async () => {
    const { importId } = await upload("/v1/imports", query(), state.file, { prefer: "respond-async" });
    do {
      state.running = await get(path`/v1/imports/${importId}`);
      draw();
      await rest(ASK_EVERY_MS);
    } while (state.running.state === "running");
    state.done = state.running;
    state.running = null;
    state.look = null;
    draw();
  };

  const takeBack = async () => {
    if (!(await confirm("Take this import back?", "The enrollments that it created are deleted, unless something happened to them since.", "Take it back"))) return;
    const taken = await erase(path`/v1/imports/${state.done.importId}`);
    toast(`${number(taken.deleted)} enrollments were deleted, ${number(taken.kept)} stay.`);
    state.done = null;
    draw();
  };

  const columns = () => h("fieldset", { class: "card mapping" }, h("legend", null, "What each column means"),
    state.look.columns.map((column, i) => column.header && field(column.header,
      select(`map-${i}`, FIELDS, column.field ?? "", { onchange: (event) => { state.map[column.header] = event.target.value; look(); } }))));

  const draw = () => show(root,
    h("div", { class: "card form" },
      field("File", h("input", { type: "file", name: "file", accept: ".csv,.tsv,.txt,.ndjson,.jsonl,text/csv", onchange: (event) => choose(event.target.files[0]) }), "CSV from any tool, or NDJSON. At most 64 MiB."),
      field("Account id", h("input", { name: "account", value: target.account, maxlength: 128, list: "known-accounts", autocomplete: "off", onchange: (event) => { target.account = event.target.value.trim(); look(); } }), "The LinkedIn account that invites, for rows that name none."),
      field("Campaign id", h("input", { name: "campaign", value: target.campaign, maxlength: 256, list: "known-campaigns", autocomplete: "off", onchange: (event) => { target.campaign = event.target.value.trim(); look(); } }), "Empty: the campaign “unassigned”."),
      h("datalist", { id: "known-campaigns" }, campaigns.map((c) => h("option", { value: c.id }, c.name ?? c.id))),
      h("datalist", { id: "known-accounts" }, accounts.map((a) => h("option", { value: a.id })))),
    state.problem && h("p", { class: "notice amber", role: "status" }, state.problem),
    state.look && [
      columns(),
      found(state.look),
      h("div", { class: "row" },
        action(`Import ${number(state.look.rowsTotal)} rows`, run, { class: "primary" }),
        state.running && h("progress", { value: state.running.rows, max: state.running.rowsTotal, "aria-label": "Rows imported" })),
    ],
    state.done && outcome(state.done, target.campaign, takeBack));
  draw();
  return root;
}

export default async function imports(view) {
  if (view.shown) return;
  const [accounts, campaigns] = await Promise.all([view.get("/v1/accounts", { limit: 500 }), view.get("/v1/campaigns", { limit: 500 })]);
  show(view.root, h("h1", null, "Import contacts"), form(view, accounts.items, campaigns.items));
}
