// The item that a question is about: one of the run's data, a picture that was chosen, or what is painted on either.
import { asked, framesOf } from "../lib/api.js";
import { attempt, enc, field, fill, h, select } from "../lib/dom.js";

/** Side of a canvas for a model that takes pictures of any size, and the longest that is sent. */
const LONGEST = 448;
/** Colours that are offered of an item, the most frequent ones. */
const COLOURS = 12;
const TOOLS = { look: "look", paint: "paint", hide: "hide", show: "show again" };

const hex = (r, g, b) => `#${[r, g, b].map(v => v.toString(16).padStart(2, "0")).join("")}`;

export class Easel {
  constructor(name, space, signal) {
    Object.assign(this, { name, space, signal, index: 0, own: true, tool: "look", undo: [], down: null, way: space.directions[0] });
    const takes = space.takes;
    this.paints = takes !== null;
    this.hides = this.paints && space.capabilities.includes("complete");
    this.canvas = h("canvas", { role: "img", "aria-label": "the item" });
    this.veil = h("canvas", { class: "veil", "aria-hidden": "true" });
    this.stage = h("div", { class: "stage easel" }, h("div", { class: "sheet" }, this.canvas, this.veil));
    this.number = h("input", { type: "number", min: 0, step: 1, value: 0, id: "index", style: { width: "7em" }, onchange: () => attempt(() => this.begin(Number(this.number.value) || 0)) });
    this.file = h("input", { type: "file", accept: "image/*", hidden: true, "aria-label": "a picture of yours", onchange: () => attempt(() => this.load()) });
    this.size = h("input", { type: "range", min: 1, max: 24, value: 4, "aria-label": "size of the brush" });
    this.colour = h("input", { type: "color", value: "#202020", "aria-label": "colour of the brush" });
    this.palette = h("div", { class: "row palette" });
    this.label = select([["", "none"], ...space.labels], "", { onchange: () => {
      this.own = false;
    } });
    const tools = Object.entries(TOOLS).filter(([t]) => t === "look" || t === "paint" || this.hides);
    this.tools = tools.map(([tool, text]) => [tool, h("button", { class: "tiny", type: "button", "data-tool": tool, onclick: () => this.take(tool) }, text)]);
    this.brush = h("div", { class: "row" }, this.tools.map(([, b]) => b), h("button", { class: "tiny", type: "button", onclick: () => this.back() }, "undo"), h("label", { class: "row small soft" }, "brush", this.size), this.colour);
    this.element = h("section", { class: "panel stack" }, h("h2", {}, "The item"), this.stage,
      h("div", { class: "row end" }, field("item of its data", this.number),
        h("button", { type: "button", "aria-label": "previous item", onclick: () => attempt(() => this.begin(Math.max(0, this.index - 1))) }, "‹"),
        h("button", { type: "button", "aria-label": "next item", onclick: () => attempt(() => this.begin(this.index + 1)) }, "›"),
        this.paints && h("button", { type: "button", onclick: () => this.file.click() }, "A picture of yours …"), this.file,
        this.paints && space.labels.length > 0 && field("class it is said to have", this.label)),
      this.paints && this.brush, this.paints && this.palette);
    if (this.paints) this.listen();
    this.take("look");
  }

  /** An item of the data. */
  async begin(index) {
    const [image] = await framesOf(await asked(`runs/${enc(this.name)}/ask/item?${this.query({ index })}`, { signal: this.signal }));
    this.index = index;
    this.number.value = index;
    this.lay(image);
    this.own = true;
  }

  async turn(way) {
    this.way = way;
    await this.begin(0);
  }

  query(more) {
    const q = new URLSearchParams(more);
    if (this.way) q.set("direction", this.way);
    return q;
  }

  lay(image) {
    for (const c of [this.canvas, this.veil]) [c.width, c.height] = [image.width, image.height];
    this.canvas.classList.toggle("pixels", image.width < 160);
    this.canvas.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
    this.undo = [];
    this.offer(image);
    this.canvas.dataset.drawn = String(Number(this.canvas.dataset.drawn ?? 0) + 1);
  }

  /** The colours of an item, to paint with: the classes of a layout. */
  offer({ data }) {
    const count = new Map();
    for (let i = 0; i < data.length; i += 4) {
      const key = hex(data[i], data[i + 1], data[i + 2]);
      count.set(key, (count.get(key) ?? 0) + 1);
    }
    const most = [...count].sort((a, b) => b[1] - a[1]).slice(0, COLOURS);
    fill(this.palette, most.map(([colour]) => h("button", { class: "swatch", type: "button", title: colour, "aria-label": `paint with ${colour}`, style: { background: colour }, onclick: () => {
      this.colour.value = colour;
      this.take("paint");
    } })));
  }

