//! Without a token the dashboard is served on loopback names only.

import { assert } from "../rig.mjs";

export const config = { token: "" };

export const checks = {
  async "no token, no login"(rig) {
    const page = await rig.page("#/campaigns");
    await page.getByText("No campaign yet").waitFor();
    assert(!(await page.getByRole("button", { name: "Log out" }).isVisible()), "nothing to log out of");
  },

  async "a name that is not loopback is refused, so that a rebound name gets nothing"(rig) {
    for (const host of ["evil.example", `evil.example:${rig.port}`, "127.0.0.1.evil.example", "localhost.evil.example"]) {
      for (const path of ["/", "/v1/campaigns", "/v1/stream"]) {
        const answer = await rig.raw("GET", path, { host });
        assert(answer.status === 403, `${host}${path}: ${answer.status}`);
      }
    }
    for (const host of ["localhost", `localhost:${rig.port}`, "[::1]", "127.0.0.1"]) {
      const answer = await rig.raw("GET", "/v1/campaigns", { host });
      assert(answer.status === 200, `${host}: ${answer.status}`);
    }
  },
};
