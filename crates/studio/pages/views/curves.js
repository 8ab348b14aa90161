// Curves of one run or of several over each other.
import { get } from "../lib/api.js";
import { Chart } from "../lib/chart.js";
import { enc, field, fill, grouped, h, number, prose, select } from "../lib/dom.js";

const COLOURS = 8;
const HIDDEN = new Set(["images", "seconds"]);

/** Names in groups, a chart each: `loss/generator` is of `loss`; numbers of another magnitude have a chart of their own. */
const groups = all => {
  const found = new Map();
  for (const name of all) {
    if (HIDDEN.has(name)) continue;
    const group = name.includes("/") ? name.slice(0, name.indexOf("/")) : name;
    if (!found.has(group)) found.set(group, []);
    found.get(group).push(name);
  }
  const out = [];
  for (const [group, names] of [...found].sort()) {
    const believed = names.filter(n => n === "d/real" || n === "d/fake");
    const rest = names.filter(n => !believed.includes(n));
    if (believed.length) out.push({ title: "D(x) and D(G(z))", names: believed.reverse(), bounds: [0, 1], level: 0.5 });
    if (group === "loss" || rest.length > 1 && group !== "points" && group !== "d") out.push({ title: group, names: rest.sort() });
    else for (const n of rest.sort()) out.push({ title: n, names: [n] });
  }
  // Losses and what the discriminator believes come first.
  const rank = g => g.title === "loss" ? 0 : g.bounds ? 1 : 2;
  return out.filter(g => g.names.length).sort((a, b) => rank(a) - rank(b));
};

const short = { "d/real": "D(x)", "d/fake": "D(G(z))" };
const shortName = (name, group) => short[name] ?? (group.names.length > 1 ? name.slice(name.indexOf("/") + 1) : name);

/** The charts of some runs; `series` maps a run to `{steps, series}`. */
export class Curves {
  constructor(signal) {
    this.signal = signal;
    this.zoom = { range: null, listeners: new Set() };
    this.charts = new Map();
    this.runs = new Map();
    this.weight = 0;
    const slider = h("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: 0, oninput: e => {
      this.weight = Number(e.target.value);
      said.textContent = this.weight.toFixed(2);
      this.draw();
    } });
    const said = h("output", {}, "0.00");
    this.tools = h("div", { class: "row" },
      h("label", { class: "smoothing small soft" }, "Smoothing", slider, said),
      h("button", { class: "tiny", type: "button", onclick: () => this.reset() }, "Whole range"));
    this.grid = h("div", { class: "charts" });
    this.none = h("p", { class: "soft" }, "No numbers yet.");
    this.element = h("div", { class: "stack" }, this.tools, this.none, this.grid);
  }

  reset() {
    this.zoom.range = null;
    this.draw();
  }

  /** Forgets what was told of a run. */
  clear(run) {
    this.runs.set(run, { steps: [], series: {} });
  }

  remove(run) {
    this.runs.delete(run);
    this.draw();
  }

  /** Adds new lines of a run. */
  add(run, { steps, series }) {
    if (!this.runs.has(run)) this.clear(run);
    const of = this.runs.get(run);
    const before = of.steps.length;
    of.steps.push(...steps);
    for (const name of Object.keys(series)) of.series[name] ??= Array(before).fill(null);
    for (const [name, values] of Object.entries(of.series)) values.push(...series[name] ?? Array(steps.length).fill(null));
    this.draw();
  }

  draw() {
    const names = new Set([...this.runs.values()].flatMap(r => Object.keys(r.series)));
    const wanted = groups(names);
    this.none.hidden = wanted.length > 0;
    for (const [title, chart] of this.charts) {
      if (!wanted.some(g => g.title === title)) {
        chart.remove();
        this.charts.delete(title);
      }
    }
    const many = this.runs.size > 1;
    for (const group of wanted) {
      if (!this.charts.has(group.title)) this.charts.set(group.title, new Chart(group.title, { zoom: this.zoom, bounds: group.bounds, level: group.level, signal: this.signal }));
      const chart = this.charts.get(group.title);
      const lines = [];
      [...this.runs].forEach(([run, { steps, series }], r) => group.names.forEach(name => {
        if (!series[name]) return;
        const of = shortName(name, group);
        // A run keeps its colour from chart to chart where it has one line in each.
        const colour = group.names.length > 1 ? lines.length : r;
        const alone = !many && group.names.length === 1;
        lines.push({ name: alone ? "" : many ? `${run}${group.names.length > 1 ? `: ${of}` : ""}` : of, colour: `c${colour % COLOURS}`, steps, values: series[name] });
      }));
      chart.update(lines, this.weight);
    }
    fill(this.grid, wanted.map(g => this.charts.get(g.title).element));
  }
}

