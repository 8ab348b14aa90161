// Named directions of a latent space as sliders: those that the studio finds, and those of files in the run's folder.
import { get } from "../lib/api.js";
import { attempt, enc, field, fill, h, select } from "../lib/dom.js";

/** Sliders go so far, in standard deviations of draws. */
const REACH = 4;

export class Moves {
  /** `change` is called with steps to add to a latent, or with moves that the server makes where they are of styles. */
  constructor(name, change, signal) {
    Object.assign(this, { name, change, signal, sets: [], set: null, amounts: new Map() });
    this.grid = h("div", { class: "latents" });
    this.choose = select([], null, { "aria-label": "set of directions", onchange: () => this.take(this.choose.value) });
    this.open = h("button", { type: "button", id: "directions", onclick: () => attempt(() => this.load(), this.open) }, "Find directions");
    this.rest = h("button", { class: "tiny", type: "button", hidden: true, onclick: () => this.zero() }, "All zero");
    this.element = h("section", { class: "panel stack" }, h("div", { class: "between" }, h("h2", {}, "Directions"), this.rest), this.open, this.grid);
  }

  async load() {
    this.sets = await get(`runs/${enc(this.name)}/directions`, this.signal);
    if (!this.sets.length) throw new Error("this model has no directions to find");
    const options = this.sets.map(s => h("option", { value: s.id }, s.id === "found" ? `by importance (${s.method})` : s.id));
    fill(this.choose, options);
    if (this.sets.length > 1) this.open.replaceWith(field("set", this.choose));
    else this.open.remove();
    this.take(this.sets[0].id);
  }

  take(id) {
    this.set = this.sets.find(s => s.id === id);
    this.amounts.clear();
    this.rest.hidden = false;
    this.inputs = this.set.directions.map(d => {
      const said = h("output", {}, "0.0");
      const input = h("input", { type: "range", min: -REACH, max: REACH, step: 0.1, value: 0, "aria-label": `direction ${d.name}`, "data-direction": d.name, oninput: () => {
        said.textContent = Number(input.value).toFixed(1);
        this.amounts.set(d.name, Number(input.value));
        this.change();
      } });
      return { input, said, row: h("label", { class: "latent" }, h("span", { class: "mono soft", title: d.name }, d.name), input, said) };
    });
    fill(this.grid, this.inputs.map(i => i.row));
    this.change();
  }

  zero() {
    for (const { input, said } of this.inputs) {
      input.value = 0;
      said.textContent = "0.0";
    }
    this.amounts.clear();
    this.change();
  }

  /** A latent moved by what is set; styles are moved by the server. */
  moved(latents) {
    const steps = this.set?.directions.filter(d => d.step && this.amounts.get(d.name)) ?? [];
    if (!steps.length) return latents;
    // Behind latents may stand shares of classes, which stay.
    return latents.map((z, i) => z + steps.reduce((sum, d) => sum + this.amounts.get(d.name) * (d.step[i] ?? 0), 0));
  }

  /** What the server is to move. */
  asked() {
    if (this.set?.space !== "w") return {};
    const amounts = Object.fromEntries([...this.amounts].filter(([, a]) => a));
    return Object.keys(amounts).length ? { moves: { set: this.set.id, amounts } } : {};
  }
}
