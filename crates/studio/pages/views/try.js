// What a model makes of an item: one of its data, or a picture that was chosen or painted. What it can do decides what is offered.
import { asked, framesOf, get } from "../lib/api.js";
import { attempt, enc, field, fill, h, number, select, tell } from "../lib/dom.js";
import { canvasOf } from "../lib/frames.js";
import { Easel } from "./easel.js";

const NAMES = { complete: "Complete", translate: "Translate", reconstruct: "Reconstruct", predict: "Predict", read: "Read", attack: "Attack", defend: "Defend" };
const SAID = {
  complete: "Paint over what is to be made anew with the tool “hide”; without that, the middle is.",
  translate: "Choose, paint or draw what is to be translated.",
  reconstruct: "What comes back through what the model keeps of an item.",
  predict: "Draws of what follows, or of what is missing, given what the model is told of an item of its data.",
  read: "Classes, attributes, likelihood: whatever the model can tell of an item.",
  attack: "Changes within a bound that mislead the classifier that it was trained against.",
  defend: "Takes out what misleads a classifier.",
};
/** Kinds whose items are pictures, or are shown as one. */
const SHOWN = ["image", "pair", "unpaired", "video", "voxels", "sequence"];

/** What can be asked about an item. */
const questions = space => {
  const can = c => space.capabilities.includes(c);
  const reads = ["classify", "cluster", "read-attributes", "log-likelihood", "evidence-bound", "anomaly"].some(can);
  return ["complete", "translate", "reconstruct", "predict", "read", "attack", "defend"].filter(q => q === "read" ? reads : can(q));
};

/** A bar for each name. */
const bars = (title, rows) => h("div", { class: "stack" }, h("h3", {}, title), h("table", {}, h("tbody", {}, rows.map(([name, share]) => h("tr", {}, h("td", {}, name), h("td", { class: "number" }, `${(100 * share).toFixed(1)} %`), h("td", { style: { width: "45%" } }, h("div", { class: "progress", style: { "--share": `${100 * share}%` } }, h("i"))))))));

/** Which pixels cost most bits, from dark to light. */
const costs = ({ height, width, bits }) => {
  const most = Math.max(...bits, 1e-9);
  const image = new ImageData(width, height);
  bits.forEach((b, i) => image.data.set([255 * Math.min(1, 2 * b / most), 255 * Math.max(0, 2 * b / most - 1), 90 * (1 - b / most), 255], 4 * i));
  return h("figure", {}, canvasOf(image, "bits of each pixel"), h("figcaption", {}, `bits of each pixel, 0 to ${number(most)}`));
};

const told = answer => [
  answer.classes && bars("Class", answer.classes),
  answer.groups && bars("Group", answer.groups),
  answer.attributes && h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, answer.attributes.map(([n, v]) => h("tr", {}, h("td", {}, n), h("td", { class: "number" }, number(v))))))),
  answer.likelihood && h("p", {}, h("b", {}, answer.likelihood.exact ? "Likelihood" : "Lower bound of the likelihood"), `: ${number(answer.likelihood.nats)} nats, ${number(answer.likelihood.bits)} bits a dimension`),
  answer.anomaly !== undefined && h("p", {}, h("b", {}, "How unusual"), `: ${number(answer.anomaly)}`),
  answer.costs && h("div", { class: "results" }, costs(answer.costs)),
];