/** What the recipes of two runs differ in. */
export const difference = async (first, second, signal) => {
  const changes = await get(`runs/${enc(first)}/difference/${enc(second)}`, signal);
  if (!changes.length) return h("p", { class: "note good" }, "The two recipes are equal.");
  return h("div", { class: "scroll" }, h("table", { class: "difference" },
    h("thead", {}, h("tr", {}, h("th", {}, "key"), h("th", {}, first), h("th", {}, second))),
    h("tbody", {}, changes.map(c => h("tr", {}, h("td", {}, c.key), h("td", {}, c.was ?? "–"), h("td", {}, c.is ?? "–"))))));
};

/** The table of judged checkpoints. */
export const evaluationTable = ({ rows, better, best }) => {
  if (!rows.length) return h("p", { class: "soft" }, prose("Not judged yet: `menagerie evaluate` does, or `evaluate.every` while training."));
  const names = [...new Set(rows.flatMap(r => Object.keys(r.figures)))].sort();
  const arrow = n => better[n] === true ? " ↑" : better[n] === false ? " ↓" : "";
  const cell = f => f ? h("td", { class: "number", title: f.warning ?? "" }, number(f.value), f.error === null ? "" : h("span", { class: "soft" }, ` ± ${number(f.error)}`), f.warning ? " ⚠" : "") : h("td", { class: "number" }, "–");
  return h("div", { class: "stack" },
    best && h("p", { class: "small" }, `Best by ${best.metric}: ${number(best.value)} at step ${best.step}`),
    h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { class: "number" }, "step"), names.map(n => h("th", { class: "number", title: better[n] === true ? "more is better" : better[n] === false ? "less is better" : "" }, n + arrow(n))))),
      h("tbody", {}, rows.map(r => h("tr", { class: best?.step === r.step ? "best" : "" }, h("td", { class: "number" }, r.step), names.map(n => cell(r.figures[n]))))))));
};

/** Runs side by side: what each makes now, what it cost, and the figures that may be compared. */
const comparison = async (names, signal) => {
  const [{ rows, columns }, runs] = await Promise.all([get(`comparison?${names.map(n => `run=${enc(n)}`).join("&")}`, signal), get("runs", signal)]);
  const newest = name => runs.find(r => r.name === name)?.picture;
  const picture = name => newest(name) === null || newest(name) === undefined ? null : h("img", { class: "picture pixels", src: `/api/runs/${enc(name)}/samples/${newest(name)}.png`, alt: `samples of ${name}` });
  const cell = (c, i) => {
    const f = c.figures[i];
    return h("td", { class: `number${c.best.includes(i) ? " winner" : ""}`, title: f?.warning ?? "" }, f ? number(f.value) : "–", f && f.error !== null ? h("span", { class: "soft" }, ` ± ${number(f.error)}`) : "");
  };
  const arrow = c => c.more_is_better === true ? " ↑" : c.more_is_better === false ? " ↓" : "";
  const unranked = columns.filter(c => c.differences.length);
  return [
    h("section", { class: "panel stack" }, h("h2", {}, "Newest samples"), h("div", { class: "beside" }, names.map(n => h("figure", {}, picture(n), h("figcaption", {}, h("a", { href: `#/run/${enc(n)}` }, n)))))),
    h("section", { class: "panel stack" }, h("h2", {}, "Evaluations"),
      columns.length ? null : h("p", { class: "soft" }, prose("None of them was judged yet: `menagerie evaluate` does.")),
      h("div", { class: "scroll" }, h("table", {},
        h("thead", {}, h("tr", {}, ["run", "model"].map(t => h("th", {}, t)), ["parameters", "step"].map(t => h("th", { class: "number" }, t)), columns.map(c => h("th", { class: "number" }, c.metric + arrow(c) + (c.differences.length ? " *" : ""))))),
        h("tbody", {}, rows.map((r, i) => h("tr", {}, h("td", {}, r.run), h("td", {}, r.model), h("td", { class: "number" }, grouped(r.parameters)), h("td", { class: "number" }, r.step ?? "–"), columns.map(c => cell(c, i))))))),
      unranked.length > 0 && h("p", { class: "small soft" }, `* not ranked, since their definitions differ: ${unranked.map(c => `${c.metric} in ${c.differences.join(", ")}`).join("; ")}`))];
};

