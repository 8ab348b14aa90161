// How the studio bears up: node bench/studio/load.mjs URL RUN, RUN being one of images with a latent space. Prints a line a figure.
import net from "node:net";
import { Page, findBrowser } from "../../crates/studio/tests/browser/driver.mjs";

const [url, run] = process.argv.slice(2);
const base = new URL(url);
const name = encodeURIComponent(run);
const pause = ms => new Promise(done => setTimeout(done, ms));
const quantile = (all, q) => [...all].sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(q * all.length))];
const ms = all => `median ${quantile(all, 0.5).toFixed(1)} ms, 95th of 100 ${quantile(all, 0.95).toFixed(1)} ms`;
const timed = async work => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};

/** Pictures of different seeds, so many at a time. */
const pictures = async (count, together) => {
  const times = [], status = {};
  let next = 0;
  const from = performance.now();
  await Promise.all(Array.from({ length: together }, async () => {
    while (next < count) {
      const seed = next++;
      times.push(await timed(async () => {
        const response = await fetch(`${base.origin}/api/runs/${name}/sample.png?seed=${seed}`);
        await response.arrayBuffer();
        status[response.status] = (status[response.status] ?? 0) + 1;
      }));
    }
  }));
  const seconds = (performance.now() - from) / 1000;
  return `${count} pictures, ${together} at a time: ${(count / seconds).toFixed(0)} a second, ${ms(times)}, answers ${JSON.stringify(status)}`;
};

/** Connections that ask and hardly read, and pages that follow a run. */
const sockets = (count, path) => Promise.all(Array.from({ length: count }, () => new Promise(done => {
  const socket = net.connect(Number(base.port), base.hostname, () => {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${base.host}\r\n\r\n`);
    socket.pause();
    done(socket);
  });
  socket.on("error", () => {});
})));

console.log("alone:", await pictures(200, 1));
console.log("alone:", await pictures(1000, 20));
const followers = await sockets(50, `/api/runs/${name}/events`);
const slow = await sockets(50, `/api/runs/${name}/metrics`);
console.log("beside 50 that follow and 50 that do not read:", await pictures(1000, 20));
console.log("beside them, the first page:", ms(await Promise.all(Array.from({ length: 20 }, () => timed(async () => (await fetch(base.origin)).text())))));
[...followers, ...slow].forEach(s => s.destroy());
const evil = await fetch(`${base.origin}/api/runs`, { headers: { Origin: "http://evil.example" } });
console.log("a page of another site is answered:", evil.status);

const page = await Page.open(findBrowser());
// When the first card is there, and when it has been painted, by the page's own clock, which begins with the address.
await page.ask("Page.addScriptToEvaluateOnNewDocument", { source: `new MutationObserver((_, seen) => {
  if (!document.querySelector(".card")) return;
  seen.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); }, 0));
}).observe(document, { childList: true, subtree: true });` });
const first = [];
for (let i = 0; i < 21; i++) {
  await page.go("about:blank");
  await page.go(url);
  const at = await page.until(() => window.painted);
  // The first one waits for the browser to be ready at all.
  if (i) first.push(at);
}
console.log("in Chromium, from the address to the list of runs on the screen:", ms(first));
await page.go("about:blank");
await page.go(`${url}#/explore/${name}`);
await page.until(() => document.querySelector(".stage canvas")?.dataset.drawn);
const moved = await page.run(async () => {
  const canvas = document.querySelector(".stage canvas"), slider = document.querySelector("[data-latent='0']");
  const times = [];
  for (let i = 0; i < 60; i++) {
    const before = canvas.dataset.drawn, from = performance.now();
    slider.value = Math.sin(i);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    while (canvas.dataset.drawn === before) await new Promise(done => setTimeout(done, 0));
    // Painted with the next frame.
    await new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
    times.push(performance.now() - from);
  }
  return times;
});
console.log("a slider, from the event to the frame that shows it:", ms(moved));
await page.go("about:blank");
await page.go(`${url}#/breed/${name}`);
await page.until(() => document.querySelectorAll(".litter .child").length === 16);
const bred = [];
for (let i = 0; i < 10; i++) {
  bred.push(await page.run(async () => {
    const from = performance.now(), before = document.querySelector(".litter .child");
    document.querySelector("#strangers").click();
    while (document.querySelector(".litter .child") === before) await new Promise(done => setTimeout(done, 0));
    return performance.now() - from;
  }));
}
console.log("sixteen children:", ms(bred));
for (const [speed, name] of [["5", "5 steps a second"], ["25", "25 steps a second"], ["100", "100 steps a second"], ["0", "full speed"]]) {
  await page.go("about:blank");
  await page.go(`${url}#/game`);
  await page.until(() => document.querySelectorAll(".count").length >= 7);
  await page.type(".speed select", speed);
  await page.click("#play");
  await pause(1500);
  const seen = await page.run(async () => {
    const drawn = () => Number(document.querySelector(".plane [role=img]").dataset.drawn);
    const steps = () => Number(document.querySelector(".count b").textContent.replaceAll(",", ""));
    const [from, before, stepped] = [performance.now(), drawn(), steps()];
    const gaps = [];
    let last = from;
    await new Promise(done => {
      const tick = () => {
        const now = performance.now();
        gaps.push(now - last);
        last = now;
        if (now - from < 8000) requestAnimationFrame(tick);
        else done();
      };
      requestAnimationFrame(tick);
    });
    const seconds = (last - from) / 1000;
    return { gaps, pictures: (drawn() - before) / seconds, steps: (steps() - stepped) / seconds, frames: gaps.length / seconds };
  });
  console.log(`the game at ${name}: ${seen.frames.toFixed(1)} frames a second, ${seen.pictures.toFixed(1)} of them with another picture, ${quantile(seen.gaps, 0.99).toFixed(1)} ms for the slowest but one of 100; ${seen.steps.toFixed(0)} steps a second`);
}
await page.close();
