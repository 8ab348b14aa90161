// Breeding: children of pictures that were chosen, and the family that comes of it.
import { frames, get, post } from "../lib/api.js";
import { attempt, enc, field, fill, h, select, tell } from "../lib/dom.js";
import { canvasOf } from "../lib/frames.js";

const CHILDREN = 16;
/** Members of a family that are drawn; older ones stay in the file. */
const SHOWN = 180;
/** Pictures of a request, and their numbers in all. */
const PIECE = 60;
const NUMBERS = 50_000;

class Breeder {
  constructor(name, space, signal) {
    Object.assign(this, { name, space, signal, children: [], family: [], parents: [], images: new Map() });
    this.litter = h("div", { class: "litter", role: "group", "aria-label": "children" });
    this.tray = h("div", { class: "strip" });
    this.tree = h("div", { class: "tree" });
    this.said = h("output", {}, "0.30");
    this.mutation = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0.3, "aria-label": "mutation", oninput: () => {
      this.said.textContent = Number(this.mutation.value).toFixed(2);
    } });
    // Where layers take styles, they are what parents hand on: coarse ones the pose, fine ones the colours.
    const layers = space.layers === null ? [] : [["layers", "layers: styles from each"]];
    this.crossing = select([...layers, ["genes", "genes: parts from each"], ["blend", "blend: a mean of all"]], layers.length ? "layers" : "genes", { id: "crossing", onchange: () => this.offer() });
    // Behind the latents of a model that draws by class stand the shares of its classes.
    this.pure = space.latent - space.mixes.length;
    this.genes = h("input", { type: "number", min: 1, max: this.pure, value: Math.min(8, this.pure), style: { width: "6em" } });
    this.offer();
    this.button = h("button", { class: "main", type: "button", id: "breed", onclick: () => attempt(() => this.breed(), this.button) }, "Breed");
    this.strangers = h("button", { type: "button", id: "strangers", onclick: () => attempt(async () => {
      this.parents = [];
      await this.born();
    }, this.strangers) }, "Strangers");
  }

  /** Genes are counted where there are some to count. */
  offer() {
    this.genes.disabled = this.crossing.value !== "genes";
  }

  build(root) {
    fill(root,
      h("div", { class: "head" }, h("div", { class: "grow" }, h("h1", {}, `Breed ${this.name}`), h("p", { class: "small soft" }, "Choose one child or more, and breed: they become the parents of the next ones, and stay in the family. Anybody of the family can be a parent again.", this.space.mixes.length > 0 && " Children are of their parents' classes, mixed.")),
        h("a", { class: "button", href: `#/explore/${enc(this.name)}` }, "Explore"), h("a", { class: "button", href: `#/run/${enc(this.name)}` }, "The run")),
      h("div", { class: "explore" },
        h("section", { class: "panel stack" }, h("h2", {}, "Children"), this.litter),
        h("div", { class: "stack" },
          h("section", { class: "panel stack" }, h("h2", {}, "How"),
            h("div", { class: "row end" }, field("crossing", this.crossing), field("genes", this.genes)),
            h("label", { class: "field" }, h("span", {}, "mutation ", this.said), this.mutation),
            h("div", { class: "row" }, this.button, this.strangers)),
          h("section", { class: "panel stack" }, h("h2", {}, "Parents of these children"), this.tray),
          h("section", { class: "panel stack" }, h("h2", {}, "Family"), this.tree))));
  }

  /** Pictures of latents, as many at a time as a request may have. */
  async draw(latents) {
    const all = [];
    const piece = Math.max(1, Math.min(PIECE, Math.floor(NUMBERS / Math.max(1, ...latents.map(z => z.length)))));
    for (let from = 0; from < latents.length; from += piece) all.push(...await frames(`runs/${enc(this.name)}/decode`, { latents: latents.slice(from, from + piece) }, this.signal));
    return all;
  }

  async readFamily() {
    this.family = (await get(`runs/${enc(this.name)}/family`, this.signal)).slice(-SHOWN);
    const missing = this.family.filter(m => !this.images.has(m.id));
    const images = await this.draw(missing.map(m => m.latent));
    missing.forEach((m, i) => this.images.set(m.id, images[i]));
    this.drawFamily();
  }

  /** New children of the parents there are, or strangers. */
  async born() {
    const body = { members: this.parents, count: CHILDREN, seed: Math.floor(Math.random() * 2 ** 32), mutation: Number(this.mutation.value), crossing: this.crossing.value, genes: Number(this.genes.value) || 1 };
    const children = (await post(`runs/${enc(this.name)}/breed`, body, this.signal)).latents;
    const images = await this.draw(children);
    this.children = children.map((latent, i) => ({ latent, image: images[i], chosen: false }));
    fill(this.litter, this.children.map((child, i) => {
      const button = h("button", { class: "child", type: "button", "aria-pressed": "false", "aria-label": `child ${i + 1}`, onclick: () => {
        child.chosen = !child.chosen;
        button.setAttribute("aria-pressed", String(child.chosen));
      } }, canvasOf(child.image, `child ${i + 1}`), this.classes(child.latent));
      return button;
    }));
    fill(this.tray, this.parents.length ? this.parents.map(id => this.portrait(id)) : h("p", { class: "soft small" }, "None: they are draws from the prior."));
    this.drawFamily();
  }

  /** Those who are chosen join the family, and are the parents of the next. */
  async breed() {
    const chosen = this.children.filter(c => c.chosen);
    if (!chosen.length && !this.parents.length) throw new Error("choose a child first");
    if (chosen.length) {
      const ids = [];
      for (const child of chosen) {
        const { id } = await post(`runs/${enc(this.name)}/family`, { parents: this.parents, latent: child.latent, step: this.space.step }, this.signal);
        this.images.set(id, child.image);
        ids.push(id);
      }
      this.parents = ids;
      await this.readFamily();
    }
    await this.born();
  }

  /** Of what classes somebody is, those that count most first. */
  classes(latent) {
    // Where each layer has a style of its own, the classes are in the styles.
    if (!this.space.mixes.length || latent.length !== this.space.latent) return null;
    const shares = latent.slice(this.pure).map(s => Math.max(0, s)), total = shares.reduce((a, b) => a + b, 0) || 1;
    const some = shares.map((s, i) => [s / total, this.space.mixes[i]]).filter(([s]) => s >= 0.05).sort((a, b) => b[0] - a[0]);
    const text = some.map(([s, name]) => s > 0.995 ? name : `${name} ${Math.round(100 * s)} %`).join(", ");
    return h("small", { class: "classes", title: text }, text);
  }

  portrait(id) {
    const image = this.images.get(id), member = this.family.find(m => m.id === id);
    return h("figure", {}, image && canvasOf(image, `member ${id}`), h("figcaption", {}, `no. ${id}`), member && this.classes(member.latent));
  }

  /** The family in rows: how many births lie between somebody and the first. */
  drawFamily() {
    if (!this.family.length) {
      fill(this.tree, h("p", { class: "soft small" }, "Nobody yet. It is kept in the run's folder, in family.jsonl."));
      return;
    }
    const depth = new Map();
    for (const m of this.family) depth.set(m.id, 1 + Math.max(-1, ...m.parents.map(p => depth.get(p) ?? -1)));
    const rows = [];
    for (const m of this.family) (rows[depth.get(m.id)] ??= []).push(m);
    const buttons = new Map();
    const kin = (m, on) => {
      for (const p of m.parents) buttons.get(p)?.classList.toggle("kin", on);
      for (const c of this.family) if (c.parents.includes(m.id)) buttons.get(c.id)?.classList.toggle("kin", on);
    };
    fill(this.tree, rows.map((row, d) => h("div", {}, h("h3", {}, d ? `generation ${d}` : "the first"), h("div", { class: "members" }, row.map(m => {
      const image = this.images.get(m.id);
      const button = h("button", { class: "child", type: "button", "data-member": m.id, "aria-pressed": String(this.parents.includes(m.id)), title: m.parents.length ? `no. ${m.id}, of ${m.parents.join(" and ")}` : `no. ${m.id}`, onclick: () => attempt(async () => {
        this.parents = this.parents.includes(m.id) ? this.parents.filter(p => p !== m.id) : [...this.parents, m.id];
        await this.born();
      }), onpointerenter: () => kin(m, true), onpointerleave: () => kin(m, false), onfocus: () => kin(m, true), onblur: () => kin(m, false) }, image && canvasOf(image, `member ${m.id}`));
      buttons.set(m.id, button);
      return button;
    })))));
  }
}

export const show = async (root, { parts: [name] }, signal) => {
  document.title = `Breed ${name} – Menagerie studio`;
  const space = await get(`runs/${enc(name)}/space`, signal);
  if (space.latent === null || !["image", "pair", "unpaired", "video", "voxels", "sequence", "notes"].includes(space.kind)) throw new Error(`${space.model} has no latent space of pictures to breed in`);
  const breeder = new Breeder(name, space, signal);
  breeder.build(root);
  await breeder.readFamily().catch(e => tell(e.message, "bad"));
  await breeder.born();
};
