//! Accessibility: axe on each page in both themes, the keyboard, a phone. Writes the pictures of the documents.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { assert, until } from "../rig.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const PAGES = [["campaigns", "#/campaigns"], ["campaign", "#/campaigns/camp_1"], ["empty-campaign", "#/campaigns/camp_empty"], ["enrollment", "#/enrollments/enr_1"], ["accounts", "#/accounts"], ["signals", "#/signals"], ["deliveries", "#/deliveries"], ["late", "#/late"], ["import", "#/import"]];
const NAMES = ["Ada Lovelace", "Grace Hopper", "Mary Somerville", "Emmy Noether", "Sofya Kovalevskaya", "Hedy Lamarr", "Katherine Johnson", "Radia Perlman", "Barbara Liskov", "Frances Allen", "Joan Clarke", "Annie Easley"];
const HOUR = 3600000;

async function seed(rig) {
  if (rig.seeded) return;
  rig.seeded = true;
  rig.slack = { status: 200, body: "ok" };
  await rig.api("POST", "/v1/campaigns", { id: "camp_1", name: "Founders Q2", acceptWindow: "30d" });
  await rig.api("POST", "/v1/campaigns", { id: "camp_empty", name: "Next quarter" });
  const slug = (name) => name.toLowerCase().replaceAll(" ", "-");
  await rig.enroll(...NAMES.map((name, i) => ({ id: `enr_${i + 1}`, name, headline: "Works on what comes next", company: "Analytical Engines", linkedinUrl: `https://www.linkedin.com/in/${slug(name)}`, invitedAt: new Date(Date.now() - (i * 31 + 2) * HOUR).toISOString() })));
  for (const name of NAMES.slice(0, 4)) await rig.accepts(slug(name));
  for (const [i, days] of [6, 5, 5, 3, 1].entries()) {
    const id = `enr_${i + 5}`;
    const invited = (await rig.api("GET", `/v1/enrollments/${id}`)).invitedAt;
    const at = Math.min(Date.now() - HOUR, Math.max(Date.parse(invited) + 2 * HOUR, Date.now() - days * 24 * HOUR));
    await rig.api("POST", `/v1/enrollments/${id}/stamp`, { at: new Date(at).toISOString(), reason: "Seen in the inbox" });
  }
  await rig.accepts("somebody-else");
  await until(async () => (await rig.api("GET", "/v1/deliveries?state=delivered")).items.length >= 9, "deliveries", 10000);
}

async function audit(page, where) {
  await page.evaluate(axe);
  const found = await page.evaluate((rules) => globalThis.axe.run(document, { runOnly: rules }), RULES);
  const said = found.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" ")}`);
  assert(said.length === 0, `${where}: ${said.join("\n")}`);
}

const checks = {};

for (const scheme of ["light", "dark"]) {
  checks[`axe finds nothing on any page, ${scheme}`] = async (rig) => {
    await seed(rig);
    const page = await rig.page("#/campaigns", { colorScheme: scheme, reducedMotion: "reduce" });
    for (const [name, hash] of PAGES) {
      await page.goto(`${rig.origin}/${hash}`);
      await page.locator("main[aria-busy]").waitFor({ state: "detached" }).catch(() => {});
      await page.locator("main h1").waitFor();
      await audit(page, `${name}, ${scheme}`);
      if (process.env.SCREENSHOTS && (scheme === "light" || name === "campaign")) {
        mkdirSync(process.env.SCREENSHOTS, { recursive: true });
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}${scheme === "dark" ? "-dark" : ""}.png`) });
      }
    }
    const login = await rig.page("", { login: false, colorScheme: scheme });
    await login.getByLabel("Admin token").waitFor();
    await audit(login, `login, ${scheme}`);
  };
}

checks["a phone shows every page without scrolling sideways"] = async (rig) => {
  await seed(rig);
  const page = await rig.page("#/campaigns", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 });
  for (const [name, hash] of PAGES) {
    await page.goto(`${rig.origin}/${hash}`);
    await page.locator("main h1").waitFor();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert(over <= 0, `${name} is ${over} px too wide`);
    await audit(page, `${name}, phone`);
    if (process.env.SCREENSHOTS && name === "campaign") await page.screenshot({ path: join(process.env.SCREENSHOTS, "phone.png") });
  }
};

checks["the keyboard reaches everything and the focus follows"] = async (rig) => {
  await seed(rig);
  const page = await rig.page("#/campaigns");
  await page.keyboard.press("Tab");
  assert((await page.evaluate(() => document.activeElement.textContent)) === "Skip to the content", "the skip link comes first");
  await page.keyboard.press("Enter");
  assert((await page.evaluate(() => document.activeElement.id)) === "main", "it leads to the content");
  await page.getByRole("link", { name: "Founders Q2" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Founders Q2" }).waitFor();
  await until(() => page.evaluate(() => document.activeElement.tagName === "H1"), "the focus on the new page's heading");
  assert((await page.title()) === "Founders Q2 – acceptd", "the title names the page");
  await page.getByLabel("Search enrollments").focus();
  await page.keyboard.type("grace");
  await until(async () => (await page.getByRole("row").filter({ hasText: "Ada" }).count()) === 0, "the search");
  assert((await page.evaluate(() => document.activeElement.name)) === "q", "the focus stays while it searches");
  await rig.go(page, "#/enrollments/enr_10", "Frances Allen");
  await page.getByRole("button", { name: "Stamp by hand" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert((await page.evaluate(() => document.activeElement.textContent)) === "Stamp by hand", "the focus goes back to the button");
};

checks["an update leaves the focus and what is being typed alone"] = async (rig) => {
  await seed(rig);
  const page = await rig.page("#/campaigns/camp_1");
  await until(() => page.locator("#live[data-state=live]").count(), "a live page");
  await page.getByRole("button", { name: "Resync prospect Frances Allen" }).focus();
  await rig.accepts("joan-clarke");
  await until(() => page.getByRole("row").filter({ hasText: "Joan Clarke" }).getByText("Connected").count(), "the update");
  assert((await page.evaluate(() => document.activeElement.getAttribute("aria-label"))) === "Resync prospect Frances Allen", "the focus stayed");
};

export { checks };
