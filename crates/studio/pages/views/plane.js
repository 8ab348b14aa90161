// The plane of the game: what the discriminator thinks, data, samples, where they are pulled, the generator's grid.
import { h, theme } from "../lib/dom.js";
import { Glide } from "../lib/glide.js";

/** Level lines, by shares of the scale; the middle one is heavier. */
const LEVELS = [0.1, 0.25, 0.5, 0.75, 0.9];
/** Shades of the map from sure of samples to sure of data. */
const SHADES = 511;

const parse = colour => {
  const n = parseInt(colour.slice(1), 16);
  return [n >> 16, n >> 8 & 255, n & 255];
};

/** A context of a canvas that covers the plane, wiped. */
const wiped = (canvas, side) => {
  const g = canvas.getContext("2d");
  if (canvas.width !== side) canvas.width = canvas.height = side;
  else g.clearRect(0, 0, side, side);
  return g;
};

/**
 * Sheets above each other, each drawn only when what it shows has changed: the map, small and enlarged by the style sheet; level lines;
 * data; and what moves. Between two frames of the game what moves glides, so that it is smooth however many frames there are.
 */
export class Plane {
  constructor(signal) {
    this.map = h("canvas", { "aria-hidden": "true" });
    this.lines = h("canvas", { "aria-hidden": "true" });
    this.still = h("canvas", { "aria-hidden": "true" });
    this.canvas = h("canvas", { role: "img", "aria-label": "the plane: data, samples and what the discriminator thinks of every place" });
    this.element = h("div", { class: "plane" }, this.map, this.lines, this.still, this.canvas);
    this.layers = { map: true, levels: true, data: true, samples: true, arrows: true, grid: false };
    this.data = null;
    this.stroke = null;
    this.drawn = 0;
    this.glide = new Glide(["map", "samples", "pull", "grid"]);
    this.stale = true;
    new ResizeObserver(() => this.anew()).observe(this.canvas);
    addEventListener("themed", () => this.anew(), { signal });
  }

  /** Draws every sheet. */
  anew() {
    this.stale = true;
    this.shades = null;
    this.later();
  }

  later() {
    this.waiting ??= requestAnimationFrame(now => {
      this.waiting = null;
      this.draw(now);
    });
  }

  /** Shows a frame: what moves glides there, or is there at once. */
  see(frame, glides) {
    this.glide.to(frame, glides && !matchMedia("(prefers-reduced-motion: reduce)").matches, performance.now());
    this.later();
  }

  /** Points of the data's units under the pointer. */
  at(e) {
    const box = this.canvas.getBoundingClientRect();
    const [x0, x1, y0, y1] = this.data.window;
    return [x0 + (e.clientX - box.left) / box.width * (x1 - x0), y1 - (e.clientY - box.top) / box.height * (y1 - y0)];
  }

  draw(now) {
    const { canvas, data, layers } = this;
    const side = Math.round(canvas.clientWidth * (devicePixelRatio || 1));
    if (!side || !data) return;
    const [x0, x1, y0, y1] = data.window;
    const place = { x: v => (v - x0) / (x1 - x0) * side, y: v => (y1 - v) / (y1 - y0) * side, side, unit: side / 640 };
    const frame = this.glide.at(now);
    if (this.stale) {
      this.map.hidden = !layers.map;
      this.lines.hidden = !layers.levels;
      this.dot = null;
      const g = wiped(this.still, side);
      if (layers.data) this.dots(g, place, data.points, theme("ink"), 1.8, 0.45);
    }
    this.stale = false;
    if (frame && layers.map) this.heat(frame.map);
    if (frame && layers.levels) this.levels(wiped(this.lines, side), place, frame.map);
    const g = wiped(canvas, side);
    if (frame) {
      if (layers.grid && frame.grid) this.lattice(g, place, frame.grid);
      if (layers.arrows) this.arrows(g, place, frame);
      if (layers.samples) this.samples(g, place, frame.samples);
    }
    if (this.stroke) this.dots(g, place, this.stroke.flat(), theme("good"), 3, 0.9);
    canvas.dataset.drawn = ++this.drawn;
    if (this.glide.moves(now)) this.later();
  }

  /** Blue where the discriminator believes in data, orange where in samples, nothing where it cannot tell. */
  heat(values) {
    const n = this.data.side;
    if (!this.shades) {
      this.map.width = this.map.height = n;
      this.image = new ImageData(n, n);
      const [blue, orange] = [parse(theme("d")), parse(theme("g"))];
      this.shades = Array.from({ length: SHADES }, (_, i) => {
        const t = 2 * i / (SHADES - 1) - 1;
        // By its root, so that a faint belief is seen, too.
        return [...t > 0 ? blue : orange, Math.round(Math.sqrt(Math.abs(t)) * 170)];
      });
    }
    const bytes = this.image.data, scale = (SHADES - 1) / this.data.fine;
    for (let i = 0; i < values.length; i++) {
      const shade = this.shades[Math.round(values[i] * scale)];
      for (let k = 0; k < 4; k++) bytes[4 * i + k] = shade[k];
    }
    this.map.getContext("2d").putImageData(this.image, 0, 0);
  }