class Trial {
  constructor(name, space, signal) {
    Object.assign(this, { name, space, signal, seed: 0, what: null });
    this.easel = new Easel(name, space, signal);
    this.results = h("div", { class: "stack", "aria-live": "polite", id: "results" });
    this.options = h("div", { class: "row end" });
    this.hint = h("p", { class: "small soft" });
    this.count = select([1, 2, 4, 8, 16], 4, { "aria-label": "draws" });
    this.direction = select([["a2b", "first side to second"], ["b2a", "second side to first"]], "a2b", { onchange: () => attempt(() => this.easel.turn(this.direction.value)) });
    this.domains = (space.domains ?? []).map(d => ({ name: d, box: h("input", { type: "checkbox" }), amount: h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 1, "aria-label": `how much ${d}`, style: { width: "90px" } }) }));
    this.button = h("button", { class: "main", type: "button", id: "ask", onclick: () => attempt(() => this.ask(), this.button) }, "Ask");
    this.again = h("button", { type: "button", onclick: () => {
      this.seed = Math.floor(Math.random() * 2 ** 32);
      attempt(() => this.ask(), this.again);
    } }, "Other draws");
    this.tabs = questions(space).map(q => [q, h("button", { type: "button", "data-question": q, onclick: () => this.choose(q) }, NAMES[q])]);
  }

  choose(what) {
    this.what = what;
    for (const [q, tab] of this.tabs) tab.setAttribute("aria-pressed", String(q === what));
    this.hint.textContent = SAID[what];
    const draws = ["complete", "predict"].includes(what) || what === "translate" && this.space.draws;
    fill(this.options,
      what === "translate" && this.space.directions.length > 1 && field("way", this.direction),
      what === "translate" && this.domains.map(d => h("label", { class: "row small" }, d.box, d.name, d.amount)),
      draws && field("draws", this.count), this.button, draws && this.again);
    fill(this.results);
  }

  query() {
    const q = new URLSearchParams({ seed: this.seed, count: this.count.value });
    if (this.what === "translate" && this.space.directions.length) q.set("direction", this.space.directions.length > 1 ? this.direction.value : this.space.directions[0]);
    const to = this.domains.filter(d => d.box.checked).map(d => `${d.name}=${d.amount.value}`);
    if (this.what === "translate" && this.domains.length) {
      if (!to.length) throw new Error(`choose what it is to show: ${this.domains.map(d => d.name).join(", ")}`);
      q.set("to", to.join());
    }
    return q;
  }

  async ask() {
    const response = await this.easel.ask(this.what, this.query());
    if (this.what === "read") {
      fill(this.results, told(await response.json()));
      return;
    }
    const captions = (response.headers.get("X-Captions") ?? "").split(",");
    const images = await framesOf(response);
    // The frames of a video lie in a row.
    const wide = images.some(i => i.width > 3 * i.height);
    fill(this.results, h("div", { class: wide ? "results wide" : "results" }, images.map((image, i) => h("figure", {}, canvasOf(image, captions[i] ?? ""), h("figcaption", {}, captions[i] ?? "")))));
  }

  build() {
    return h("div", { class: "explore" },
      this.easel.element,
      h("section", { class: "panel stack" }, h("div", { class: "row" }, this.tabs.map(([, tab]) => tab)), this.hint, this.options, this.results));
  }
}

/** Pictures of a text. */
const writing = (name, space, signal) => {
  const words = h("textarea", { rows: 2, placeholder: "a description", "aria-label": "text", id: "text", style: { flex: "1 1 18em" }, onkeydown: e => {
    if (e.key !== "Enter") return;
    e.preventDefault();
    form.requestSubmit();
  } });
  const shown = h("div", { class: "results" });
  const unknown = h("p", { class: "note warn", hidden: true });
  let seed = 0;
  const draw = async () => {
    const response = await asked(`runs/${enc(name)}/illustrate?${new URLSearchParams({ text: words.value, seed, count: 8 })}`, { signal });
    const missing = response.headers.get("X-Unknown");
    unknown.hidden = !missing;
    unknown.textContent = `It has never met these words: ${missing}`;
    fill(shown, (await framesOf(response)).map((image, i) => h("figure", {}, canvasOf(image, `picture ${i + 1} of the text`))));
  };
  // One of the data's own descriptions to begin with.
  asked(`runs/${enc(name)}/ask/item?index=0`, { signal }).then(r => {
    words.value ||= r.headers.get("X-Caption") ?? "";
  }).catch(() => {});
  const form = h("form", { class: "row", onsubmit: e => {
    e.preventDefault();
    attempt(draw, e.submitter);
  } }, words, h("button", { class: "main", type: "submit" }, "Draw"), h("button", { type: "button", onclick: e => {
    seed = Math.floor(Math.random() * 2 ** 32);
    attempt(draw, e.target);
  } }, "Other draws"));
  return h("section", { class: "panel stack" }, h("h2", {}, "A picture of a text"), form, unknown, shown);
};

export const show = async (root, { parts: [name], query }, signal) => {
  document.title = `Try ${name} – Menagerie studio`;
  const space = await get(`runs/${enc(name)}/space`, signal);
  const can = questions(space);
  const writes = space.capabilities.includes("text-to-image");
  const head = h("div", { class: "head" }, h("div", { class: "grow" }, h("h1", {}, `Try ${name}`), h("p", { class: "small soft" }, `${space.model}, step ${space.step}: what it makes of an item`)), h("a", { class: "button", href: `#/run/${enc(name)}` }, "The run"));
  if (!writes && (!can.length || !SHOWN.includes(space.kind))) throw new Error(`there is nothing to ask ${space.model} about pictures; \`menagerie list\` says what it can do`);
  const trial = can.length && SHOWN.includes(space.kind) ? new Trial(name, space, signal) : null;
  fill(root, head, writes && writing(name, space, signal), trial?.build());
  if (!trial) return;
  const first = can.includes(query.get("what")) ? query.get("what") : can[0];
  trial.choose(first);
  await trial.easel.begin(Number(query.get("index") ?? 0)).catch(e => tell(e.message, "bad"));
};
