// The studio as somebody uses it: node studio.mjs URL TRAVERSE.png TABLE.csv BY_HAND.json. Beside it serve a run `space` (latents of a
// digit's size), a run `in/classes`, a run `styles` of a model with styles, and one whose name would be markup; TRAVERSE.png has dimension 1 of `space` from -2 to 2 in five
// pictures, TABLE.csv 400 points, BY_HAND.json the losses of D and G after an update of D, one of G, and a step, as the library has them.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Page, findBrowser, quiet, runAll } from "./driver.mjs";

const [url, traverse, table, byHand] = process.argv.slice(2);
const page = await Page.open(findBrowser());
const goto = hash => page.run(hash => {
  location.hash = hash;
}, hash);
const text = selector => page.run(selector => document.querySelector(selector)?.textContent ?? "", selector);

const tests = {
  async "runs are listed, and names are text"() {
    await page.go(url);
    await page.until(() => document.querySelectorAll(".card").length === 4);
    assert.equal(await page.run(() => document.querySelectorAll("img[onerror], .card b, [src='x']").length), 0);
    assert.ok(await page.run(() => [...document.querySelectorAll(".name")].some(e => e.textContent === "<img src=x onerror=alert(1)>")));
    await page.type("input[type=search]", "classes");
    await page.until(() => document.querySelectorAll(".card").length === 1);
    await page.type("input[type=search]", "");
    await page.click(".card a.name", "space");
    await page.until(() => document.querySelector("h1")?.textContent === "space" && document.querySelectorAll(".chart").length > 0);
    assert.ok(await page.until(() => document.querySelector(".picture")?.naturalWidth) >= 512);
  },

  async "runs get stars and notes, by which they are found"() {
    await goto("#/");
    await page.click("button[aria-label='star space']");
    await page.until(() => document.querySelector("button[aria-label='star space']")?.textContent === "★");
    await page.type("input[type=search]", "star");
    await page.until(() => document.querySelectorAll(".card").length === 1);
    await page.type("input[type=search]", "");
    await goto("#/run/space");
    await page.until(() => document.querySelector("#note"));
    await page.type("#note", "mind the <b>collar</b>");
    await page.until(() => document.querySelector("#messages")?.textContent.includes("remark.json"));
    await goto("#/");
    await page.until(() => [...document.querySelectorAll(".note-line")].some(e => e.textContent === "mind the <b>collar</b>"));
  },

  async "curves of two runs lie over each other, with what their recipes differ in"() {
    await goto("#/");
    for (const name of ["space", "in/classes"]) await page.click(`input[aria-label="choose ${name}"]`);
    await page.click("button", "Compare 2");
    await page.until(() => /model\.name/.test(document.querySelector(".difference")?.textContent));
    await page.until(() => document.querySelectorAll("#same img").length === 12 && [...document.querySelectorAll("#same img")].every(i => i.complete && i.naturalWidth));
    await page.until(() => document.querySelectorAll(".beside img").length === 2 && [...document.querySelectorAll("th")].some(t => t.textContent === "parameters"));
    await page.until(() => [...document.querySelectorAll(".legend")].some(l => l.textContent.includes("space") && l.textContent.includes("in/classes")));
  },

  async "a part of the curves is seen by dragging and by keys, and what is seen is told in words"() {
    const told = () => page.run(() => [...document.querySelectorAll(".plot")].map(p => p.getAttribute("aria-label")));
    const after = async (act, seen) => {
      await act();
      return page.until(seen => {
        const parts = new Set([...document.querySelectorAll(".plot")].map(p => /, steps (.+); at step \d+: .*\d/.exec(p.getAttribute("aria-label"))?.[1]));
        return seen ? parts.size === 1 && parts.has(seen) : parts.size === 1 && [...parts][0] !== undefined && [...parts][0] !== "1 to 2" && [...parts][0];
      }, seen ?? null);
    };
    const loss = ".chart .u-over", focus = () => page.run(() => document.querySelector(".plot").focus());
    await page.place(loss);
    const whole = await told();
    assert.ok(whole.length > 2 && whole.some(t => /^loss, steps 1 to 2; at step 2: .*space: generator \d/.test(t)), whole.join("\n"));
    const { left, top, width, height } = await page.place(loss);
    const drag = () => page.drag([0.25, 0.3, 0.5, 0.75].map(t => [left + t * width, top + height / 2]));
    // All charts move together.
    const part = await after(drag);
    const [from, to] = part.split(" to ").map(Number);
    assert.ok(Math.abs(from - 1.25) < 0.02 && Math.abs(to - 1.75) < 0.02, part);
    await focus();
    const middle = await after(() => page.key("+"), `${+(from + (to - from) / 4).toPrecision(4)} to ${+(to - (to - from) / 4).toPrecision(4)}`);
    assert.ok(middle);
    const back = async act => {
      await act();
      await page.until(whole => [...document.querySelectorAll(".plot")].map(p => p.getAttribute("aria-label")).join("\n") === whole, whole.join("\n"));
    };
    await back(() => page.key("Escape"));
    await after(drag);
    await back(() => page.click("button", "Whole range"));
    await after(drag);
    await back(async () => {
      for (const clickCount of [1, 2]) for (const type of ["mousePressed", "mouseReleased"]) await page.mouse(type, left + width / 2, top + height / 2, { clickCount });
    });
    // By a finger as by a mouse.
    await after(async () => {
      const touch = (type, ...at) => page.ask("Input.dispatchTouchEvent", { type, touchPoints: at.map(t => ({ x: left + t * width, y: top + height / 2 })) });
      await touch("touchStart", 0.25);
      for (const t of [0.3, 0.5, 0.75]) await touch("touchMove", t);
      await touch("touchEnd");
    });
    await back(() => page.click("button", "Whole range"));
    // What lies under the pointer is told beside the names.
    await page.mouse("mouseMoved", left + width - 2, top + height / 2, { button: "none", buttons: 0 });
    await page.until(() => /space: generator \d.*step 2$/.test(document.querySelector(".legend").textContent));
    // Smoothed curves are drawn before what they are of.
    await page.type(".smoothing input", "0.9");
    await page.until(() => document.querySelector(".u-cursor-pt.behind"));
    await page.type(".smoothing input", "0");
  },

  async "a slider shows what the command traverse draws"() {
    await goto("#/explore/space");
    await page.until(() => document.querySelector(".stage canvas")?.dataset.drawn);
    await page.click("button", "All zero");
    for (const [value, column] of [["2", 4], ["-1", 1]]) {
      await page.type("[data-latent='1']", value);
      const same = await page.until(async (data, column) => {
        const picture = new Image();
        picture.src = `data:image/png;base64,${data}`;
        await picture.decode();
        const { width: w, height: h } = document.querySelector(".stage canvas");
        const seen = document.querySelector(".stage canvas").getContext("2d").getImageData(0, 0, w, h).data;
        // Five pictures with a line of one pixel around each, all enlarged by whole pixels.
        const times = picture.naturalWidth / (5 * (w + 1) + 1);
        const sheet = document.createElement("canvas");
        [sheet.width, sheet.height] = [picture.naturalWidth, picture.naturalHeight];
        const g = sheet.getContext("2d", { willReadFrequently: true });
        g.drawImage(picture, 0, 0);
        for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
          const want = g.getImageData((1 + column * (w + 1) + x) * times, (1 + y) * times, 1, 1).data;
          for (let k = 0; k < 3; k++) if (want[k] !== seen[4 * (y * w + x) + k]) return false;
        }
        return "same";
      }, readFileSync(traverse).toString("base64"), column);
      assert.equal(same, "same");
    }
  },

  async "pictures are pinned, walked between, added and taken away"() {
    for (let i = 0; i < 3; i++) {
      const drawn = await page.run(() => document.querySelector(".stage canvas").dataset.drawn);
      await page.click("button", "Pin");
      await page.click("button[aria-label='next seed']");
      await page.until(drawn => (seen => seen.drawn !== drawn && seen.waiting === undefined)(document.querySelector(".stage canvas").dataset), drawn);
    }
    assert.equal(await page.run(() => document.querySelectorAll(".pin").length), 3);
    await page.click("button", "Walk through all");
    await page.until(() => document.querySelectorAll(".strip canvas").length === 20);
    await page.click("button[aria-label='add pin 1']");
    await page.click("button[aria-label='take pin 2 away']");
    const sum = await page.run(() => [...document.querySelectorAll(".pin")].map(p => p.className));
    assert.deepEqual(sum, ["pin plus", "pin minus", "pin "]);
    const before = await text(".latent output");
    await page.click("button", "and take − away");
    await page.until(before => document.querySelector(".latent output").textContent !== before, before);
    await page.click("button", "Draw");
    await page.until(() => [...document.querySelectorAll(".strip figcaption")].map(f => f.textContent).join() === "step 1,step 2");
  },

  async "children are bred, and the family is kept"() {
    await goto("#/breed/space");
    await page.until(() => document.querySelectorAll(".litter .child").length === 16);
    for (const i of [2, 5]) await page.click(`.child[aria-label='child ${i}']`);
    await page.click("#breed");
    await page.until(() => document.querySelectorAll("[data-member]").length === 2 && document.querySelectorAll(".strip figure").length === 2);
    await page.click(".child[aria-label='child 1']");
    await page.click("#breed");
    await page.until(() => document.querySelector("[data-member='2']")?.title === "no. 2, of 0 and 1");
    // It is there when somebody comes again, and an ancestor is a parent again.
    await goto("#/");
    await page.until(() => document.querySelector(".card"));
    await goto("#/breed/space");
    await page.until(() => document.querySelectorAll("[data-member]").length === 3 && document.querySelectorAll(".litter .child").length === 16);
    assert.deepEqual(await page.run(() => [...document.querySelectorAll(".tree h3")].map(e => e.textContent)), ["the first", "generation 1"]);
    await page.click("[data-member='0']");
    await page.until(() => document.querySelector(".strip figcaption")?.textContent === "no. 0");
  },

  async "styles are bred by layers, and truncated as the command truncates them"() {
    await goto("#/breed/styles");
    await page.until(() => document.querySelectorAll(".litter .child").length === 16);
    assert.equal(await page.run(() => document.querySelector("#crossing").value), "layers");
    for (const i of [1, 2]) await page.click(`.child[aria-label='child ${i}']`);
    await page.click("#breed");
    await page.until(() => document.querySelectorAll("[data-member]").length === 2 && document.querySelectorAll(".strip figure").length === 2);
    await page.click(".child[aria-label='child 4']");
    await page.click("#breed");
    await page.until(() => document.querySelector("[data-member='2']")?.title === "no. 2, of 0 and 1");
    // One whose layers are of both is a parent beside one that was drawn.
    await page.click("[data-member='0']");
    await page.until(() => document.querySelectorAll(".strip figure").length === 2 && document.querySelectorAll(".litter .child").length === 16);
    await goto("#/explore/styles");
    await page.until(() => document.querySelector(".stage canvas")?.dataset.drawn);
    const drawn = await page.run(() => document.querySelector(".stage canvas").dataset.drawn);
    const z = await text(".latent output");
    await page.type("input[aria-label='truncation']", "0.4");
    await page.until(drawn => (seen => seen.drawn !== drawn && seen.waiting === undefined)(document.querySelector(".stage canvas").dataset), drawn);
    assert.equal(await text(".latent output"), z);
    const [shown, wanted] = await page.run(async () => {
      const pixels = (picture, g) => {
        g.drawImage(picture, 0, 0);
        return [...g.getImageData(0, 0, picture.width, picture.height).data];
      };
      const canvas = document.querySelector(".stage canvas");
      const bitmap = await createImageBitmap(await (await fetch("/api/runs/styles/sample.png?seed=0&truncation=0.4")).blob());
      const context = () => new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
      return [pixels(canvas, context()), pixels(bitmap, context())];
    });
    assert.deepEqual(shown, wanted);
  },

  async "latents are saved as files of NumPy, and come back as pins"() {
    const folder = mkdtempSync(join(tmpdir(), "studio-saved-"));
    await page.saveTo(folder);
    await goto("#/explore/space");
    // The pins of the last time are there.
    await page.until(() => document.querySelectorAll(".pin").length === 3 && document.querySelector(".stage canvas").dataset.drawn);
    const shown = await page.run(() => [...document.querySelectorAll("[data-latent]")].map(e => Number(e.value)));
    await page.click("#save-latents");
    const file = join(folder, "space-0.npy");
    for (let i = 0; i < 200 && !existsSync(file); i++) await new Promise(done => setTimeout(done, 20));
    const bytes = readFileSync(file), head = 10 + bytes.readUInt16LE(8);
    assert.equal(bytes.subarray(1, 6).toString("latin1"), "NUMPY");
    assert.equal(head % 64, 0);
    assert.match(bytes.subarray(10, head).toString("latin1"), /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(1, 8\), \} *\n$/);
    const saved = Array.from({ length: 8 }, (_, i) => bytes.readFloatLE(head + 4 * i));
    assert.equal(bytes.length, head + 32);
    saved.forEach((z, i) => assert.ok(Math.abs(z - shown[i]) < 0.011, `${z} and ${shown[i]}`));
    await page.choose("#latents-file", file);
    await page.until(() => document.querySelectorAll(".pin").length === 4 && document.querySelector("#messages").textContent.includes("1 of 1 latents"));
    await page.choose("#latents-file", table);
    await page.until(() => document.querySelector("#messages").textContent.includes("this is no file of latents"));
    assert.deepEqual(readdirSync(folder), ["space-0.npy"]);
    rmSync(folder, { recursive: true });
  },

  async "classes are mixed, and a class alone is what the command draws"() {
    await goto("#/explore/in%2Fclasses");
    const pixels = () => page.run(() => {
      const c = document.querySelector(".stage canvas");
      return [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data];
    });
    const drawn = () => page.run(() => document.querySelector(".stage canvas")?.dataset.drawn);
    const after = async act => {
      const before = await drawn();
      await act();
      await page.until(before => (seen => seen.drawn !== before && seen.waiting === undefined)(document.querySelector(".stage canvas").dataset), before);
      return pixels();
    };
    await page.until(() => document.querySelector(".stage canvas")?.dataset.drawn && document.querySelectorAll("[data-share]").length === 10);
    const selector = "label:has(> span) select:has(option[value='3'])";
    const three = await after(() => page.type(selector, "3"));
    const wanted = await page.run(async () => {
      const bitmap = await createImageBitmap(await (await fetch("/api/runs/in%2Fclasses/sample.png?seed=0&label=3")).blob());
      const c = new OffscreenCanvas(bitmap.width, bitmap.height), g = c.getContext("2d");
      g.drawImage(bitmap, 0, 0);
      return [...g.getImageData(0, 0, c.width, c.height).data];
    });
    assert.deepEqual(three, wanted);
    const mixed = await after(() => page.type("[data-share='4']", "1"));
    assert.notDeepEqual(mixed, three);
    const four = await after(() => page.type("[data-share='3']", "0"));
    assert.notDeepEqual(mixed, four);
    // Directions move latents, whatever the classes.
    await page.click("#directions");
    await page.until(() => document.querySelectorAll("[data-direction]").length > 3);
    const moved = await after(() => page.type("[data-direction='1']", "3"));
    assert.notDeepEqual(moved, four);
    assert.deepEqual(await after(() => page.type("[data-direction='1']", "0")), four);
    // Children of a three and a four are somewhat of each.
    await goto("#/breed/in%2Fclasses");
    await page.until(() => document.querySelectorAll(".litter .child").length === 16);
    const classes = () => page.run(() => [...document.querySelectorAll(".litter .classes")].map(e => e.textContent));
    const first = await classes();
    assert.ok(first.every(c => !c.includes("%")), first.join("; "));
    const other = first.findIndex(c => c !== first[0]);
    await page.type("input[aria-label='mutation']", "0");
    for (const i of [0, other]) await page.click(`.child[aria-label='child ${i + 1}']`);
    await page.click("#breed");
    await page.until(() => [...document.querySelectorAll(".litter .classes")].some(e => /^\w+ \d+ %, \w+ \d+ %$/.test(e.textContent)));
    const both = [first[0], first[other]];
    for (const c of await classes()) assert.ok(c.split(", ").every(part => both.includes(part.split(" ")[0])), `${c} of ${both}`);
    // The family keeps of what classes somebody is.
    await page.click(".litter .child");
    const mix = await page.run(() => document.querySelector(".litter .classes").textContent);
    await page.click("#breed");
    await page.until(() => document.querySelectorAll("[data-member]").length === 3);
    await goto("#/");
    await goto("#/breed/in%2Fclasses");
    await page.click("[data-member='2']");
    await page.until(mix => document.querySelector(".strip .classes")?.textContent === mix, mix);
  },

  async "what does not exist is drawn anew, by class where there are some"() {
    await goto("#/new/in%2Fclasses");
    const first = await page.until(() => document.querySelector(".frame img")?.naturalWidth && document.querySelector(".frame img").src);
    await page.type(".fresh select", "3");
    await page.until(first => document.querySelector(".frame img").src !== first && document.querySelector(".frame img").src.includes("label=3"), first);
    await page.run(() => document.activeElement.blur());
    const second = await page.run(() => document.querySelector(".frame img").src);
    await page.key(" ");
    await page.until(second => document.querySelector(".frame img").src !== second && document.querySelector(".frame img").naturalWidth, second);
  },

  async "a training is begun, watched, stopped and gone on with"() {
    await goto("#/train");
    await page.click("[data-recipe='gan-ring8']");
    await page.type("[data-key='model.width']", "-3");
    await page.until(() => document.querySelector("form .note")?.textContent.includes("model.width") && document.querySelector("form [type=submit]").disabled);
    const set = { "model.width": "8", "train.batch": "16", "train.steps": "100000000", "train.log_every": "50", "train.sample_every": "1000000" };
    for (const [key, value] of Object.entries(set)) await page.type(`[data-key='${key}']`, value);
    await page.until(() => document.querySelectorAll(".difference tr").length === 5);
    // Every key says what it is.
    assert.deepEqual(await page.run(() => [...document.querySelectorAll("[data-key]")].filter(e => !document.getElementById(e.getAttribute("aria-describedby"))?.textContent).map(e => e.dataset.key).filter(k => !/\.(rule|name|architecture|kind)$/.test(k))), []);
    await page.click("form [type=submit]");
    await page.until(() => document.querySelector("h1")?.textContent === "gan-ring8-001" && document.querySelector(".chip.training"));
    await page.until(() => document.querySelectorAll(".chart").length > 2);
    await page.click("button", "Stop");
    await page.until(() => document.querySelector(".chip.stopped"));
    await page.click("button", "Resume");
    await page.until(() => document.querySelector(".chip.training"));
    await page.click("button", "Stop");
    await page.until(() => document.querySelector(".chip.stopped"));
  },

  async "the game is played by hand and by itself, on data drawn by the mouse"() {
    await goto("#/game");
    await page.until(() => document.querySelectorAll(".count").length >= 7);
    const counts = () => page.run(() => [...document.querySelectorAll(".count b")].slice(0, 3).map(b => Number(b.textContent.replaceAll(",", ""))));
    assert.deepEqual(await counts(), [0, 0, 0]);
    const after = (selector, want) => page.click(selector).then(() => page.until(want => [...document.querySelectorAll(".count b")].slice(0, 3).map(b => b.textContent).join() === want, want));
    const losses = () => page.run(() => [...document.querySelectorAll(".count")].filter(c => c.textContent.includes("loss of")).map(c => c.querySelector("b").textContent));
    const library = JSON.parse(readFileSync(byHand)).map(pair => pair.map(v => v === null ? "–" : String(+v.toPrecision(4))));
    for (const [i, [button, counts]] of [["#turn-d", "0,1,0"], ["#turn-g", "0,1,1"], ["#step", "1,2,2"]].entries()) {
      await after(button, counts);
      assert.deepEqual(await losses(), library[i]);
    }
    await page.click("#play");
    await page.until(() => Number(document.querySelector(".count b").textContent.replaceAll(",", "")) > 20);
    await page.type("input[aria-label='learning rate of the generator']", "-2");
    await page.until(() => [...document.querySelectorAll(".rate output")].at(-1).textContent === "1.0e-2");
    await page.click("#draw");
    const { left, top, width } = await page.place(".plane [role=img]");
    await page.drag([0.3, 0.4, 0.5, 0.6].map(t => [left + t * width, top + t * width]));
    await page.click("button", "The recipe's data");
    await page.click("#play");
    await page.until(() => document.querySelector("#play").textContent.includes("Play"));
    assert.ok(await page.run(() => Number(document.querySelector(".plane [role=img]").dataset.drawn)) > 10);
    await page.type("input[aria-label='back through what was']", "0");
    await page.until(() => document.querySelector(".count b").textContent === "0");
  },

  async "rules change while the game goes on, and a table becomes the data"() {
    await goto("#/");
    await goto("#/game");
    await page.until(() => document.querySelectorAll(".count").length >= 7);
    await page.type("#updates", "3");
    await page.click("#step");
    await page.until(() => [...document.querySelectorAll(".count b")].slice(0, 3).map(b => b.textContent).join() === "1,3,1");
    await page.type("#objective", "hinge");
    await page.until(() => [...document.querySelectorAll(".count span")].some(s => s.textContent === "score of data"));
    assert.equal(await page.run(() => document.querySelector(".count b").textContent), "1");
    // A critic of Wasserstein's has another output: the game begins anew, and says why.
    await page.type("#objective", "wasserstein");
    await page.until(() => document.querySelector(".count b").textContent === "0" && document.querySelector("#messages").textContent.includes("other networks"));
    await page.choose("#csv", table);
    await page.until(() => document.querySelector("#messages").textContent.includes("400 points"));
    await page.until(() => [...document.querySelectorAll("button")].some(b => b.textContent === "The recipe's data" && !b.hidden));
  },

  async "the four pictures are gone through"() {
    await goto("#/tour");
    await page.until(() => /^0 updates of D, 0 of G/.test(document.querySelector("#facts")?.textContent));
    await page.click("#next");
    await page.until(() => /^400 updates of D, 0 of G/.test(document.querySelector("#facts").textContent));
    await page.click("#next");
    await page.until(() => /^400 updates of D, 40 of G/.test(document.querySelector("#facts").textContent));
    await page.click("#next");
    await page.until(() => Number(/ D, (\d+) of G/.exec(document.querySelector("#facts").textContent)?.[1]) > 100 && document.querySelector("#next").textContent === "From the start");
    await page.click("#next");
    await page.until(() => /^0 updates of D, 0 of G/.test(document.querySelector("#facts").textContent));
  },

  async "a run of points is played on with"() {
    await goto("#/game?run=gan-ring8-001");
    await page.until(() => document.querySelectorAll(".count").length >= 7 && document.querySelector(".count b").textContent !== "0");
  },

  async "pages fit a small screen, in the dark and in the light, and are reached by the keyboard"() {
    await page.size(320, 640);
    for (const dark of [true, false]) {
      await page.dark(dark);
      for (const hash of ["#/", "#/run/space", "#/explore/space", "#/new/space", "#/breed/space", "#/game", "#/tour", "#/train?recipe=dcgan"]) {
        await goto(hash);
        await page.until(() => document.querySelector("main h1"));
        const wide = await page.until(() => document.querySelector("main > div").children.length && [document.documentElement.scrollWidth]);
        assert.ok(wide[0] <= 320, `${hash} is ${wide[0]} wide`);
      }
      assert.equal(await page.run(() => document.documentElement.dataset.theme), dark ? "dark" : "light");
    }
    const nameless = await page.run(() => [...document.querySelectorAll("button, input, select")].filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.title)).map(e => e.outerHTML));
    assert.deepEqual(nameless, []);
    await page.key("Tab");
    assert.notEqual(await page.run(() => document.activeElement.tagName), "BODY");
    await goto("#/nowhere");
    await page.until(() => document.querySelector("main h2")?.textContent === "There is no such page");
    await goto("#/run/nothing");
    await page.until(() => document.querySelector("main .note")?.textContent.includes("nothing"));
  },

  async "nothing is asked of another machine, and nothing fails"() {
    assert.deepEqual(quiet(page, url), []);
  },
};

await runAll(page, tests);
