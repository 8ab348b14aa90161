// A page whose studio goes away and comes back: node returning.mjs URL RUN FOLLOWS MISSES. RUN is being trained. The file FOLLOWS is
// written when the page sees it grow, MISSES when it has said that nobody answers; whoever runs this kills the studio in between, and
// starts it again after.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Page, findBrowser, runAll } from "./driver.mjs";

const [url, run, follows, misses] = process.argv.slice(2);
const page = await Page.open(findBrowser());
const steps = () => page.run(() => Number(/step ([\d,]+) \//.exec(document.querySelector(".head")?.textContent)?.[1].replaceAll(",", "") ?? 0));
const grows = async () => {
  const before = await steps();
  await page.until(before => Number(/step ([\d,]+) \//.exec(document.querySelector(".head").textContent)[1].replaceAll(",", "")) > before, before);
  return before;
};

await runAll(page, {
  async "a training is followed, missed and followed again"() {
    await page.go(`${url}#/run/${run}`);
    await page.until(() => document.querySelector(".chip.training"));
    await grows();
    const seen = await steps();
    writeFileSync(follows, "");
    await page.until(() => document.querySelector("#lost"));
    writeFileSync(misses, "");
    await page.until(() => !document.querySelector("#lost"));
    const then = await grows();
    assert.ok(then >= seen, "the training went on while nobody looked");
    // Curves have no gap and nothing twice.
    const columns = await page.run(async run => (await fetch(`/api/runs/${run}/metrics`)).json(), run);
    assert.deepEqual(columns.steps, [...new Set(columns.steps)].sort((a, b) => a - b));
    await page.click("button", "Stop");
    await page.until(() => document.querySelector(".chip.stopped"));
  },
});
