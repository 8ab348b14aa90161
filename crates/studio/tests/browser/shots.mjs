// Pictures of every page, for docs and for looking at: node shots.mjs URL FOLDER RUN [RUN..]
import { Page, findBrowser } from "./driver.mjs";

const [url, folder, ...runs] = process.argv.slice(2);
const page = await Page.open(findBrowser());
const wait = ms => new Promise(done => setTimeout(done, ms));
const shot = async (name, hash, { dark = true, width = 1440, height = 900, ready = 1200, before } = {}) => {
  await page.size(width, height);
  await page.dark(dark);
  await page.go("about:blank");
  await page.go(`${url}#${hash}`);
  await wait(ready);
  await before?.();
  await page.picture(`${folder}/${name}.png`);
  console.log(name, await page.run(() => [document.documentElement.scrollWidth, innerWidth].join("/")));
};
const enc = encodeURIComponent;
try {
  await shot("runs", "/");
  await shot("runs-light", "/", { dark: false });
  await shot("run", `/run/${enc(runs[0])}`, { height: 1100 });
  await shot("run-light", `/run/${enc(runs[1] ?? runs[0])}`, { dark: false, height: 1300 });
  await shot("train", "/train?recipe=dcgan");
  await shot("explore", `/explore/${enc(runs[0])}`, { ready: 2500, before: async () => {
    for (const i of [1, 2, 3]) {
      await page.click("button", "Pin");
      await page.click("button[aria-label='next seed']");
      await wait(500);
    }
    await page.click("button", "Walk through all");
    await wait(1500);
    await page.click("button", "Draw");
    await wait(1500);
    await page.run(() => scrollTo(0, 0));
  }, height: 1500 });
  await shot("new", `/new/${enc(runs[0])}`);
  await shot("curves", `/curves?${runs.slice(0, 2).map(r => `run=${enc(r)}`).join("&")}`, { height: 1100 });
  const play = async () => {
    await page.click("#play");
    await wait(7000);
    await page.click("#play");
    await wait(600);
  };
  await shot("game", "/game", { before: play, height: 960 });
  await shot("game-light", "/game", { before: async () => {
    await page.click("label", "G's grid");
    await page.click("label", "gradients");
    await play();
  }, dark: false, height: 960 });
  for (const [name, hash] of [["runs", "/"], ["run", `/run/${enc(runs[0])}`], ["explore", `/explore/${enc(runs[0])}`], ["game", "/game"], ["train", "/train?recipe=gan-ring8"]]) {
    await shot(`${name}-320`, hash, { width: 320, height: 720, ready: 2000 });
  }
  await shot("runs-4k", "/", { width: 3840, height: 2160 });
  if (page.failures.length) console.log("failures:", page.failures);
} finally {
  await page.close();
}