/** Pictures of a run in a comparison. */
const SEEDS = 6;

/** What runs draw by the same seeds and, where all of them draw by class, of the same class. */
const sameDraws = async (names, signal) => {
  const spaces = await Promise.all(names.map(n => get(`runs/${enc(n)}/space`, signal).catch(() => null)));
  const able = names.map((name, i) => ({ name, space: spaces[i] })).filter(r => r.space?.capabilities.includes("sample") && r.space.kind !== "audio");
  if (!able.length) return null;
  const common = able[0].space.labels.filter(l => able.every(r => r.space.by_class && r.space.labels.includes(l)));
  const rows = able.map(r => ({ ...r, shown: h("div", { class: "strip", tabindex: 0 }) }));
  const draw = () => rows.forEach(({ name, space, shown }) => fill(shown, Array.from({ length: SEEDS }, (_, i) => {
    const query = new URLSearchParams({ seed: Number(seed.value) + i });
    if (label.value) query.set("label", label.value);
    return h("figure", {}, h("img", { class: space.shape[1] < 160 ? "pixels" : "", src: `/api/runs/${enc(name)}/${space.kind === "video" ? "sample.gif" : "sample.png"}?${query}`, alt: `seed ${Number(seed.value) + i} of ${name}` }), h("figcaption", {}, `seed ${Number(seed.value) + i}`));
  })));
  const seed = h("input", { type: "number", min: 0, max: 1e9, value: 0, id: "same-seed", style: { width: "8em" }, onchange: draw });
  const label = select([["", "any"], ...common], "", { id: "same-class", onchange: draw });
  draw();
  return h("section", { class: "panel stack", id: "same" },
    h("div", { class: "between" }, h("h2", {}, "The same seeds"), h("div", { class: "row" }, field("from seed", seed), common.length > 0 && field("class", label))),
    rows.map(({ name, shown }) => h("div", {}, h("h3", {}, h("a", { href: `#/run/${enc(name)}` }, name)), shown)));
};

/** The page: several runs over each other. */
export const show = async (root, { query }, signal) => {
  const names = query.getAll("run").slice(0, 8);
  document.title = "Comparison – Menagerie studio";
  if (names.length < 2) throw new Error("choose two runs or more");
  const curves = new Curves(signal);
  const read = async () => {
    const all = await Promise.all(names.map(n => get(`runs/${enc(n)}/metrics`, signal)));
    all.forEach((columns, i) => {
      curves.clear(names[i]);
      curves.add(names[i], columns);
    });
  };
  await read();
  const [differences, beside, same] = await Promise.all([Promise.all(names.slice(1).map(n => difference(names[0], n, signal))), comparison(names, signal), sameDraws(names, signal)]);
  fill(root,
    h("div", { class: "head" }, h("h1", {}, `${names.length} runs compared`)),
    h("div", { class: "stack" },
      h("section", { class: "panel" }, h("h2", {}, "Curves"), curves.element),
      beside, same,
      h("section", { class: "panel stack" }, h("h2", {}, "What their recipes differ in"), differences)));
  curves.draw();
  const timer = setInterval(() => document.hidden || read().catch(() => {}), 4000);
  signal.addEventListener("abort", () => clearInterval(timer));
};