  /** Lines of equal scores, by marching squares. */
  levels(g, { side, unit }, map) {
    const n = this.data.side, cell = side / n;
    g.strokeStyle = theme("soft");
    for (const share of LEVELS) {
      const level = share * this.data.fine;
      g.beginPath();
      for (let r = 0; r + 1 < n; r++) for (let c = 0; c + 1 < n; c++) {
        const i = r * n + c, a = map[i], b = map[i + 1], d = map[i + n + 1], e = map[i + n];
        const above = (a >= level) + (b >= level) + (d >= level) + (e >= level);
        if (above === 0 || above === 4) continue;
        // From crossing to crossing around the cell.
        let pen = false;
        const cross = (from, to, x, y, dx, dy) => {
          if (from < level === to < level) return;
          const t = (level - from) / (to - from);
          const px = (x + dx * t + 0.5) * cell, py = (y + dy * t + 0.5) * cell;
          if (pen) g.lineTo(px, py);
          else g.moveTo(px, py);
          pen = !pen;
        };
        cross(a, b, c, r, 1, 0);
        cross(b, d, c + 1, r, 0, 1);
        cross(d, e, c + 1, r + 1, -1, 0);
        cross(e, a, c, r + 1, 0, -1);
      }
      g.globalAlpha = share === 0.5 ? 0.75 : 0.28;
      g.lineWidth = (share === 0.5 ? 1.8 : 1) * unit;
      g.stroke();
    }
    g.globalAlpha = 1;
  }

  dots(g, { x, y, unit }, points, colour, radius, alpha) {
    g.fillStyle = colour;
    g.globalAlpha = alpha;
    g.beginPath();
    for (let i = 0; i + 1 < points.length; i += 2) {
      const px = x(points[i]), py = y(points[i + 1]);
      g.moveTo(px + radius * unit, py);
      g.arc(px, py, radius * unit, 0, 7);
    }
    g.fill();
    g.globalAlpha = 1;
  }

  /** Samples, each a copy of one dot. */
  samples(g, { x, y, unit }, points) {
    const radius = 2.6 * unit, reach = Math.ceil(radius) + 1;
    if (!this.dot) {
      this.dot = h("canvas", { width: 2 * reach, height: 2 * reach });
      this.dots(this.dot.getContext("2d"), { x: v => v, y: v => v, unit: 1 }, [reach, reach], theme("g"), radius, 0.9);
    }
    for (let i = 0; i + 1 < points.length; i += 2) g.drawImage(this.dot, x(points[i]) - reach, y(points[i + 1]) - reach);
  }

  /** Where the generator's loss would fall, the longest of them an eighth of the plane. */
  arrows(g, { x, y, side, unit }, { samples, pull }) {
    const lengths = new Float32Array(pull.length / 2);
    for (let k = 0; k < lengths.length; k++) lengths[k] = Math.hypot(pull[2 * k], pull[2 * k + 1]);
    const long = lengths.slice().sort()[Math.floor(lengths.length * 0.98)] || 1;
    g.strokeStyle = theme("g");
    g.globalAlpha = 0.6;
    g.lineWidth = 1.2 * unit;
    g.beginPath();
    lengths.forEach((length, k) => {
      if (!(length > 0)) return;
      const reach = Math.min(1, length / long) * side / 12;
      const px = x(samples[2 * k]), py = y(samples[2 * k + 1]);
      const dx = pull[2 * k] / length, dy = -pull[2 * k + 1] / length;
      const tx = px + dx * reach, ty = py + dy * reach;
      g.moveTo(px, py);
      g.lineTo(tx, ty);
      if (reach > 5 * unit) {
        // Two barbs, turned back by 31 degrees.
        const [back, aside] = [3.86 * unit, 2.32 * unit];
        g.moveTo(tx - dx * back - dy * aside, ty - dy * back + dx * aside);
        g.lineTo(tx, ty);
        g.lineTo(tx - dx * back + dy * aside, ty - dy * back - dx * aside);
      }
    });
    g.stroke();
    g.globalAlpha = 1;
  }

  /** The generator as a map: a square grid of latents, and where it comes to lie. */
  lattice(g, { x, y, unit }, points) {
    const n = this.data.lines;
    g.strokeStyle = theme("g");
    g.globalAlpha = 0.75;
    g.lineWidth = unit;
    g.beginPath();
    const to = (r, c, first) => {
      const i = 2 * (r * n + c);
      if (first) g.moveTo(x(points[i]), y(points[i + 1]));
      else g.lineTo(x(points[i]), y(points[i + 1]));
    };
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) to(a, b, b === 0);
      for (let b = 0; b < n; b++) to(b, a, b === 0);
    }
    g.stroke();
    g.globalAlpha = 1;
  }
}
