// The game of two on points of the plane.
import { follow, get, post } from "../lib/api.js";
import { Chart } from "../lib/chart.js";
import { attempt, enc, field, fill, grouped, h, number, select, tell, theme } from "../lib/dom.js";
import { Plane } from "./plane.js";

const SPEEDS = [[1, "1 step / s"], [5, "5 steps / s"], [25, "25 steps / s"], [100, "100 steps / s"], [0, "full speed"]];
const OBJECTIVES = [["", "the recipe's"], ["non-saturating", "non-saturating"], ["minimax", "minimax"], ["least-squares", "least squares"], ["hinge", "hinge"], ["wasserstein", "Wasserstein"]];
const LAYERS = [["map", "D's map"], ["levels", "level lines"], ["data", "data"], ["samples", "samples"], ["arrows", "gradients"], ["grid", "G's grid"]];
/** Learning rates on the slider: powers of ten from here to there. */
const RATES = [-6, -1];
const KEPT = 1500;
/** Pictures that are kept, to go back to: of the newest each, of those before them ever fewer, back to the first. */
const PAST = 400, NEWEST = 100;
/** Rows of a table that a game is played on. */
const MOST_ROWS = 16000;

/** Numbers and curves beside the plane change no more often than this, in milliseconds: faster nobody reads them. */
const READABLE = 120;

/** What the discriminator says of data and of samples, as bars. */
const histogram = signal => {
  const canvas = h("canvas", { role: "img", "aria-label": "scores of data and of samples" });
  let last = null;
  const draw = frame => {
    last = frame ?? last;
    if (!last) return;
    const ratio = devicePixelRatio || 1, [w, height] = [canvas.clientWidth, canvas.clientHeight];
    const g = canvas.getContext("2d");
    if (canvas.width !== Math.round(w * ratio)) [canvas.width, canvas.height] = [Math.round(w * ratio), Math.round(height * ratio)];
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, height);
    const most = Math.max(1, ...last.bars.flat()), base = height - 14;
    last.bars.forEach((bars, who) => {
      g.fillStyle = theme(who ? "g" : "d");
      g.globalAlpha = 0.62;
      const width = w / bars.length;
      bars.forEach((n, i) => g.fillRect(i * width + 0.5, base - n / most * (base - 2), width - 1, n / most * (base - 2)));
    });
    g.globalAlpha = 1;
    g.fillStyle = theme("faint");
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "bottom";
    g.textAlign = "left";
    g.fillText(number(last.scale[0]), 0, height);
    g.textAlign = "right";
    g.fillText(number(last.scale[1]), w, height);
    g.textAlign = "center";
    g.fillText(last.probability ? "D(x)" : "score", w / 2, height);
  };
  addEventListener("themed", () => draw(), { signal });
  return { canvas, draw };
};

/** A learning rate on a slider. */
const rateOf = (player, short, move) => {
  const said = h("output");
  const slider = h("input", { type: "range", min: RATES[0], max: RATES[1], step: 0.05, "aria-label": `learning rate of the ${player}`, oninput: () => {
    const value = Number((10 ** slider.value).toPrecision(2));
    said.textContent = value.toExponential(1);
    held = Date.now();
    move({ move: "rate", player, value });
  } });
  let held = 0;
  const show = rate => {
    // While it is moved it follows the hand, not the game.
    if (Date.now() - held < 700) return;
    slider.value = Math.log10(Math.max(rate, 10 ** RATES[0]));
    said.textContent = rate.toExponential(1);
  };
  return { row: h("label", { class: "rate" }, h("b", { style: { color: `var(--${short.toLowerCase()})` } }, short), slider, said), show };
};

/** Points along a stroke, so that a line drawn fast is as dense as one drawn slowly. */
const between = ([ax, ay], [bx, by], step) => {
  const n = Math.max(1, Math.ceil(Math.hypot(bx - ax, by - ay) / step));
  return Array.from({ length: n }, (_, i) => [ax + (bx - ax) * (i + 1) / n, ay + (by - ay) * (i + 1) / n]);
};