  /** A picture of somebody's, cut around its middle to what the model takes. */
  async load() {
    const [file] = this.file.files;
    if (!file) return;
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new Error(`${file.name} is no picture that this browser can read`);
    });
    const takes = this.space.takes;
    const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
    const [height, width] = takes.size ?? [Math.max(1, Math.round(bitmap.height * scale)), Math.max(1, Math.round(bitmap.width * scale))];
    const cover = Math.max(width / bitmap.width, height / bitmap.height);
    const sheet = new OffscreenCanvas(width, height).getContext("2d");
    sheet.imageSmoothingQuality = "high";
    sheet.drawImage(bitmap, (width - bitmap.width * cover) / 2, (height - bitmap.height * cover) / 2, bitmap.width * cover, bitmap.height * cover);
    this.lay(sheet.getImageData(0, 0, width, height));
    this.own = false;
    this.file.value = "";
  }

  take(tool) {
    this.tool = tool;
    for (const [t, b] of this.tools) b.setAttribute("aria-pressed", String(t === tool));
    this.stage.classList.toggle("drawing", tool !== "look");
  }

  listen() {
    const at = e => {
      const box = this.veil.getBoundingClientRect();
      return [(e.clientX - box.left) / box.width * this.veil.width, (e.clientY - box.top) / box.height * this.veil.height];
    };
    this.veil.addEventListener("pointerdown", e => {
      if (this.tool === "look") return;
      e.preventDefault();
      this.veil.setPointerCapture(e.pointerId);
      this.keep();
      this.down = at(e);
      this.stroke(this.down);
    });
    this.veil.addEventListener("pointermove", e => this.down && this.stroke(at(e)));
    for (const end of ["pointerup", "pointercancel"]) this.veil.addEventListener(end, () => {
      this.down = null;
    });
  }

  keep() {
    const whole = c => c.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, c.width, c.height);
    this.undo.push([whole(this.canvas), whole(this.veil), this.own]);
    if (this.undo.length > 20) this.undo.shift();
  }

  back() {
    const last = this.undo.pop();
    if (!last) return;
    this.canvas.getContext("2d").putImageData(last[0], 0, 0);
    this.veil.getContext("2d").putImageData(last[1], 0, 0);
    this.own = last[2];
  }

  stroke(to) {
    const hiding = this.tool === "hide" || this.tool === "show";
    const g = (hiding ? this.veil : this.canvas).getContext("2d", { willReadFrequently: true });
    g.save();
    g.globalCompositeOperation = this.tool === "show" ? "destination-out" : "source-over";
    g.strokeStyle = hiding ? "#f0f" : this.colour.value;
    g.lineWidth = Number(this.size.value) * Math.max(1, this.canvas.width / 64);
    g.lineCap = g.lineJoin = "round";
    g.beginPath();
    g.moveTo(...this.down);
    g.lineTo(to[0] + 0.01, to[1]);
    g.stroke();
    g.restore();
    this.down = to;
    if (!hiding) this.own = false;
    else this.masked = true;
  }

  /** Which pixels are known, where some are not. */
  known() {
    const { data } = this.veil.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, this.veil.width, this.veil.height);
    const known = new Uint8Array(data.length / 4);
    for (let i = 0; i < known.length; i++) known[i] = data[4 * i + 3] > 127 ? 0 : 1;
    return known.includes(0) ? known : null;
  }

  /** Asks about what is on the easel: by its number while it is an item as it was, else by its pixels. */
  async ask(what, query) {
    for (const [k, v] of this.query({})) if (!query.has(k)) query.set(k, v);
    const known = this.hides && what === "complete" ? this.known() : null;
    if (this.own && !known) {
      query.set("index", this.index);
      return asked(`runs/${enc(this.name)}/ask/${what}?${query}`, { signal: this.signal });
    }
    const { width, height } = this.canvas;
    const { data } = this.canvas.getContext("2d").getImageData(0, 0, width, height);
    const body = new Uint8Array(data.length + (known?.length ?? 0));
    body.set(data);
    if (known) body.set(known, data.length);
    query.set("width", width);
    query.set("height", height);
    if (this.label.value) query.set("label", this.label.value);
    return asked(`runs/${enc(this.name)}/ask/${what}?${query}`, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body, signal: this.signal });
  }
}
