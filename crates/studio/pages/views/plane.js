// The plane of the game: what the discriminator thinks, data, samples, where they are pulled, the generator's grid.
import { h, theme } from "../lib/dom.js";

const parse = colour => {
  const n = parseInt(colour.slice(1), 16);
  return [n >> 16, n >> 8 & 255, n & 255];
};

export class Plane {
  constructor(signal) {
    this.canvas = h("canvas", { role: "img", "aria-label": "the plane: data, samples and what the discriminator thinks of every place" });
    this.element = h("div", { class: "plane" }, this.canvas);
    this.layers = { map: true, levels: true, data: true, samples: true, arrows: true, grid: false };
    this.data = null;
    this.frame = null;
    this.stroke = null;
    this.drawn = 0;
    this.map = h("canvas");
    new ResizeObserver(() => this.later()).observe(this.canvas);
    addEventListener("themed", () => this.later(), { signal });
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  /** Points of the data's units under the pointer. */
  at(e) {
    const box = this.canvas.getBoundingClientRect();
    const [x0, x1, y0, y1] = this.data.window;
    return [x0 + (e.clientX - box.left) / box.width * (x1 - x0), y1 - (e.clientY - box.top) / box.height * (y1 - y0)];
  }

  draw() {
    const { canvas, data } = this;
    const side = Math.round(canvas.clientWidth * (devicePixelRatio || 1));
    if (!side || !data) return;
    canvas.width = canvas.height = side;
    const g = canvas.getContext("2d");
    const [x0, x1, y0, y1] = data.window;
    const x = v => (v - x0) / (x1 - x0) * side, y = v => (y1 - v) / (y1 - y0) * side;
    g.fillStyle = theme("surface");
    g.fillRect(0, 0, side, side);
    const place = { x, y, side, unit: side / 640 };
    if (this.frame) {
      if (this.layers.map) this.heat(g, place);
      if (this.layers.levels) this.levels(g, place);
    }
    if (this.layers.data) this.dots(g, place, data.points, theme("ink"), 1.8, 0.45);
    if (this.frame) {
      if (this.layers.grid && this.frame.grid) this.lattice(g, place);
      if (this.layers.arrows) this.arrows(g, place);
      if (this.layers.samples) this.dots(g, place, this.frame.samples, theme("g"), 2.6, 0.9);
    }
    if (this.stroke) this.dots(g, place, this.stroke.flat(), theme("good"), 3, 0.9);
    this.drawn++;
    canvas.dataset.drawn = this.drawn;
  }

  /** Blue where the discriminator believes in data, orange where in samples, nothing where it cannot tell. */
  heat(g, { side }) {
    const n = this.data.side, { map } = this;
    map.width = map.height = n;
    const image = new ImageData(n, n);
    const [blue, orange] = [parse(theme("d")), parse(theme("g"))];
    this.frame.map.forEach((v, i) => {
      const t = 2 * v / this.data.fine - 1;
      const colour = t > 0 ? blue : orange;
      // By its root, so that a faint belief is seen, too.
      image.data.set([...colour, Math.round(Math.sqrt(Math.abs(t)) * 170)], 4 * i);
    });
    map.getContext("2d").putImageData(image, 0, 0);
    g.imageSmoothingEnabled = true;
    g.imageSmoothingQuality = "high";
    g.drawImage(map, 0, 0, side, side);
  }

  /** Lines of equal scores, by marching squares; the middle one is heavier. */
  levels(g, { side, unit }) {
    const n = this.data.side, { map } = this.frame, cell = side / n;
    for (const share of [0.1, 0.25, 0.5, 0.75, 0.9]) {
      const level = share * this.data.fine;
      g.beginPath();
      for (let r = 0; r + 1 < n; r++) for (let c = 0; c + 1 < n; c++) {
        const corner = [map[r * n + c], map[r * n + c + 1], map[(r + 1) * n + c + 1], map[(r + 1) * n + c]];
        const crossings = [];
        for (let k = 0; k < 4; k++) {
          const a = corner[k], b = corner[(k + 1) % 4];
          if (a < level === b < level) continue;
          const t = (level - a) / (b - a);
          const [px, py] = [[c + t, r], [c + 1, r + t], [c + 1 - t, r + 1], [c, r + 1 - t]][k];
          crossings.push([(px + 0.5) * cell, (py + 0.5) * cell]);
        }
        for (let k = 0; k + 1 < crossings.length; k += 2) {
          g.moveTo(...crossings[k]);
          g.lineTo(...crossings[k + 1]);
        }
      }
      g.strokeStyle = theme("soft");
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
      const [px, py] = [x(points[i]), y(points[i + 1])];
      g.moveTo(px + radius * unit, py);
      g.arc(px, py, radius * unit, 0, 7);
    }
    g.fill();
    g.globalAlpha = 1;
  }

  /** Where the generator's loss would fall, the longest of them an eighth of the plane. */
  arrows(g, { x, y, side, unit }) {
    const { samples, pull } = this.frame;
    const lengths = [];
    for (let i = 0; i < pull.length; i += 2) lengths.push(Math.hypot(pull[i], pull[i + 1]));
    const long = [...lengths].sort((a, b) => a - b)[Math.floor(lengths.length * 0.98)] || 1;
    g.strokeStyle = theme("g");
    g.globalAlpha = 0.6;
    g.lineWidth = 1.2 * unit;
    g.beginPath();
    lengths.forEach((length, k) => {
      if (!(length > 0)) return;
      const reach = Math.min(1, length / long) * side / 12;
      const [px, py] = [x(samples[2 * k]), y(samples[2 * k + 1])];
      const [dx, dy] = [pull[2 * k] / length * reach, -pull[2 * k + 1] / length * reach];
      const [tx, ty] = [px + dx, py + dy];
      g.moveTo(px, py);
      g.lineTo(tx, ty);
      if (reach > 5 * unit) {
        const angle = Math.atan2(dy, dx);
        for (const turn of [2.6, -2.6]) {
          g.moveTo(tx, ty);
          g.lineTo(tx + 4.5 * unit * Math.cos(angle + turn), ty + 4.5 * unit * Math.sin(angle + turn));
        }
      }
    });
    g.stroke();
    g.globalAlpha = 1;
  }

  /** The generator as a map: a square grid of latents, and where it comes to lie. */
  lattice(g, { x, y, unit }) {
    const n = this.data.lines, points = this.frame.grid;
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
