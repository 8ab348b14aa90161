// One run, live.
import { follow, get, post } from "../lib/api.js";
import { attempt, chip, duration, enc, fill, grouped, h, select, tell } from "../lib/dom.js";
import { Curves, difference, evaluationTable } from "./curves.js";

const FRAME = 350;

/** The sample pictures with a slider over time. */
class Pictures {
  constructor(name, signal) {
    Object.assign(this, { name, steps: [], at: -1, timer: null });
    this.image = h("img", { class: "picture pixels", alt: "samples" });
    this.slider = h("input", { type: "range", min: 0, max: 0, step: 1, "aria-label": "sample picture over time", oninput: () => this.go(Number(this.slider.value)) });
    this.step = h("output", { class: "step" });
    this.play = h("button", { class: "tiny", type: "button", "aria-label": "play", onclick: () => this.timer ? this.stop() : this.start() }, "▶");
    this.none = h("p", { class: "soft" }, "No picture yet.");
    this.body = h("div", {}, this.image, h("div", { class: "player" }, this.play, h("div", { class: "grow" }, this.slider), this.step));
    this.element = h("section", { class: "panel" }, h("h2", {}, "Samples, from the same latents each time"), this.none, this.body);
    signal.addEventListener("abort", () => this.stop());
  }

  /** Stays at the newest, unless an older one is looked at. */
  update(steps) {
    const follows = this.at < 0 || this.at === this.steps.length - 1;
    this.steps = steps;
    this.none.hidden = steps.length > 0;
    this.body.hidden = !steps.length;
    this.slider.max = Math.max(0, steps.length - 1);
    if (steps.length) this.go(follows ? steps.length - 1 : Math.min(this.at, steps.length - 1));
  }

  go(at) {
    this.at = at;
    this.slider.value = at;
    const step = this.steps[at];
    this.slider.setAttribute("aria-valuetext", `step ${step}`);
    this.step.textContent = `step ${grouped(step)}`;
    const address = `/api/runs/${enc(this.name)}/samples/${step}.png`;
    if (this.image.getAttribute("src") !== address) this.image.src = address;
    this.image.alt = `samples of step ${step}`;
  }

  start() {
    if (this.at >= this.steps.length - 1) this.go(0);
    this.play.textContent = "❚❚";
    this.play.setAttribute("aria-label", "pause");
    this.timer = setInterval(() => this.at + 1 < this.steps.length ? this.go(this.at + 1) : this.stop(), FRAME);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.play.textContent = "▶";
    this.play.setAttribute("aria-label", "play");
  }
}

const actions = (name, line) => {
  const can = c => line.capabilities?.includes(c);
  const trained = line.checkpoints?.length > 0;
  const stop = h("button", { class: "danger", type: "button", onclick: e => attempt(async () => {
    await post(`runs/${enc(name)}/stop`);
    tell("It finishes its step, writes a checkpoint, and stops.");
  }, e.target) }, "Stop");
  const steps = h("input", { type: "number", min: 1, step: 1, value: Math.max(line.steps ?? 1, line.state === "done" ? Math.round(line.steps * 1.5) : 0), "aria-label": "steps to train to", style: { width: "7.5em" } });
  const resume = h("form", { class: "row", onsubmit: e => {
    e.preventDefault();
    attempt(async () => {
      await post(`runs/${enc(name)}/resume`, { steps: Number(steps.value) });
      tell("It goes on.", "good");
    }, e.submitter);
  } }, h("span", { class: "small soft" }, "to step"), steps, h("button", { type: "submit" }, "Resume"));
  const points = line.family === "adversarial" && ["ring8", "grid25", "moons", "swissroll"].includes(line.source);
  // What is asked about items is asked about pictures, or what is shown as one.
  const seen = !["points", "audio", "notes"].includes(line.kind);
  return h("div", { class: "row" },
    trained && can("sample") && line.kind !== "points" && h("a", { class: "button main", href: `#/explore/${enc(name)}` }, "Explore"),
    trained && can("sample") && h("a", { class: "button", href: `#/new/${enc(name)}` }, "This does not exist"),
    trained && seen && ["complete", "translate", "reconstruct", "predict", "text-to-image", "classify", "read-attributes", "log-likelihood", "evidence-bound", "anomaly", "attack", "defend"].some(can) && h("a", { class: "button", href: `#/try/${enc(name)}` }, "Try"),
    trained && points && h("a", { class: "button main", href: `#/game?run=${enc(name)}` }, "Play on"),
    line.state === "training" ? stop : resume);
};

