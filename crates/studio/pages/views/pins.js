// Pictures that are kept, walks between them, and arithmetic.
import { frames, post, sent } from "../lib/api.js";
import { attempt, enc, field, fill, h, select, tell } from "../lib/dom.js";
import { canvasOf, download, save, show as paint } from "../lib/frames.js";
import { npy, rowsOf } from "../lib/npy.js";

const MOST = 24;

export class Pins {
  /** `size` is how many numbers a latent has; `asked` gives by what they are drawn; `take` shows one. */
  constructor(name, size, asked, take, signal) {
    Object.assign(this, { name, size, asked, take, signal, pins: [], timer: null });
    this.grid = h("div", { class: "pins" });
    this.hint = h("p", { class: "small soft" }, "Pin pictures to walk between them, or to add and take them away.");
    this.steps = select([6, 10, 16, 24, 32], 10, { "aria-label": "pictures of a way" });
    this.mode = select([["spherical", "along the sphere"], ["linear", "straight"]], "spherical", { "aria-label": "way" });
    // What is dragged here is added or taken away, as by the buttons of a pin.
    const zone = (to, text) => h("div", { class: `zone ${to > 0 ? "plus" : "minus"}`, ondragover: e => e.preventDefault(), ondrop: e => {
      e.preventDefault();
      const pin = this.pins[Number(e.dataTransfer.getData("text/pin"))];
      if (!pin) return;
      pin.sign = to;
      this.draw();
    } }, text);
    this.zones = h("div", { class: "two" }, zone(1, "drag a pin here to add it"), zone(-1, "and here to take it away"));
    this.tools = h("div", { class: "row end" },
      h("button", { type: "button", onclick: e => attempt(() => this.walk(), e.target) }, "Walk through all"),
      field("pictures of a way", this.steps), field("way", this.mode),
      h("button", { type: "button", onclick: e => attempt(() => this.addUp(), e.target) }, "Add + and take − away"));
    this.result = h("div", { class: "stack" });
    this.file = h("input", { type: "file", accept: ".npy", hidden: true, "aria-label": "a file of latents", id: "latents-file", onchange: () => attempt(() => this.load()) });
    this.all = h("button", { class: "tiny", type: "button", id: "save-pins", onclick: () => save(npy(this.pins.map(p => p.latents)), `${this.name.replaceAll("/", "-")}-latents.npy`) }, "Save all as .npy");
    this.element = h("section", { class: "panel stack" }, h("div", { class: "between" }, h("h2", {}, "Pins"), h("div", { class: "row" }, this.all, h("button", { class: "tiny", type: "button", title: "latents of a .npy file, as Save latents, `menagerie encode` and `project` write them", onclick: () => this.file.click() }, "Load latents …"), this.file)), this.hint, this.grid, this.zones, this.tools, this.result);
    signal.addEventListener("abort", () => clearInterval(this.timer));
    this.draw();
    attempt(() => this.remembered());
  }

  /** Where this browser keeps the pins of the run. */
  get place() {
    return `pins:${this.name}`;
  }

  keep() {
    try {
      localStorage.setItem(this.place, JSON.stringify(this.pins.map(p => p.latents)));
    } catch { /* a browser that keeps nothing: the pins last as long as the page */ }
  }

  /** The pins of the last time; those of a run that was trained anew with other latents are let go. */
  async remembered() {
    let kept = [];
    try {
      kept = JSON.parse(localStorage.getItem(this.place) ?? "[]");
    } catch { /* damaged: there are none */ }
    if (kept.length && kept.every(z => z.length === this.size)) await this.addAll(kept);
  }

  /** Pins latents that come without pictures. */
  async addAll(rows) {
    const some = rows.slice(0, MOST - this.pins.length);
    const images = await frames(`runs/${enc(this.name)}/decode`, { ...this.asked(), latents: some }, this.signal);
    some.forEach((latents, i) => this.pins.push({ latents, sign: 0, image: images[i] }));
    this.draw();
    return some.length;
  }

  async load() {
    const [file] = this.file.files;
    if (!file) return;
    const rows = rowsOf(await file.arrayBuffer());
    this.file.value = "";
    if (rows[0].length !== this.size) throw new Error(`the latents of ${file.name} have ${rows[0].length} numbers, and this model's have ${this.size}`);
    if (this.pins.length >= MOST) throw new Error(`there are ${MOST} pins already; remove some`);
    const before = this.pins.length, taken = await this.addAll(rows);
    this.keep();
    this.take(this.pins[before].latents);
    tell(`${taken} of ${rows.length} latents of ${file.name} are pinned`, "good");
  }

