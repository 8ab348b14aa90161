// Curves by uPlot: what of it is drawn, how it is zoomed, and what is told of it in words.
import { fill, h, number, theme } from "./dom.js";
import uPlot from "./uPlot.esm.js";

// Its style is there before the first curve is.
await new Promise(done => document.head.append(h("link", { rel: "stylesheet", href: new URL("uPlot.min.css", import.meta.url).href, onload: done, onerror: done })));

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

const tick = v => Math.abs(v) >= 1e6 ? v.toExponential(0) : Math.abs(v) >= 1e4 ? `${+(v / 1e3).toFixed(1)}k` : number(+v.toPrecision(8));
const finite = values => values.map(v => Number.isFinite(v) ? v : null);

/** Dragging by a finger, as dragging by a mouse. */
const touched = ({ over }) => {
  for (const [touch, mouse] of [["pointerdown", "mousedown"], ["pointermove", "mousemove"], ["pointerup", "mouseup"], ["pointerleave", "mouseleave"]]) {
    over.addEventListener(touch, e => e.pointerType !== "mouse" && over.dispatchEvent(new MouseEvent(mouse, e)));
  }
};

/**
 * A chart of lines `{name, colour, steps, values}`. `zoom` is shared by charts that move together: `{range, listeners}`.
 * `bounds` are those of the values, where they are known; `level` is a line across.
 */
export class Chart {
  constructor(title, { zoom, bounds = null, level = null, signal }) {
    Object.assign(this, { title, zoom, bounds, level, lines: [], weight: 0, later: this.later.bind(this) });
    this.place = h("div", { class: "plot", tabindex: 0, role: "img", "aria-label": title, onkeydown: e => this.key(e) });
    this.legend = h("div", { class: "legend" });
    this.element = h("div", { class: "chart stack" }, h("h3", {}, title), this.place, this.legend);
    this.sized = new ResizeObserver(this.later);
    this.sized.observe(this.place);
    addEventListener("themed", this.later, { signal });
    signal.addEventListener("abort", () => this.remove());
    zoom.listeners.add(this.later);
  }

  remove() {
    this.sized.disconnect();
    this.zoom.listeners.delete(this.later);
    this.element.remove();
    this.plot?.destroy();
    this.plot = null;
  }

  key(e) {
    const [from, to] = this.range(), [first, last] = this.whole();
    const width = to - from;
    if (e.key === "Escape") this.set(null);
    else if (e.key === "+" || e.key === "=") this.set([from + width / 4, to - width / 4]);
    else if (e.key === "-") this.set(width * 2 >= last - first ? null : [from - width / 2, to + width / 2]);
    else if (e.key === "ArrowLeft") this.set([from - width / 5, to - width / 5]);
    else if (e.key === "ArrowRight") this.set([from + width / 5, to + width / 5]);
    else return;
    e.preventDefault();
  }

  set(range) {
    this.zoom.range = range;
    for (const draw of this.zoom.listeners) draw();
  }

  whole() {
    const steps = this.lines.flatMap(l => [l.steps[0], l.steps.at(-1)]).filter(s => s !== undefined);
    const [from, to] = steps.length ? [Math.min(...steps), Math.max(...steps)] : [0, 1];
    return from < to ? [from, to] : [from - 1, to + 1];
  }

  range() {
    return this.zoom.range ?? this.whole();
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

  draw() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!width || !height || !this.lines.length) return;
    // Smoothed lines, and behind them what they are of.
    const smoothed = this.lines.map(l => ({ ...l, values: smooth(l.values, this.weight) }));
    const behind = this.weight > 0 ? this.lines.map(l => ({ ...l, behind: true })) : [];
    const all = [...behind, ...smoothed];
    const data = uPlot.join(all.map(l => [l.steps, finite(l.values)]));
    if (this.level !== null) data.push(data[0].map(() => this.level));
    this.first = behind.length + 1;
    const drawn = all.map(l => `${l.colour} ${l.behind}`).join();
    if (drawn !== this.drawn || !this.plot) {
      this.plot?.destroy();
      this.plot = new uPlot(this.options(all, width, height), data, this.place);
      touched(this.plot);
      this.drawn = drawn;
    } else {
      if (this.plot.width !== width || this.plot.height !== height) this.plot.setSize({ width, height });
      this.plot.setData(data);
    }
    this.tell();
  }

  options(lines, width, height) {
    const axis = { stroke: () => theme("faint"), font: "11px system-ui, sans-serif", ticks: { show: false }, values: (_, all) => all.map(tick) };
    const series = lines.map(({ colour, behind }) => ({ stroke: () => theme(colour), width: behind ? 1 : 1.6, alpha: behind ? 0.22 : 1, auto: !behind, class: behind ? "behind" : "before" }));
    const level = { stroke: () => theme("faint"), width: 1, dash: [4, 4], points: { show: false }, class: "behind" };
    const padded = (low, high) => {
      if (low === null) return [0, 1];
      const pad = (high - low || Math.abs(high) || 1) * 0.06;
      return [low - pad, high + pad];
    };
    return {
      width, height, padding: [8, 10, 0, 0], legend: { show: false },
      scales: { x: { time: false, range: () => this.range() }, y: { range: (_, low, high) => this.bounds ?? padded(low, high) } },
      axes: [{ ...axis, size: 22, gap: 4, space: 80, grid: { show: false } }, { ...axis, size: 52, gap: 4, space: 32, grid: { stroke: () => theme("line"), width: 1 } }],
      series: [{}, ...series, ...this.level === null ? [] : [level]],
      cursor: { y: false, drag: { setScale: false, dist: 6 }, hover: { skip: [null] }, points: { size: 6 }, bind: { dblclick: () => () => this.set(null) } },
      hooks: { setCursor: [() => this.tell()], setSelect: [plot => this.selected(plot)] },
    };
  }

  /** What was dragged over is all that is seen. */
  selected(plot) {
    const { left, width } = plot.select;
    if (!width) return;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.set([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
  }

  /** The values under the pointer, in the legend; for who does not see the curves, the last ones, and what part is seen. */
  tell() {
    const { data, cursor } = this.plot ?? {};
    if (!data || !this.first) return;
    const under = cursor.idx ?? null;
    const items = this.lines.map(({ name, colour }, i) => {
      const at = under === null ? null : cursor.idxs[this.first + i];
      const text = under === null ? name : `${name} ${number(data[this.first + i][at])}`;
      return text.trim() && h("span", {}, h("i", { style: { "--colour": `var(--${colour})` } }), text);
    });
    fill(this.legend, items, under === null ? null : h("span", { class: "mono" }, `step ${data[0][under]}`));
    const last = this.lines.map(({ name, values }) => `${name} ${number(values.findLast(Number.isFinite))}`.trim());
    this.place.setAttribute("aria-label", `${this.title}, steps ${this.range().map(number).join(" to ")}; at step ${data[0].at(-1)}: ${last.join(", ")}`);
  }
}
