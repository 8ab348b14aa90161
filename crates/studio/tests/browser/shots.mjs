// Pictures of every page, for docs and for looking at: node shots.mjs URL FOLDER [all]. The studio serves runs that are called `faces`
// (a latent space of images), `clothes` and `clothes-hinge` (of classes), `edges` (pix2pix) and `ring` (points of gan-ring8); with `all`
// every page is taken in the dark and in the light, and 320 pixels wide, too.
import { Page, findBrowser } from "./driver.mjs";

const [url, folder, all] = process.argv.slice(2);
const page = await Page.open(findBrowser());
const wait = ms => new Promise(done => setTimeout(done, ms));
const there = selector => page.until(selector => document.querySelector(selector), selector);

const pinned = async () => {
  await page.until(() => document.querySelector(".stage canvas")?.dataset.drawn);
  await page.run(() => document.querySelectorAll(".pin [aria-label^=remove]").forEach(b => b.click()));
  for (let i = 0; i < 3; i++) {
    await wait(400);
    await page.click("button", "Pin");
    await page.click("button[aria-label='next seed']");
  }
  await wait(400);
  await page.click("button", "Walk through all");
  await there(".strip canvas");
  await page.click("#nearest");
  await page.click("button", "Draw");
  await wait(2500);
};
const played = async () => {
  await there(".count");
  await page.click("label", "G's grid");
  await page.click("#play");
  await wait(6000);
  await page.click("#play");
  await wait(600);
};
const bred = async () => {
  for (let times = 0; times < 2; times++) {
    await page.until(() => document.querySelectorAll(".litter .child").length === 16);
    for (const i of [1, 6]) await page.click(`.child[aria-label='child ${i}']`);
    await page.click("#breed");
    await wait(1200);
  }
};
const chapter = async () => {
  for (let i = 0; i < 3; i++) {
    await there("#next:not(:disabled)");
    await page.click("#next");
    await wait(1500);
  }
  await wait(8000);
};
const asked = async () => {
  await page.until(() => document.querySelector(".easel canvas")?.dataset.drawn);
  await page.click("#ask");
  await there("#results canvas");
};
const differs = async () => {
  await page.until(() => document.querySelectorAll(".chart").length > 2 && document.querySelector(".difference"));
  await page.type(".smoothing input", "0.6");
};

/** Each page: its address, how high it is, whether docs show it in the dark, and what is done before. */
const PAGES = {
  runs: { hash: "/", height: 760, dark: true, ready: ".card img" },
  run: { hash: "/run/faces", height: 1120, ready: ".chart" },
  compare: { hash: "/curves?run=clothes&run=clothes-hinge", height: 1200, dark: true, before: differs },
  train: { hash: "/train?recipe=dcgan-portraits", height: 900, ready: "[data-key]" },
  explore: { hash: "/explore/faces", height: 1500, dark: true, before: pinned },
  classes: { hash: "/explore/clothes", height: 960, ready: "[data-share]", before: async () => {
    await page.type("select:has(option[value='dress'])", "dress");
    await wait(800);
    await page.type("[data-share='1']", "0.8");
  } },
  breed: { hash: "/breed/clothes", height: 1100, dark: true, before: bred },
  new: { hash: "/new/faces", height: 900, ready: ".frame img" },
  try: { hash: "/try/edges", height: 900, before: asked },
  game: { hash: "/game", height: 1080, dark: true, before: played },
  tour: { hash: "/tour", height: 900, before: chapter },
};

const shot = async (name, { hash, height, ready, before }, { dark, width = 1440 }) => {
  await page.size(width, width < 500 ? 1600 : height);
  await page.dark(dark);
  await page.go("about:blank");
  await page.go(`${url}#${hash}`);
  if (ready) await there(ready);
  await before?.();
  await page.run(() => scrollTo(0, 0));
  await wait(900);
  await page.picture(`${folder}/${name}.png`);
  console.log(name, await page.run(() => `${document.documentElement.scrollWidth} of ${innerWidth} wide`));
};

try {
  for (const [name, what] of Object.entries(PAGES)) {
    await shot(`studio-${name}`, what, { dark: Boolean(what.dark) });
    if (!all) continue;
    await shot(`studio-${name}-other`, what, { dark: !what.dark });
    for (const dark of [true, false]) await shot(`studio-${name}-320-${dark ? "dark" : "light"}`, what, { dark, width: 320 });
  }
  if (all) await shot("studio-runs-4k", { ...PAGES.runs, height: 2160 }, { dark: true, width: 3840 });
  if (page.failures.length) console.log("failures:", page.failures);
} finally {
  await page.close();
}
