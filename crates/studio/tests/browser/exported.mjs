// An exported page as somebody uses it: node exported.mjs URL BARE. The model behind URL is told the classes of digits; BARE is the
// same page without onnxruntime-web.
import assert from "node:assert/strict";
import { Page, findBrowser } from "./driver.mjs";

const [url, bare] = process.argv.slice(2);
const page = await Page.open(findBrowser());
const drawn = () => page.run(() => [...document.querySelectorAll("#samples canvas")].map(c => [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data].join()));
const ready = () => page.until(() => /samples in/.test(document.querySelector("#state").textContent) && !document.querySelector("button").disabled);

try {
  await page.go(url);
  await ready();
  const first = await drawn();
  assert.equal(first.length, 16);
  assert.ok(new Set(first).size > 8, "samples differ");
  assert.equal(await page.run(() => document.querySelector("[name=class]").options.length), 11);
  // Another seed gives others, the same the same.
  await page.type("[name=seed]", "7");
  await page.click("button", "Draw");
  await ready();
  const other = await drawn();
  assert.notDeepEqual(other, first);
  await page.type("[name=seed]", "0");
  await page.click("button", "Draw");
  await ready();
  assert.deepEqual(await drawn(), first);
  // Nothing is asked of anybody else.
  const host = new URL(url).host;
  assert.deepEqual(page.requests.filter(r => !r.startsWith("blob:") && !r.startsWith("data:") && new URL(r).host !== host), []);
  assert.deepEqual(page.failures, []);

  await page.go(bare);
  await page.until(() => !document.querySelector("#missing").hidden && /npm pack/.test(document.body.innerText));
} finally {
  await page.close?.();
}