class Table {
  constructor(root, query, signal) {
    Object.assign(this, { root, query, signal, id: null, playing: false, drawing: false, past: [], follows: true, losses: { steps: [], d: [], g: [] } });
    this.plane = new Plane(signal);
    this.bars = histogram(signal);
    this.chart = new Chart("losses", { zoom: { range: null, listeners: new Set() }, signal });
    this.move = move => attempt(() => post(`games/${this.id}`, move, signal));
    this.rates = [rateOf("discriminator", "D", this.move), rateOf("generator", "G", this.move)];
    this.counts = h("div", { class: "counts" });
    this.time = h("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "back through what was", oninput: () => {
      const at = Number(this.time.value);
      this.follows = at === this.past.length - 1;
      this.see(this.past[at]);
    } });
    this.when = h("output", { class: "step" });
    this.over = h("div");
    // A game that goes on unseen is no game any more when its page has gone for good.
    const end = () => this.id && post(`games/${this.id}`, { move: "end" }, undefined, true).catch(() => {});
    signal.addEventListener("abort", end);
    addEventListener("pagehide", end, { signal });
    this.listen();
  }

  build(recipes, recipe) {
    this.recipe = select(recipes, recipe, { disabled: this.query.has("run"), onchange: () => this.begin() });
    // Rules change while the game goes on; the networks stay.
    const rules = settings => this.id && this.move({ move: "rules", settings });
    this.objective = select(OBJECTIVES, "", { id: "objective", onchange: () => {
      this.changing = true;
      return this.objective.value ? rules({ objective: `{ rule = "${this.objective.value}" }` }) : this.begin();
    } });
    this.updates = select([1, 2, 3, 5, 10], 1, { id: "updates", onchange: () => rules({ "game.discriminator_steps": this.updates.value }) });
    this.noise = select([[0, "none"], [0.05, "0.05"], [0.1, "0.1"], [0.3, "0.3"]], 0, { id: "noise", onchange: () => rules({ "augment.noise": Number(this.noise.value) ? `{ std = ${this.noise.value}, steps = 1000000000 }` : "{ std = 0.01, steps = 1 }" }) });
    this.speed = select(SPEEDS, 0, { onchange: () => this.playing && this.go() });
    this.play = h("button", { class: "main", type: "button", id: "play", onclick: () => this.playing ? this.move({ move: "pause" }) : this.go() }, "▶ Play");
    const turn = (player, short, text) => h("button", { class: short, type: "button", id: `turn-${short}`, onclick: () => this.move({ move: "turns", player, count: 1 }) }, text);
    this.pen = h("button", { type: "button", id: "draw", "aria-pressed": "false", onclick: () => this.draws(!this.drawing) }, "Draw data");
    this.file = h("input", { type: "file", accept: ".csv,.tsv,.txt", hidden: true, "aria-label": "a table of points", id: "csv", onchange: () => attempt(() => this.load()) });
    this.own = h("button", { type: "button", hidden: true, onclick: () => this.move({ move: "draw", points: null }) }, "The recipe's data");
    const layer = ([name, text]) => h("label", {}, h("input", { type: "checkbox", checked: this.plane.layers[name], onchange: e => {
      this.plane.layers[name] = e.target.checked;
      this.plane.anew();
    } }), text);
    const title = this.query.has("run") ? `The game, on from ${this.query.get("run")}` : "The game";
    fill(this.root,
      h("div", { class: "head" }, h("div", { class: "grow" }, h("h1", {}, title), h("p", { class: "small soft" }, "D tells data (grey dots) from samples (orange dots): the plane is blue where it takes a point for data, orange where for a sample. G moves its samples along the arrows, which point to where D believes in them.")), h("a", { class: "button", href: "#/tour" }, "The four pictures")),
      h("div", { class: "game" },
        h("section", { class: "panel stack" }, this.over, this.plane.element, h("div", { class: "player" }, h("span", { class: "small soft" }, "back"), this.time, this.when), h("div", { class: "checks" }, LAYERS.map(layer))),
        h("div", { class: "stack" },
          h("section", { class: "panel stack" },
            h("div", { class: "two" }, field("recipe", this.recipe), field("objective", this.objective)),
            h("div", { class: "row" }, this.play, h("button", { type: "button", id: "step", onclick: () => this.move({ move: "steps", count: 1 }) }, "One step"), h("div", { class: "grow speed" }, this.speed)),
            h("div", { class: "two" }, turn("discriminator", "d", "Update D"), turn("generator", "g", "Update G")),
            h("div", { class: "two" }, field("updates of D a step", this.updates), field("noise on what D sees", this.noise)),
            h("div", { class: "row" }, this.pen, h("button", { type: "button", onclick: () => this.file.click() }, "Data of yours …"), this.file, this.own, h("button", { type: "button", onclick: () => this.begin() }, "Begin anew"))),
          h("section", { class: "panel stack" }, h("h2", {}, "Learning rates"), this.rates.map(r => r.row)),
          h("section", { class: "panel stack" }, this.counts, h("div", { class: "bars" }, this.bars.canvas), this.chart.element))));
  }

  go() {
    return this.move({ move: "play", rate: Number(this.speed.value) });
  }

  async begin() {
    this.changing = false;
    this.watching?.abort();
    const before = this.id;
    this.id = null;
    if (before) await post(`games/${before}`, { move: "end" }).catch(() => {});
    const settings = this.objective.value ? { objective: `{ rule = "${this.objective.value}" }` } : {};
    this.updates.value = 1;
    this.noise.value = 0;
    const what = this.query.has("run") ? { run: this.query.get("run") } : { recipe: this.recipe.value, settings };
    await attempt(async () => {
      this.id = (await post("games", what, this.signal)).game;
      Object.assign(this, { past: [], follows: true, losses: { steps: [], d: [], g: [] } });
      this.watching = new AbortController();
      this.signal.addEventListener("abort", () => this.watching.abort());
      fill(this.over);
      follow(`games/${this.id}/events`, { data: d => this.showData(d), frame: f => this.show(f), refused: why => this.refused(why), over: why => this.end(why), gone: () => this.end("the game has ended") }, this.watching.signal, `games/${this.id}/away`);
    });
  }

  end(why) {
    this.watching?.abort();
    this.id = null;
    fill(this.over, h("div", { class: "note bad row" }, h("span", { class: "grow" }, why), h("button", { type: "button", onclick: () => this.begin() }, "Begin anew")));
  }

  /** A move that cannot be made; an objective that needs other networks begins anew with them. */
  refused(why) {
    tell(why, "bad");
    if (this.changing) this.begin();
  }

  showData(data) {
    this.plane.data = data;
    this.own.hidden = !data.drawn;
    this.plane.anew();
  }

  /** A picture that has come: it is shown, unless somebody looks at an older one. */
  show(frame) {
    this.past.push(frame);
    if (this.past.length > PAST) this.thin();
    this.time.max = this.past.length - 1;
    if (this.follows) {
      this.time.value = this.past.length - 1;
      this.see(frame, frame.playing);
    }
    if (frame.playing !== this.playing) {
      this.playing = frame.playing;
      this.play.textContent = this.playing ? "❚❚ Pause" : "▶ Play";
    }
    this.rates.forEach((r, i) => r.show(frame.rates[i]));
    this.chartLosses(frame);
  }

  /** Lets every other of the older pictures go; the one that is looked at stays, or the one before it. */
  thin() {
    const at = Number(this.time.value), kept = this.past.length - NEWEST;
    this.past = this.past.filter((_, i) => i >= kept || i % 2 === 0);
    const before = Math.ceil(kept / 2);
    this.time.value = at < kept ? Math.floor(at / 2) : at - kept + before;
  }

  /** Shows a picture: on the plane as it comes, or gliding there, and beside it now and then. */
  see(frame, glides = false) {
    this.plane.see(frame, glides);
    this.seen = frame;
    const describe = () => {
      clearTimeout(this.waiting);
      this.waiting = null;
      this.described = performance.now();
      this.describe(this.seen);
    };
    if (!glides || performance.now() - (this.described ?? 0) > READABLE) describe();
    else this.waiting ??= setTimeout(describe, READABLE);
  }

  /** What stands beside the plane. */
  describe(frame) {
    this.when.textContent = `step ${grouped(frame.steps)}`;
    this.bars.draw(frame);
    this.chart.later();
    const mean = frame.probability ? ["D(x)", "D(G(z))"] : ["score of data", "of samples"];
    const { quality } = frame;
    // A column of the game, of D, and of G.
    const now = [
      ["steps", grouped(frame.steps), ""], ["updates of D", grouped(frame.turns[0]), "d"], ["updates of G", grouped(frame.turns[1]), "g"],
      ["modes found", quality ? `${quality.modes} / ${quality.of}` : "–", ""], ["loss of D", number(frame.losses[0]), "d"], ["loss of G", number(frame.losses[1]), "g"],
      ["good samples", quality ? `${Math.round(100 * quality.good)} %` : "–", ""], [mean[0], number(frame.means[0]), "d"], [mean[1], number(frame.means[1]), "g"]];
    const names = now.map(([text]) => text).join();
    if (this.counts.dataset.names !== names) {
      this.counts.dataset.names = names;
      fill(this.counts, now.map(([text, , of]) => h("div", { class: `count ${of}` }, h("b"), h("span", {}, text))));
    }
    now.forEach(([, value], i) => {
      const b = this.counts.children[i].firstChild;
      if (b.textContent !== value) b.textContent = value;
    });
  }

  chartLosses(frame) {
    const { steps, d, g } = this.losses, now = frame.turns[0] + frame.turns[1];
    if (frame.losses.every(l => l === null) || steps[steps.length - 1] === now) return;
    steps.push(now);
    d.push(frame.losses[0]);
    g.push(frame.losses[1]);
    if (steps.length > KEPT) for (const all of [steps, d, g]) all.splice(0, all.length - KEPT);
    this.chart.lines = [{ name: "D", colour: "d", steps, values: d }, { name: "G", colour: "g", steps, values: g }];
  }

  draws(on) {
    this.drawing = on;
    this.pen.setAttribute("aria-pressed", String(on));
    this.plane.element.classList.toggle("drawing", on);
    if (on) tell("Draw on the plane; what you draw takes the place of the data.");
  }

  /** Two columns of a table become the data, brought to where the plane shows them. */
  async load() {
    const [file] = this.file.files;
    if (!file) return;
    const rows = (await file.text()).split(/\r?\n/).map(l => l.split(/[,;\t ]+/).map(Number)).filter(r => r.length >= 2 && r.slice(0, 2).every(Number.isFinite));
    this.file.value = "";
    if (rows.length < 2) throw new Error(`${file.name} has no two columns of numbers`);
    // Rows spread over the table, where there are more than a game takes.
    const some = rows.filter((_, i) => Math.floor(i * MOST_ROWS / rows.length) !== Math.floor((i - 1) * MOST_ROWS / rows.length) || rows.length <= MOST_ROWS);
    const [x0, x1, y0, y1] = this.plane.data.window;
    const axis = k => {
      const all = some.map(r => r[k]).sort((a, b) => a - b);
      return [all[0], all[all.length - 1]];
    };
    const ends = [axis(0), axis(1)];
    const scale = (x1 - x0) / 1.5 / Math.max(ends[0][1] - ends[0][0], ends[1][1] - ends[1][0], 1e-12);
    const to = (v, k, middle) => middle + (v - (ends[k][0] + ends[k][1]) / 2) * scale;
    const points = some.map(r => [to(r[0], 0, (x0 + x1) / 2), to(r[1], 1, (y0 + y1) / 2)].map(v => Number(v.toPrecision(5))));
    this.strokes = points;
    await this.move({ move: "draw", points });
    tell(`${grouped(points.length)} points of ${file.name}, brought to the size of the plane`);
  }

  /** Strokes of the mouse become the data. */
  listen() {
    const { canvas } = this.plane;
    canvas.addEventListener("pointerdown", e => {
      if (!this.drawing || !this.plane.data) return;
      canvas.setPointerCapture(e.pointerId);
      this.plane.stroke = [this.plane.at(e)];
      this.plane.later();
    });
    canvas.addEventListener("pointermove", e => {
      const { stroke, data } = this.plane;
      if (!stroke || stroke.length > 4000) return;
      stroke.push(...between(stroke[stroke.length - 1], this.plane.at(e), (data.window[1] - data.window[0]) / 150));
      this.plane.later();
    });
    canvas.addEventListener("pointerup", async () => {
      const { stroke } = this.plane;
      if (!stroke) return;
      this.plane.stroke = null;
      // Strokes after each other are one distribution, until the recipe's data are called back.
      this.strokes = this.plane.data.drawn ? [...this.strokes ?? [], ...stroke] : stroke;
      await this.move({ move: "draw", points: this.strokes.slice(-16000) });
    });
  }
}

export const show = async (root, { query }, signal) => {
  document.title = "The game – Menagerie studio";
  const all = await get("recipes", signal);
  const known = ["gan-ring8", "gan-grid25", "r3gan-grid25"].filter(n => all.some(r => r.name === n));
  const table = new Table(root, query, signal);
  const wanted = query.get("recipe");
  const names = wanted && !known.includes(wanted) ? [wanted, ...known] : known;
  if (query.has("run")) await get(`runs/${enc(query.get("run"))}`, signal);
  table.build(names, wanted ?? "gan-ring8");
  await table.begin();
};
