//! The token is asked for once; the cookie is out of reach of scripts and of other sites.

import { assert, TOKEN, VIEWER } from "../rig.mjs";

export const checks = {
  async "a wrong token is refused and the right one opens the page that was asked for"(rig) {
    const page = await rig.page("#/accounts", { login: false });
    await page.getByLabel("Admin token").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").waitFor();
    assert((await page.getByRole("alert").innerText()).includes("token"), "the message names the token");
    await page.getByLabel("Admin token").fill(TOKEN);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("heading", { name: "Accounts" }).waitFor();
    const cookies = await page.context().cookies();
    assert(cookies.length === 1, "one cookie");
    assert(cookies[0].httpOnly && cookies[0].sameSite === "Lax", `HttpOnly and SameSite=Lax: ${JSON.stringify(cookies[0])}`);
    assert(!cookies[0].value.includes(TOKEN), "the cookie is not the token");
    assert((await page.evaluate(() => document.cookie)) === "", "no script can read it");
    await page.reload();
    await page.getByRole("heading", { name: "Accounts" }).waitFor();
  },

  async "logging out ends the session"(rig) {
    const page = await rig.page("#/campaigns");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Admin token").waitFor();
    await page.goto(`${rig.origin}/#/campaigns`);
    await page.getByLabel("Admin token").waitFor();
  },

  async "a session sees no button for what its token may not do"(rig) {
    await rig.enroll({ id: "shown", name: "Shown Person", linkedinUrl: "https://www.linkedin.com/in/shown-person" });
    const buttons = ["Resync prospect Shown Person", "Stamp by hand", "Erase person"];
    for (const [token, expected] of [[TOKEN, true], [VIEWER, false]]) {
      const page = await rig.page("#/enrollments/shown", { token });
      await page.getByRole("heading", { level: 1, name: "Shown Person" }).waitFor();
      for (const name of buttons) assert((await page.getByRole("button", { name }).count() > 0) === expected, `${name}: ${expected}`);
      assert((await page.getByRole("link", { name: "Import", exact: true }).isVisible()) === expected, `Import: ${expected}`);
    }
  },

  async "a change with the cookie alone is refused, as another site would send it"(rig) {
    const page = await rig.page("#/campaigns");
    const [cookie] = await page.context().cookies();
    const header = `${cookie.name}=${cookie.value}`;
    const bare = await rig.raw("POST", "/v1/destinations/crm/test", { cookie: header });
    assert(bare.status === 403, `without the header: ${bare.status}`);
    const own = await rig.raw("POST", "/v1/destinations/crm/test", { cookie: header, "x-acceptd": "1" });
    assert(own.status === 202, `with it: ${own.status} ${own.body}`);
    const read = await rig.raw("GET", "/v1/campaigns", { cookie: header });
    assert(read.status === 200, `reading: ${read.status}`);
  },

  async "the page may do nothing but what it needs"(rig) {
    const answer = await rig.raw("GET", "/", {});
    const policy = answer.headers["content-security-policy"];
    for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) assert(policy.includes(part), `${part} in ${policy}`);
    assert(!policy.includes("unsafe"), policy);
    assert(answer.headers["x-content-type-options"] === "nosniff", "nosniff");
    assert(answer.headers["referrer-policy"] === "same-origin", "no referrer for others");
  },
};
