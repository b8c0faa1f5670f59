//! Runs every check in `checks/`, each file with a daemon and a browser context of its own. The last line is "N passed, N failed".

import { readdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { Rig } from "./rig.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const CHECK_MS = 120000;

const wanted = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
let passed = 0;
let failed = 0;

const timeout = (ms) => new Promise((_, reject) => setTimeout(() => reject(new Error(`took longer than ${ms / 1000} s`)), ms).unref());

for (const file of readdirSync(new URL("./checks/", import.meta.url)).filter((name) => name.endsWith(".mjs")).sort()) {
  const { checks, config } = await import(`./checks/${file}`);
  const chosen = Object.entries(checks).filter(([name]) => wanted.length === 0 || wanted.some((word) => `${file} ${name}`.includes(word)));
  if (chosen.length === 0) continue;
  let rig = null;
  try {
    rig = await Rig.start(browser, config ?? {});
  } catch (error) {
    console.log(`FAILED ${file}: ${error.message}`);
    failed += chosen.length;
    continue;
  }
  for (const [name, check] of chosen) {
    const begun = Date.now();
    try {
      await Promise.race([check(rig), timeout(CHECK_MS)]);
      rig.complaints();
      passed += 1;
      console.log(`ok     ${file.replace(".mjs", "")}: ${name} (${Date.now() - begun} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${file.replace(".mjs", "")}: ${name}: ${error.stack}`);
      await rig.evidence(`${file}-${name}`);
    }
    await rig.closePages();
  }
  if (rig) await rig.stop();
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
