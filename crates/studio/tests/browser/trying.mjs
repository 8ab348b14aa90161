// What models are asked in the browser: node trying.mjs URL PICTURE.png. Beside it serve `pixels` (draws what is hidden, tells what
// pixels cost), `pairs` (translates), `words` (draws texts), `space` (latents) and `solid` (shapes of voxels).
import assert from "node:assert/strict";
import { Page, findBrowser, quiet, runAll } from "./driver.mjs";

const [url, picture] = process.argv.slice(2);
const page = await Page.open(findBrowser());
const goto = hash => page.run(hash => {
  location.hash = hash;
}, hash);
const captions = () => page.run(() => [...document.querySelectorAll("#results figcaption")].map(f => f.textContent));
const pixels = selector => page.run(selector => {
  const c = document.querySelector(selector);
  return [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data];
}, selector);

const tests = {
  async "what is painted over is drawn anew, and the rest stays"() {
    await page.go(`${url}#/try/pixels`);
    await page.until(() => document.querySelector(".easel canvas")?.dataset.drawn === "1");
    await page.click("button[aria-label='next item']");
    await page.until(() => document.querySelector(".easel canvas").dataset.drawn === "2");
    const item = await pixels(".easel canvas");
    await page.click("[data-tool='hide']");
    const { left, top, width, height } = await page.place(".veil");
    await page.drag([[left + 0.2 * width, top + 0.8 * height], [left + 0.8 * width, top + 0.8 * height]]);
    await page.click("#ask");
    await page.until(() => document.querySelectorAll("#results figure").length === 5);
    assert.deepEqual(await captions(), ["what is known", ...Array(4).fill("completed")]);
    const known = await pixels("#results canvas");
    const row = item.length / await page.run(() => document.querySelector(".easel canvas").height);
    assert.deepEqual(known.slice(0, 2 * row), item.slice(0, 2 * row), "the first rows are known");
    assert.notDeepEqual(known, item);
  },

  async "likelihoods are told, and which pixels cost most"() {
    await page.click("[data-question='read']");
    await page.click("#ask");
    await page.until(() => /bits a dimension/.test(document.querySelector("#results").textContent) && document.querySelector("#results canvas"));
  },

  async "a picture of one's own is taken, painted on and translated"() {
    await goto("#/try/pairs");
    await page.until(() => document.querySelector(".easel canvas")?.dataset.drawn === "1" && document.querySelectorAll(".swatch").length > 1);
    await page.click("#ask");
    await page.until(() => [...document.querySelectorAll("#results figcaption")].map(f => f.textContent).join() === "translated,translated,translated,translated,what it should be");
    const first = await pixels("#results canvas");
    await page.choose("input[aria-label='a picture of yours']", picture);
    await page.until(() => document.querySelector(".easel canvas").dataset.drawn === "2");
    await page.click("#ask");
    await page.until(() => document.querySelectorAll("#results figure").length === 4);
    assert.notDeepEqual(await pixels("#results canvas"), first);
    const before = await pixels(".easel canvas");
    await page.click(".swatch[aria-label]");
    const { left, top, width, height } = await page.place(".veil");
    await page.drag([[left + 0.3 * width, top + 0.3 * height], [left + 0.7 * width, top + 0.7 * height]]);
    assert.notDeepEqual(await pixels(".easel canvas"), before);
    await page.click("button", "undo");
    assert.deepEqual(await pixels(".easel canvas"), before);
  },

  async "texts are drawn, and unknown words told"() {
    await goto("#/try/words");
    await page.until(() => document.querySelector("#text")?.value.split(" ").length > 2);
    await page.type("#text", `${await page.run(() => document.querySelector("#text").value)} xyzzy`);
    await page.click("button", "Draw");
    await page.until(() => document.querySelectorAll(".results canvas").length === 8 && document.querySelector(".note.warn:not([hidden])").textContent.endsWith(": xyzzy"));
  },

  async "latents are moved by named directions, and neighbours found"() {
    await goto("#/explore/space");
    await page.until(() => document.querySelector(".stage canvas")?.dataset.drawn);
    await page.click("#directions");
    await page.until(() => document.querySelectorAll("[data-direction]").length === 8);
    const before = await pixels(".stage canvas");
    const drawn = await page.run(() => document.querySelector(".stage canvas").dataset.drawn);
    await page.type("[data-direction='1']", "3");
    await page.until(drawn => document.querySelector(".stage canvas").dataset.drawn > drawn, drawn);
    assert.notDeepEqual(await pixels(".stage canvas"), before);
    await page.click("#nearest");
    await page.until(() => [...document.querySelectorAll(".strip figcaption")].filter(f => /^item \d+: 0\.\d+$/.test(f.textContent)).length === 8);
  },

  async "a shape is turned"() {
    await goto("#/explore/solid");
    await page.until(() => document.querySelector(".stage canvas")?.dataset.drawn);
    const before = await pixels(".stage canvas");
    const drawn = await page.run(() => document.querySelector(".stage canvas").dataset.drawn);
    await page.type("#turn", "-1.2");
    await page.until(drawn => document.querySelector(".stage canvas").dataset.drawn > drawn, drawn);
    assert.notDeepEqual(await pixels(".stage canvas"), before);
  },

  async "it fits a small screen, and has names for everything"() {
    await page.size(320, 640);
    for (const hash of ["#/try/pixels", "#/try/pairs", "#/try/words", "#/explore/space"]) {
      await goto(hash);
      await page.until(() => document.querySelector("main h1"));
      const [wide] = await page.until(() => document.querySelector("main > div").children.length && [document.documentElement.scrollWidth]);
      assert.ok(wide <= 320, `${hash} is ${wide} wide`);
      const nameless = await page.run(() => [...document.querySelectorAll("button, input, select")].filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.title)).map(e => e.outerHTML));
      assert.deepEqual(nameless, []);
    }
  },

  async "nothing is asked of another machine, and nothing fails"() {
    assert.deepEqual(quiet(page, url), []);
  },
};

await runAll(page, tests);
