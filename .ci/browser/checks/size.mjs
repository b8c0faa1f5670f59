//! A hundred thousand enrollments in one campaign.

import { assert, until } from "../rig.mjs";

const COUNT = 100000;
const BATCH = 1000;

export const checks = {
  async "a campaign of 100,000 opens, searches, pages and updates quickly"(rig) {
    const begun = Date.now();
    let next = 0;
    await Promise.all(Array.from({ length: 4 }, async () => {
      while (next < COUNT) {
        const from = next;
        next += BATCH;
        await rig.enroll(...Array.from({ length: BATCH }, (_, i) => {
          const n = from + i;
          return { id: `big_${n}`, campaignId: "camp_big", name: `Person Number ${n}`, linkedinUrl: `https://www.linkedin.com/in/person-number-${n}`, ...(n % 2 ? { invitedAt: "2026-05-01T10:00:00Z" } : {}) };
        }));
      }
    }));
    console.log(`       ${COUNT} enrolled in ${Date.now() - begun} ms`);
    const page = await rig.page("#/campaigns");
    // Printed, not asserted: what is slow here is as much the machine as the page.
    const timed = async (what, work) => {
      const from = Date.now();
      await work();
      console.log(`       ${what}: ${Date.now() - from} ms`);
    };
    await timed("open", () => rig.go(page, "#/campaigns/camp_big", "camp_big"));
    assert((await page.getByText("100,000").count()) > 0, "the count is shown");
    assert((await page.locator("main tr").count()) < 200, "only a page of rows is drawn");
    // The batches go in side by side: who comes first is not known.
    const first = await page.getByRole("link", { name: /^Person Number/ }).first().innerText();
    const firstShown = page.getByRole("link", { name: first, exact: true });
    await timed("search", async () => {
      await page.getByLabel("Search enrollments").fill("person number 98765");
      await page.getByRole("link", { name: "Person Number 98765" }).waitFor();
    });
    await page.getByLabel("Search enrollments").fill("");
    await firstShown.waitFor();
    await timed("next page", async () => {
      await page.getByRole("link", { name: "Next page" }).click();
      await until(async () => (await firstShown.count()) === 0, "another page");
    });
    await rig.go(page, "#/campaigns/camp_big?q=98765", "camp_big");
    await until(() => page.locator("#live[data-state=live]").count(), "a live page");
    await timed("live update", async () => {
      await rig.accepts("person-number-98765");
      await until(() => page.getByRole("row").filter({ hasText: "98765" }).getByText("Connected").count(), "the update");
    });
  },
};
