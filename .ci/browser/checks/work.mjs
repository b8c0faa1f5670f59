//! What people do with it: import, watch, resync, stamp, replay.

import { assert, until } from "../rig.mjs";

const XSS = "<script>alert(1)</script>";

const row = (page, text) => page.getByRole("row").filter({ hasText: text });

export const checks = {
  async "an empty campaign is amber and contacts are imported from the page"(rig) {
    await rig.api("POST", "/v1/campaigns", { id: "camp_import", name: "Import me" });
    const page = await rig.page("#/campaigns/camp_import");
    await page.getByRole("heading", { name: "No prospects with a LinkedIn URL" }).waitFor();
    await page.locator("main .notice").getByRole("link", { name: "Import contacts" }).click();
    await page.getByRole("heading", { name: "Import contacts" }).waitFor();
    const csv = "\uFEFFContact No;First Name;Last Name;Company Name;Person Linkedin Url;Invited At\n"
      + "1;Ada;\"Lovelace; Countess\";Analytical;https://www.linkedin.com/in/ada-lovelace/;\n"
      + "2;Grace;Hopper;Navy;https://www.linkedin.com/in/grace-hopper;2026-05-01T10:00:00Z\n"
      + "3;Nobody;Here;Nowhere;not a link at all;\n"
      + `4;"${XSS}";"";Evil;https://www.linkedin.com/in/evil-person;\n`
      + "5;Bad;Date;Paper;https://www.linkedin.com/in/bad-date;yesterday\n";
    await page.getByLabel("File").setInputFiles({ name: "contacts.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
    // No account is chosen in advance, because the wrong one would be called.
    await page.getByText("Say which account invites these people.").waitFor();
    await page.getByLabel("Account id", { exact: true }).fill("acc_1");
    await page.getByLabel("Account id", { exact: true }).press("Tab");
    await page.getByRole("heading", { name: /Preview: the first 4 of 5 rows/ }).waitFor();
    await page.getByText(/5 rows, read as utf-8, separated by semicolons/).waitFor();
    assert((await page.getByLabel("Person Linkedin Url", { exact: true }).inputValue()) === "linkedinUrl", "the URL column is recognised");
    assert((await page.getByLabel("Company Name", { exact: true }).inputValue()) === "company", "the company column is recognised");
    await page.getByText("Ada Lovelace; Countess").waitFor();
    await page.getByLabel("Contact No", { exact: true }).selectOption("id");
    await page.getByRole("button", { name: "Import 5 rows" }).click();
    await page.getByRole("heading", { name: "Imported" }).waitFor();
    await page.getByText(/4 created, 0 updated, 0 unchanged, 1 failed, 1 without a usable identity/).waitFor();
    const wrong = await page.getByRole("region", { name: "Rows to look at" }).getByRole("row").allInnerTexts();
    assert(/^6\s+Invited At/.test(wrong[1]), `lines and columns: ${wrong}`);
    await page.getByRole("button", { name: "Take this import back" }).waitFor();
    await page.getByRole("link", { name: "See the campaign" }).click();
    await page.getByRole("link", { name: XSS }).waitFor();
    assert((await page.locator("main script").count()) === 0, "the name is text");
    assert((await page.getByRole("heading", { name: "No prospects" }).count()) === 0, "no longer amber");
    await page.getByRole("link", { name: XSS }).click();
    await page.getByRole("heading", { level: 1, name: XSS }).waitFor();
  },

  async "a stamp shows within a second, on every page, by itself"(rig) {
    const names = ["lina", "milo", "nora"];
    await rig.enroll(...names.map((name) => ({ id: `live_${name}`, name: `Live ${name}`, linkedinUrl: `https://www.linkedin.com/in/live-${name}`, invitedAt: new Date(Date.now() - 3600000).toISOString(), campaignId: "camp_live" })));
    const list = await rig.page("#/campaigns/camp_live");
    const all = await rig.page("#/campaigns");
    const one = await rig.page("#/enrollments/live_lina");
    await until(() => list.locator("#live[data-state=live]").count(), "a live list");
    await until(() => all.locator("#live[data-state=live]").count(), "live campaigns");
    const accepted = async (page) => (await row(page, "camp_live").getByRole("cell").nth(4).innerText()).trim();
    assert((await accepted(all)) === "0", "nobody accepted yet");
    let [quickest, slowest] = [Infinity, 0];
    for (const [i, name] of names.entries()) {
      const begun = Date.now();
      await rig.accepts(`live-${name}`);
      await until(() => row(list, `Live ${name}`).getByText("Connected").count(), "Connected in the list");
      await until(async () => (await accepted(all)) === String(i + 1), "the count");
      quickest = Math.min(quickest, Date.now() - begun);
      slowest = Math.max(slowest, Date.now() - begun);
    }
    // A page that polls would be slow each time; one that is busy with something else, once.
    assert(quickest < 1000, `the quickest took ${quickest} ms`);
    await until(() => one.getByText("Signal: webhook").count(), "the timeline");
    await until(() => one.getByText("invite accepted → crm").count(), "the delivery in the timeline");
    console.log(`       the slowest update was shown after ${slowest} ms`);
  },

  async "what happened while the connection was lost is caught up with"(rig) {
    await rig.enroll({ id: "lost_1", name: "Lost One", linkedinUrl: "https://www.linkedin.com/in/lost-one", campaignId: "camp_lost" });
    const page = await rig.page("#/campaigns/camp_lost");
    await until(() => page.locator("#live[data-state=live]").count(), "a live page");
    await rig.halt();
    await until(() => page.locator("#live[data-state=lost]").count(), "a page that knows that it is alone", 10000);
    await rig.boot();
    await rig.accepts("lost-one");
    await until(() => page.locator("#live[data-state=live]").count(), "a page that is back", 20000);
    await until(() => row(page, "Lost One").getByText("Connected").count(), "the accept that it missed", 3000);
  },

  async "resync looks at the prospect"(rig) {
    await rig.enroll({ id: "resync_1", name: "Re Sync", linkedinUrl: "https://www.linkedin.com/in/re-sync", campaignId: "camp_resync" });
    const page = await rig.page("#/campaigns/camp_resync");
    await page.getByRole("button", { name: "Resync prospect Re Sync" }).click();
    await page.getByText(/Re Sync will be checked/).waitFor();
    await until(() => row(page, "Re Sync").getByText("Connected").count(), "the accept", 15000);
    assert((await row(page, "Re Sync").innerText()).includes("resync"), "source resync");
  },

  async "an enrollment is stamped by hand and its status set"(rig) {
    await rig.enroll({ id: "hand_1", name: "By Hand", linkedinUrl: "https://www.linkedin.com/in/by-hand", campaignId: "camp_hand" });
    const page = await rig.page("#/enrollments/hand_1");
    await page.getByRole("button", { name: "Stamp by hand" }).click();
    await page.getByLabel("Reason").fill("She said so on the phone");
    await page.getByRole("button", { name: "Stamp", exact: true }).click();
    await page.getByText("Connected").waitFor();
    await page.getByText("Signal: manual").waitFor();
    await page.getByLabel("Set the status").selectOption("OPPORTUNITY");
    await page.getByText("Status: opportunity").waitFor({ state: "attached" });
  },

  async "a person is erased"(rig) {
    await rig.enroll({ id: "gone_1", name: "Gone Girl", linkedinUrl: "https://www.linkedin.com/in/gone-girl", campaignId: "camp_gone" });
    const page = await rig.page("#/enrollments/gone_1");
    await page.getByRole("button", { name: "Erase person" }).click();
    await page.getByRole("button", { name: "Erase", exact: true }).click();
    await page.getByText("No prospects with a LinkedIn URL").waitFor();
  },

  async "search, filters and their address"(rig) {
    await rig.enroll(
      { id: "find_1", name: "Quentin Quill", company: "Paper", linkedinUrl: "https://www.linkedin.com/in/quill", campaignId: "camp_find" },
      { id: "find_2", name: "Rosa Reed", linkedinUrl: "https://www.linkedin.com/in/reed", campaignId: "camp_find" });
    await rig.accepts("reed");
    const page = await rig.page("#/campaigns/camp_find");
    await page.getByLabel("Search enrollments").fill("quill");
    await until(async () => (await row(page, "Rosa").count()) === 0 && (await row(page, "Quentin").count()) === 1, "one found");
    assert(page.url().includes("q=quill"), "the search is in the address");
    await page.getByLabel("Search enrollments").fill("");
    await page.getByLabel("Path", { exact: true }).selectOption("profile");
    await until(async () => (await row(page, "Quentin").count()) === 0 && (await row(page, "Rosa").count()) === 1, "by path");
    await page.getByLabel("Path", { exact: true }).selectOption("");
    await page.getByLabel("Connection", { exact: true }).selectOption("false");
    await until(async () => (await row(page, "Rosa").count()) === 0 && (await row(page, "Quentin").count()) === 1, "not connected");
    await page.getByLabel("Connection", { exact: true }).selectOption("");
    await page.getByLabel("Status", { exact: true }).selectOption("CONNECTION_ACCEPTED");
    await until(async () => (await row(page, "Quentin").count()) === 0 && (await row(page, "Rosa").count()) === 1, "by status");
  },

  async "an unmatched signal is stamped by hand"(rig) {
    await rig.enroll({ id: "odd_1", name: "Odd Spelling", linkedinUrl: "https://www.linkedin.com/in/odd-spelling", accountId: "acc_odd", campaignId: "camp_odd" });
    await rig.accepts("odd-spelling-2", "acc_odd");
    const page = await rig.page("#/signals");
    const first = page.getByRole("region", { name: "Unmatched and ambiguous signals" });
    await first.getByRole("row").filter({ hasText: "acc_odd" }).getByRole("button", { name: "Stamp by hand" }).click();
    await page.getByLabel("Search this account's enrollments").fill("odd");
    await page.getByRole("button", { name: /Odd Spelling/ }).click();
    await page.getByLabel("Reason").fill("The spelling changed");
    await page.getByRole("button", { name: "Stamp", exact: true }).click();
    await until(async () => (await rig.api("GET", "/v1/enrollments/odd_1")).source === "manual", "the stamp");
    await page.getByLabel("Outcome").selectOption("stamped");
    await page.getByLabel("Source").selectOption("manual");
    await until(() => page.getByRole("region", { name: "Ledger" }).getByText("odd_1").count(), "the manual signal in the ledger");
  },

  async "dead letters say why and are replayed, one and all"(rig) {
    await until(async () => (await rig.api("GET", "/v1/deliveries?state=dead")).items.length >= 2, "dead letters", 10000);
    const page = await rig.page("#/deliveries");
    const dead = page.getByRole("region", { name: "Dead letters" });
    await dead.getByText("no_service").first().waitFor();
    const before = (await rig.api("GET", "/v1/deliveries?state=dead")).items.length;
    rig.slack = { status: 200, body: "ok" };
    await dead.getByRole("button", { name: /^Replay delivery/ }).first().click();
    await until(async () => (await rig.api("GET", "/v1/deliveries?state=dead")).items.length === before - 1, "one less");
    await page.getByRole("button", { name: "Replay all dead letters" }).click();
    await page.getByRole("button", { name: "Replay all", exact: true }).click();
    await page.getByText("No dead letter.").waitFor({ timeout: 20000 });
  },

  async "a destination is tested"(rig) {
    const page = await rig.page("#/deliveries");
    const before = rig.received.length;
    await page.getByRole("button", { name: "Send a test to crm" }).click();
    await until(() => rig.received.slice(before).some((one) => one.path === "/crm" && one.body.includes("webhook.test")), "the test at the receiver");
    await page.getByRole("region", { name: "Deliveries", exact: true }).getByText("webhook.test").first().waitFor();
  },

  async "a late accept is listed and its next step queued"(rig) {
    await rig.api("POST", "/v1/campaigns", { id: "camp_late", name: "Late ones", schedule: { timezone: "UTC", days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], start: "00:00", end: "00:00", jitter: "5m" } });
    await rig.enroll({ id: "late_1", name: "Late Lars", linkedinUrl: "https://www.linkedin.com/in/late-lars", invitedAt: new Date(Date.now() - 86400000).toISOString(), campaignId: "camp_late" });
    await rig.api("PATCH", "/v1/campaigns/camp_late", { status: "paused" });
    await rig.accepts("late-lars");
    await rig.api("PATCH", "/v1/campaigns/camp_late", { status: "running" });
    const page = await rig.page("#/late");
    await row(page, "Late Lars").getByRole("button", { name: /Queue next step/ }).click();
    await page.getByText(/The next step of Late Lars is (due|queued)/).waitFor();
    await until(async () => (await row(page, "Late Lars").getByRole("button").count()) === 0, "no button left");
  },

  async "accounts show their pacing and are resynced"(rig) {
    // An account with nobody to wait for is never called.
    await rig.enroll({ id: "resync_open", campaignId: "camp_resync", linkedinUrl: "https://www.linkedin.com/in/resync-open" });
    const page = await rig.page("#/accounts");
    await row(page, "acc_1").getByRole("button", { name: "Resync account acc_1" }).click();
    await page.getByText(/A poll of acc_1 is due/).waitFor();
    await page.getByRole("button", { name: "Resync all accounts" }).click();
    await page.getByText(/A poll of every account is due/).waitFor();
  },

  async "a campaign without prospects can't run, and says so"(rig) {
    await rig.api("POST", "/v1/campaigns", { id: "camp_none" });
    const page = await rig.page("#/campaigns/camp_none");
    await page.getByLabel("Campaign status").selectOption("running");
    await page.locator(".toast.bad").waitFor();
    await until(async () => (await page.getByLabel("Campaign status").inputValue()) === "draft", "still a draft");
    await rig.go(page, "#/campaigns/no-such-campaign", "Not found");
  },
};