  add(latents, canvas) {
    if (!latents || !canvas.width || this.pins.length >= MOST) return;
    this.pins.push({ latents: [...latents], sign: 0, image: canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height) });
    this.draw();
    this.keep();
  }

  draw() {
    this.hint.hidden = this.pins.length > 1;
    this.all.hidden = !this.pins.length;
    this.zones.hidden = this.tools.hidden = this.pins.length < 2;
    const sign = (pin, to, text, label) => h("button", { class: "tiny", type: "button", title: label, "aria-label": label, "aria-pressed": String(pin.sign === to), onclick: () => {
      pin.sign = pin.sign === to ? 0 : to;
      this.draw();
    } }, text);
    fill(this.grid, this.pins.map((pin, i) => h("div", { class: `pin ${["minus", "", "plus"][pin.sign + 1]}` },
      canvasOf(pin.image, `pin ${i + 1}: show it`, { draggable: "true", ondragstart: e => e.dataTransfer.setData("text/pin", String(i)), tabindex: 0, role: "button", onclick: () => this.take(pin.latents), onkeydown: e => e.key === "Enter" && this.take(pin.latents) }),
      h("div", { class: "row" }, sign(pin, 1, "+", `add pin ${i + 1}`), sign(pin, -1, "−", `take pin ${i + 1} away`),
        h("button", { class: "tiny", type: "button", title: "remove", "aria-label": `remove pin ${i + 1}`, onclick: () => {
          this.pins.splice(i, 1);
          this.draw();
          this.keep();
        } }, "×")))));
  }

  /** Draws all pins as they are drawn now. */
  async redraw() {
    if (!this.pins.length) return;
    await attempt(async () => {
      const images = await frames(`runs/${enc(this.name)}/decode`, { ...this.asked(), latents: this.pins.map(p => p.latents) }, this.signal);
      images.forEach((image, i) => {
        if (this.pins[i]) this.pins[i].image = image;
      });
      this.draw();
    });
  }

  async walk() {
    const steps = Number(this.steps.value);
    const ways = this.pins.length - 1;
    if (ways * steps > 64) throw new Error(`${ways} ways of ${steps} pictures are more than 64; choose fewer pictures of a way`);
    const images = await frames(`runs/${enc(this.name)}/walk`, { ...this.asked(), latents: this.pins.map(p => p.latents), steps, mode: this.mode.value }, this.signal);
    clearInterval(this.timer);
    const large = h("canvas", { role: "img", "aria-label": "the walk" });
    const slider = h("input", { type: "range", min: 0, max: images.length - 1, value: 0, "aria-label": "place on the walk", oninput: () => go(Number(slider.value)) });
    const go = i => {
      slider.value = i;
      paint(large, images[i]);
    };
    let by = 1;
    const play = h("button", { class: "tiny", type: "button", "aria-label": "play or pause the walk", onclick: () => this.timer ? pause() : start() });
    const pause = () => {
      clearInterval(this.timer);
      this.timer = null;
      play.textContent = "▶";
    };
    const start = () => {
      play.textContent = "❚❚";
      this.timer = setInterval(() => {
        const at = Number(slider.value);
        if (at + by < 0 || at + by >= images.length) by = -by;
        go(Math.min(images.length - 1, Math.max(0, at + by)));
      }, 90);
    };
    fill(this.result, h("div", { class: "stage" }, large), h("div", { class: "player" }, play, slider),
      h("div", { class: "strip", tabindex: 0 }, images.map((image, i) => h("figure", {}, canvasOf(image, `picture ${i + 1} of the walk`)))),
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => this.film(images) }, "Save the walk as one PNG"), h("button", { type: "button", onclick: e => attempt(() => this.animation(steps), e.target) }, "Save as GIF")));
    go(0);
    start();
  }

  /** All pictures of a walk beside each other, as a file. */
  film(images) {
    const { width, height } = images[0];
    const film = h("canvas", { width: width * images.length, height });
    const g = film.getContext("2d");
    images.forEach((image, i) => g.putImageData(image, i * width, 0));
    download(film, `${this.name.replaceAll("/", "-")}-walk.png`);
  }

  /** The walk as an animation, as a file. */
  async animation(steps) {
    const response = await sent(`runs/${enc(this.name)}/walk`, { ...this.asked(), latents: this.pins.map(p => p.latents), steps, mode: this.mode.value, animated: true }, this.signal);
    save(await response.blob(), `${this.name.replaceAll("/", "-")}-walk.gif`);
  }

  async addUp() {
    const of = sign => this.pins.filter(p => p.sign === sign).map(p => p.latents);
    if (!of(1).length && !of(-1).length) throw new Error("mark pins with + or −");
    const { latent } = await post(`runs/${enc(this.name)}/arithmetic`, { plus: of(1), minus: of(-1) }, this.signal);
    this.take(latent);
  }
}
