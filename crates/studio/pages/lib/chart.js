// Curves on a canvas: smoothing, a cross hair with values, and zooming by dragging.
import { fill, h, number, theme } from "./dom.js";

const MARGIN = { left: 52, right: 10, top: 8, bottom: 22 };

/** An exponential average that begins unbiased; gaps stay gaps. */
export const smooth = (values, weight) => {
  if (weight <= 0) return values;
  let mean = 0, mass = 0;
  return values.map(v => {
    if (v === null || !Number.isFinite(v)) return v;
    mean = weight * mean + (1 - weight) * v;
    mass = weight * mass + (1 - weight);
    return mean / mass;
  });
};

/** Round numbers between two, about as many as asked for. */
const ticks = (low, high, count) => {
  const raw = (high - low) / Math.max(1, count);
  if (!(raw > 0)) return [low];
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * unit).find(s => s >= raw);
  const out = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) out.push(i * step);
  return out;
};

const tick = v => Math.abs(v) >= 1e6 ? v.toExponential(0) : Math.abs(v) >= 1e4 ? `${+(v / 1e3).toFixed(1)}k` : number(+v.toPrecision(8));

/**
 * A chart of lines `{name, colour, steps, values}`. `zoom` is shared by charts that move together: `{range, listeners}`.
 * `bounds` are those of the values, where they are known; `level` is a line across.
 */
export class Chart {
  constructor(title, { zoom, bounds = null, level = null, signal }) {
    Object.assign(this, { zoom, bounds, level, lines: [], weight: 0, at: null, drag: null });
    this.canvas = h("canvas", { tabindex: 0, role: "img", "aria-label": title });
    this.legend = h("div", { class: "legend" });
    this.element = h("div", { class: "chart stack" }, h("h3", {}, title), this.canvas, this.legend);
    const draw = () => this.later();
    new ResizeObserver(draw).observe(this.canvas);
    addEventListener("themed", draw, { signal });
    zoom.listeners.add(draw);
    this.listen();
  }

  listen() {
    const c = this.canvas;
    const place = e => e.clientX - c.getBoundingClientRect().left;
    c.addEventListener("pointerdown", e => {
      if (e.button !== 0) return;
      c.setPointerCapture(e.pointerId);
      this.drag = [place(e), place(e)];
    });
    c.addEventListener("pointermove", e => {
      this.at = place(e);
      if (this.drag) this.drag[1] = this.at;
      this.later();
    });
    c.addEventListener("pointerup", () => {
      if (this.drag && Math.abs(this.drag[1] - this.drag[0]) > 6) this.set(this.drag.map(x => this.stepAt(x)).sort((a, b) => a - b));
      this.drag = null;
      this.later();
    });
    c.addEventListener("pointerleave", () => {
      this.at = null;
      this.later();
    });
    c.addEventListener("dblclick", () => this.set(null));
    c.addEventListener("keydown", e => {
      const [from, to] = this.range();
      const width = to - from;
      if (e.key === "Escape") this.set(null);
      else if (e.key === "+" || e.key === "=") this.set([from + width / 4, to - width / 4]);
      else if (e.key === "-") this.set(width * 2 >= this.whole()[1] - this.whole()[0] ? null : [from - width / 2, to + width / 2]);
      else if (e.key === "ArrowLeft") this.set([from - width / 5, to - width / 5]);
      else if (e.key === "ArrowRight") this.set([from + width / 5, to + width / 5]);
      else return;
      e.preventDefault();
    });
  }

  set(range) {
    this.zoom.range = range;
    for (const draw of this.zoom.listeners) draw();
  }

  whole() {
    let from = Infinity, to = -Infinity;
    for (const { steps } of this.lines) {
      if (!steps.length) continue;
      from = Math.min(from, steps[0]);
      to = Math.max(to, steps[steps.length - 1]);
    }
    return from < to ? [from, to] : [Number.isFinite(from) ? from - 1 : 0, Number.isFinite(to) ? to + 1 : 1];
  }

  range() {
    return this.zoom.range ?? this.whole();
  }

  stepAt(x) {
    const [from, to] = this.range();
    return from + (x - MARGIN.left) / Math.max(1, this.canvas.clientWidth - MARGIN.left - MARGIN.right) * (to - from);
  }