const said = list => list.length
  ? h("div", { class: "stack" }, list.slice(-12).reverse().map(s => h("p", { class: `note ${s.kind === "end" ? "bad" : "warn"}` },
    s.step !== undefined && h("b", {}, `step ${s.step}, ${s.name}: `), s.text)))
  : h("p", { class: "soft" }, "None seen.");

/** The recipe, and what it differs in from another run's. */
const recipePanel = async (name, toml, history, signal) => {
  const others = (await get("runs", signal)).filter(r => r.name !== name && !r.error).map(r => r.name);
  const shown = h("div");
  const choose = select([["", "compare with …"], ...others], "", { "aria-label": "another run", onchange: e => attempt(async () => {
    fill(shown, e.target.value ? await difference(name, e.target.value, signal) : null);
  }) });
  return h("section", { class: "panel stack wide" },
    h("div", { class: "between" }, h("h2", {}, "Recipe"), others.length > 0 && choose), shown,
    history.length > 0 && h("ul", { class: "small" }, history.map(n => h("li", {}, `step ${n.step}: ${n.what}`))),
    h("details", {}, h("summary", {}, "recipe.toml"), h("pre", { tabindex: 0 }, toml)));
};

export const show = async (root, { parts: [name] }, signal) => {
  document.title = `${name} – Menagerie studio`;
  const all = await get(`runs/${enc(name)}`, signal);
  const [head, evaluations, troubles] = [h("div", { class: "head" }), h("div"), h("div")];
  const pictures = new Pictures(name, signal);
  const curves = new Curves(signal);
  let drawn = "";
  const showLine = line => {
    // What is being typed is not swept away by numbers that grow.
    const key = [line.state, line.checkpoints?.length > 0, line.failure, line.steps].join();
    if (key !== drawn) fill(head, facts, h("div", { class: "grow" }), actions(name, line));
    drawn = key;
    const share = line.steps ? Math.min(100, 100 * line.step / line.steps) : 0;
    fill(facts,
      h("div", { class: "row" }, h("h1", {}, name), chip(line)),
      h("p", { class: "soft small" }, `${line.model} (${line.family}) on ${line.source} · step `, h("span", { class: "mono" }, `${grouped(line.step)} / ${grouped(line.steps)}`), line.seconds ? ` · ${duration(line.seconds)} of training, ${grouped(line.images)} items` : ""),
      h("div", { class: "progress", style: { "--share": `${share}%` } }, h("i")),
      line.failure && h("p", { class: "note bad" }, line.failure));
  };
  const facts = h("div", { class: "stack", style: { gap: "5px" } });
  const note = h("textarea", { rows: 2, maxlength: 4000, placeholder: "What is to be remembered of this run", "aria-label": "note", id: "note", onchange: () => attempt(async () => {
    await post(`runs/${enc(name)}/remark`, { note: note.value });
    tell("The note is kept with the run, in remark.json.", "good");
  }) });
  note.value = all.line?.note ?? "";
  const showState = state => {
    pictures.update(state.pictures);
    fill(evaluations, evaluationTable(state.evaluations));
    fill(troubles, said(state.said));
  };
  showLine(all.line);
  showState(all.state);
  fill(root, head, h("div", { class: "run" },
    h("div", { class: "stack" }, pictures.element, h("section", { class: "panel" }, h("h2", {}, "Troubles and warnings"), troubles), h("section", { class: "panel stack" }, h("h2", {}, "Note"), note)),
    h("div", { class: "stack" }, h("section", { class: "panel" }, h("h2", {}, "Curves"), curves.element), h("section", { class: "panel" }, h("h2", {}, "Evaluations"), evaluations)),
    await recipePanel(name, all.recipe, all.history, signal)));
  follow(`runs/${enc(name)}/events`, {
    open: () => curves.clear(name),
    anew: () => curves.clear(name),
    metrics: columns => curves.add(name, columns),
    line: line => line && showLine(line),
    state: showState,
  }, signal);
};
