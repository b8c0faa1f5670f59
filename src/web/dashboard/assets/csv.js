//! Reads what people really export: any of the usual separators, quotes, a byte order mark, headers in any case and with spaces.

/** The rows of a CSV text; each row knows the line it begins on. */
export function parse(text) {
  const source = text.replace(/^\uFEFF/, "");
  const separator = guess(source);
  const rows = [];
  let cells = [];
  let cell = "";
  let quoted = false;
  let line = 1;
  let start = 1;
  const endRow = () => {
    cells.push(cell);
    if (cells.some((one) => one.trim() !== "")) rows.push({ line: start, cells });
    cells = [];
    cell = "";
    start = line;
  };
  for (let i = 0; i < source.length; i += 1) {
    const c = source[i];
    if (c === "\n") line += 1;
    if (quoted) {
      if (c === '"' && source[i + 1] === '"') {
        cell += '"';
        i += 1;
      } else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"' && cell.trim() === "") {
      quoted = true;
      cell = "";
    } else if (c === separator) {
      cells.push(cell);
      cell = "";
    } else if (c === "\n") endRow();
    else if (c !== "\r") cell += c;
  }
  if (cell !== "" || cells.length > 0) endRow();
  return rows;
}

function guess(text) {
  const head = text.slice(0, text.search(/\r?\n|$/));
  return [",", ";", "\t"].map((mark) => [mark, head.split(mark).length]).sort((a, b) => b[1] - a[1])[0][0];
}

/** What a row may carry, how it is asked for, and the headers by which it is recognised. */
export const FIELDS = [
  ["id", "Enrollment id", ["id", "enrollmentid", "leadid", "prospectid", "contactid", "recordid"]],
  ["linkedinUrl", "LinkedIn URL", ["linkedinurl", "linkedin", "profileurl", "linkedinprofile", "linkedinprofileurl", "salesnavigatorurl", "personlinkedinurl", "url"]],
  ["providerId", "Provider id", ["providerid"]],
  ["name", "Name", ["name", "fullname", "contactname"]],
  ["firstName", "First name", ["firstname", "givenname"]],
  ["lastName", "Last name", ["lastname", "surname", "familyname"]],
  ["headline", "Headline", ["headline", "title", "jobtitle", "position"]],
  ["company", "Company", ["company", "companyname", "organization", "organisation", "account"]],
  ["accountId", "Account id", ["accountid", "linkedinaccountid", "senderid"]],
  ["invitedAt", "Invited at", ["invitedat", "invitesentat"]],
  ["note", "Invite note", ["note", "invitenote"]],
];

const plain = (head) => head.toLowerCase().replace(/[^a-z]/g, "");

/** The column of each field, by the headers: `{linkedinUrl: 3, …}`. */
export function mapping(heads) {
  const found = {};
  for (const [field, , names] of FIELDS) {
    const at = names.map((name) => heads.findIndex((head) => plain(head) === name)).find((index) => index >= 0);
    if (at !== undefined) found[field] = at;
  }
  return found;
}

/** An id for a row that has none: the same for the same person and campaign, so that importing twice changes nothing. */
function makeId(campaign, row, line) {
  const slug = /\/(?:in|lead|people|profile)\/([^/?#,]+)/.exec(row.linkedinUrl ?? "")?.[1] ?? row.providerId ?? `line-${line}`;
  return `${campaign || "unassigned"}-${slug}`.slice(0, 256);
}

/** One row of an upsert from one row of the file. */
export function enrollment(cells, columns, { account, campaign, campaignName, line }) {
  const at = (field) => (columns[field] === undefined ? "" : (cells[columns[field]] ?? "").trim());
  const row = {};
  for (const field of ["id", "linkedinUrl", "providerId", "name", "headline", "company", "accountId", "invitedAt", "note"]) {
    if (at(field)) row[field] = at(field);
  }
  if (!row.name && (at("firstName") || at("lastName"))) row.name = `${at("firstName")} ${at("lastName")}`.trim();
  row.accountId ??= account;
  if (campaign) row.campaignId = campaign;
  if (campaignName) row.campaignName = campaignName;
  row.id ??= makeId(campaign, row, line);
  return row;
}