  update(lines, weight = this.weight) {
    this.lines = lines;
    this.weight = weight;
    this.later();
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  /** Smallest and largest value in sight. */
  extent(smoothed, from, to) {
    if (this.bounds) return this.bounds;
    let low = this.level ?? Infinity, high = this.level ?? -Infinity;
    this.lines.forEach(({ steps }, i) => steps.forEach((s, k) => {
      const v = smoothed[i][k];
      if (s < from || s > to || v === null || !Number.isFinite(v)) return;
      low = Math.min(low, v);
      high = Math.max(high, v);
    }));
    if (low > high) return [0, 1];
    const pad = (high - low || Math.abs(high) || 1) * 0.06;
    return [low - pad, high + pad];
  }

  draw() {
    const { canvas } = this, ratio = devicePixelRatio || 1;
    const [w, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!w || !height) return;
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(height * ratio);
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    g.font = "11px system-ui, sans-serif";
    const [from, to] = this.range();
    const smoothed = this.lines.map(l => smooth(l.values, this.weight));
    const [low, high] = this.extent(smoothed, from, to);
    const right = w - MARGIN.right, bottom = height - MARGIN.bottom;
    const x = s => MARGIN.left + (s - from) / (to - from || 1) * (right - MARGIN.left);
    const y = v => bottom - (v - low) / (high - low || 1) * (bottom - MARGIN.top);
    this.axes(g, { from, to, low, high, x, y, right, bottom });
    g.save();
    g.beginPath();
    g.rect(MARGIN.left, MARGIN.top - 2, right - MARGIN.left, bottom - MARGIN.top + 4);
    g.clip();
    this.lines.forEach((line, i) => {
      const trace = (values, alpha, width) => {
        g.globalAlpha = alpha;
        g.lineWidth = width;
        g.strokeStyle = theme(line.colour);
        g.beginPath();
        let pen = false;
        line.steps.forEach((s, k) => {
          const v = values[k];
          if (v === null || !Number.isFinite(v)) {
            pen = false;
            return;
          }
          if (pen) g.lineTo(x(s), y(v));
          else g.moveTo(x(s), y(v));
          pen = true;
        });
        g.stroke();
      };
      if (this.weight > 0) trace(line.values, 0.22, 1);
      trace(smoothed[i], 1, 1.6);
    });
    g.restore();
    g.globalAlpha = 1;
    this.cross(g, { x, y, smoothed, bottom, from, to });
  }

  axes(g, { from, to, low, high, x, y, right, bottom }) {
    g.strokeStyle = theme("line");
    g.fillStyle = theme("faint");
    g.lineWidth = 1;
    g.textAlign = "right";
    g.textBaseline = "middle";
    for (const v of ticks(low, high, 4)) {
      g.beginPath();
      g.moveTo(MARGIN.left, Math.round(y(v)) + 0.5);
      g.lineTo(right, Math.round(y(v)) + 0.5);
      g.stroke();
      g.fillText(tick(v), MARGIN.left - 7, y(v));
    }
    g.textAlign = "center";
    g.textBaseline = "top";
    for (const s of ticks(from, to, Math.max(2, (right - MARGIN.left) / 80))) g.fillText(tick(s), Math.min(Math.max(x(s), MARGIN.left + 8), right - 10), bottom + 6);
    if (this.level !== null) {
      g.setLineDash([4, 4]);
      g.strokeStyle = theme("faint");
      g.beginPath();
      g.moveTo(MARGIN.left, y(this.level));
      g.lineTo(right, y(this.level));
      g.stroke();
      g.setLineDash([]);
    }
  }

  /** The values under the pointer, in the legend, and the part that is dragged over. */
  cross(g, { x, y, smoothed, bottom, from, to }) {
    if (this.drag) {
      g.fillStyle = theme("accent");
      g.globalAlpha = 0.15;
      g.fillRect(Math.min(...this.drag), MARGIN.top, Math.abs(this.drag[1] - this.drag[0]), bottom - MARGIN.top);
      g.globalAlpha = 1;
    }
    const step = this.at === null ? null : Math.min(to, Math.max(from, this.stepAt(this.at)));
    let told = null;
    const items = this.lines.map((line, i) => {
      let text = line.name;
      if (step !== null && line.steps.length) {
        let k = line.steps.findIndex(s => s >= step);
        if (k < 0) k = line.steps.length - 1;
        if (k > 0 && step - line.steps[k - 1] < line.steps[k] - step) k--;
        const v = smoothed[i][k];
        text += ` ${number(v)}`;
        told ??= line.steps[k];
        if (v !== null && Number.isFinite(v)) {
          g.fillStyle = theme(line.colour);
          g.beginPath();
          g.arc(x(line.steps[k]), y(v), 3, 0, 7);
          g.fill();
        }
      }
      const mark = h("i");
      mark.style.setProperty("--colour", `var(--${line.colour})`);
      return text.trim() && h("span", {}, mark, text);
    });
    if (told !== null) {
      g.strokeStyle = theme("strong");
      g.beginPath();
      g.moveTo(x(told), MARGIN.top);
      g.lineTo(x(told), bottom);
      g.stroke();
      items.push(h("span", { class: "mono" }, `step ${told}`));
    }
    fill(this.legend, items);
  }
}
