// Chromium by its own protocol, over a pipe: nothing but Node and the browser is needed.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PATIENCE = 30_000;

/** The browser's program, or null. */
export const findBrowser = () => {
  for (const name of process.env.CHROMIUM ? [process.env.CHROMIUM] : NAMES) {
    try {
      execFileSync(name, ["--version"], { stdio: "ignore" });
      return name;
    } catch { /* not this one */ }
  }
  return null;
};

const pause = ms => new Promise(done => setTimeout(done, ms));

/** A page of a browser of its own. */
export class Page {
  static async open(program) {
    const page = new Page();
    page.folder = mkdtempSync(join(tmpdir(), "studio-browser-"));
    const flags = ["--headless=new", "--remote-debugging-pipe", `--user-data-dir=${page.folder}`, "--no-first-run", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"];
    if (process.getuid?.() === 0) flags.push("--no-sandbox");
    page.process = spawn(program, [...flags, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    [page.out, page.in] = [page.process.stdio[3], page.process.stdio[4]];
    page.waiting = new Map();
    page.number = 0;
    page.requests = [];
    page.failures = [];
    let rest = "";
    page.in.on("data", chunk => {
      const parts = (rest + chunk).split("\0");
      rest = parts.pop();
      for (const part of parts) page.take(JSON.parse(part));
    });
    const { targetInfos } = await page.ask("Target.getTargets");
    const target = targetInfos.find(t => t.type === "page");
    page.session = (await page.ask("Target.attachToTarget", { targetId: target.targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.ask(`${domain}.enable`);
    await page.size(1440, 900);
    return page;
  }

  ask(method, params = {}) {
    const id = ++this.number;
    this.out.write(`${JSON.stringify({ id, method, params, sessionId: this.session })}\0`);
    return new Promise((done, failed) => this.waiting.set(id, { done, failed, method }));
  }

  take({ id, method, params, result, error }) {
    if (id) {
      const { done, failed, method } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) failed(new Error(`${method}: ${error.message}`));
      else done(result);
    } else if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    else if (method === "Runtime.exceptionThrown") this.failures.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    else if (method === "Runtime.consoleAPICalled" && params.type === "error") this.failures.push(params.args.map(a => a.value ?? a.description).join(" "));
    else if (method === "Log.entryAdded" && params.entry.level === "error") this.failures.push(`${params.entry.text} ${params.entry.url ?? ""}`);
  }

  size(width, height, scale = 1) {
    return this.ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: width < 500 });
  }

  dark(on) {
    return this.ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: on ? "dark" : "light" }] });
  }

  async go(url) {
    await this.ask("Page.navigate", { url });
    await this.until(() => document.readyState === "complete");
  }

  /** The value of a function in the page; it may be a promise. */
  async run(work, ...given) {
    const expression = `(${work})(...${JSON.stringify(given)})`;
    const { result, exceptionDetails } = await this.ask("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until a function in the page gives something, which is given back. */
  async until(work, ...given) {
    const end = Date.now() + PATIENCE;
    let last = null;
    while (Date.now() < end) {
      try {
        const value = await this.run(work, ...given);
        if (value) return value;
      } catch (e) {
        last = e;
      }
      await pause(40);
    }
    const text = await this.run(() => document.body.innerText.slice(0, 1500)).catch(() => "");
    throw new Error(`in vain: ${work} ${JSON.stringify(given)} ${last ?? ""}\n${text}`);
  }

  /** Where an element's middle is, once it is there and can be clicked. */
  place(selector, text) {
    return this.until((selector, text) => {
      const found = [...document.querySelectorAll(selector)].find(e => !e.disabled && e.getClientRects().length && (!text || e.textContent.includes(text)));
      if (!found) return null;
      found.scrollIntoView({ block: "center", inline: "center" });
      const box = found.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2, left: box.x, top: box.y, width: box.width, height: box.height };
    }, selector, text ?? null);
  }

  mouse(type, x, y, more = {}) {
    return this.ask("Input.dispatchMouseEvent", { type, x, y, button: "left", buttons: type === "mouseReleased" ? 0 : 1, clickCount: 1, ...more });
  }

  async click(selector, text) {
    const { x, y } = await this.place(selector, text);
    await this.mouse("mousePressed", x, y);
    await this.mouse("mouseReleased", x, y);
  }

  async drag(points) {
    await this.mouse("mousePressed", ...points[0]);
    for (const p of points.slice(1)) await this.mouse("mouseMoved", ...p);
    await this.mouse("mouseReleased", ...points.at(-1));
  }

  /** Types a value in the place of what is there. */
  async type(selector, value) {
    await this.place(selector);
    await this.run((selector, value) => {
      const e = document.querySelector(selector);
      e.focus();
      e.value = value;
      e.dispatchEvent(new Event("input", { bubbles: true }));
      e.dispatchEvent(new Event("change", { bubbles: true }));
    }, selector, value);
  }

  /** Lets the page save files into a folder. */
  saveTo(folder) {
    return this.ask("Page.setDownloadBehavior", { behavior: "allow", downloadPath: folder });
  }

  /** Chooses a file for an input, hidden or not. */
  async choose(selector, file) {
    const { root } = await this.ask("DOM.getDocument");
    const { nodeId } = await this.ask("DOM.querySelector", { nodeId: root.nodeId, selector });
    await this.ask("DOM.setFileInputFiles", { nodeId, files: [file] });
  }

  async key(key) {
    const code = { " ": "Space" }[key] ?? key;
    for (const type of ["keyDown", "keyUp"]) await this.ask("Input.dispatchKeyEvent", { type, key, code, windowsVirtualKeyCode: { ArrowRight: 39, ArrowLeft: 37, " ": 32, Tab: 9, Enter: 13 }[key] ?? 0, text: type === "keyDown" && key.length === 1 ? key : undefined });
  }

  async picture(file) {
    await pause(500);
    const { data } = await this.ask("Page.captureScreenshot", { format: "png" });
    writeFileSync(file, Buffer.from(data, "base64"));
  }

  async close() {
    const gone = new Promise(done => this.process.once("exit", done));
    this.session = undefined;
    this.ask("Browser.close").catch(() => {});
    await Promise.race([gone, pause(5000).then(() => this.process.kill("SIGKILL"))]);
    try {
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    } catch { /* a helper of the browser may still write; it is a folder for what is temporary */ }
  }
}

/** Runs tests one after the other, tells how they went, and ends the program. */
export const runAll = async (page, tests) => {
  let failed = 0;
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      console.log(`ok   ${name}`);
    } catch (e) {
      failed++;
      console.log(`FAIL ${name}\n${e.stack}`);
    }
  }
  await page.close();
  process.exit(failed ? 1 : 0);
};

/** Nothing was asked of another machine, and nothing failed but what was asked for and is not there. */
export const quiet = (page, url) => {
  const own = new URL(url).origin;
  return [
    ...page.requests.filter(r => !r.startsWith(own) && !/^(data|blob|about):/.test(r)),
    ...page.failures.filter(f => !/status of 4\d\d/.test(f)),
  ];
};
