// A sample large, its latents as sliders; pins, walks and arithmetic are in pins.js.
import { frames, framesOf, get, latest, sent } from "../lib/api.js";
import { attempt, enc, field, fill, h, select } from "../lib/dom.js";
import { canvasOf, download, save, show as paint } from "../lib/frames.js";
import { npy } from "../lib/npy.js";
import { sound } from "../lib/sound.js";
import { edits } from "./edits.js";
import { Moves } from "./moves.js";
import { Pins } from "./pins.js";

const SHOWN = 24;
/** Sliders go so far, in standard deviations of a Gaussian prior. */
const REACH = 3;

const addressOf = (name, { seed, label, truncation, checkpoint }, file) => {
  const query = new URLSearchParams({ seed });
  if (label) query.set("label", label);
  if (truncation !== 1) query.set("truncation", truncation);
  if (checkpoint !== "newest") query.set("checkpoint", checkpoint);
  return `/api/runs/${enc(name)}/${file}?${query}`;
};

/** Sliders of numbers that follow each other, a page of them at a time; `change` is told which and what to. */
class Sliders {
  constructor({ size, low = -REACH, high = REACH, name, label, mark }, change) {
    Object.assign(this, { size, low, high, name, label, mark, change, from: 0, values: [] });
    this.grid = h("div", { class: "latents" });
    this.pages = h("div", { class: "row" });
    this.element = h("div", { class: "stack" }, this.grid, this.pages);
    const last = Math.max(0, Math.ceil(size / SHOWN) - 1) * SHOWN;
    const turn = by => {
      this.from = Math.min(last, Math.max(0, this.from + by));
      this.build();
    };
    if (size > SHOWN) {
      this.said = h("span", { class: "small soft" });
      this.pages.append(h("button", { class: "tiny", type: "button", "aria-label": "previous sliders", onclick: () => turn(-SHOWN) }, "‹"), this.said, h("button", { class: "tiny", type: "button", "aria-label": "next sliders", onclick: () => turn(SHOWN) }, "›"));
    }
    this.build();
  }

  build() {
    const to = Math.min(this.size, this.from + SHOWN);
    this.inputs = Array.from({ length: to - this.from }, (_, k) => {
      const i = this.from + k;
      const said = h("output");
      const input = h("input", { type: "range", min: this.low, max: this.high, step: 0.01, "aria-label": this.label(i), [`data-${this.mark}`]: i, oninput: () => {
        this.values[i] = Number(input.value);
        said.textContent = this.values[i].toFixed(2);
        this.change(i, this.values[i]);
      } });
      return { i, input, said, row: h("label", { class: `latent ${this.mark}` }, h("span", { class: "mono soft", title: this.name(i) }, this.name(i)), input, said) };
    });
    fill(this.grid, this.inputs.map(s => s.row));
    if (this.said) this.said.textContent = `${this.from} to ${to - 1} of ${this.size}`;
    this.set(this.values);
  }

  set(values) {
    this.values = [...values];
    for (const { i, input, said } of this.inputs) {
      input.value = this.values[i] ?? 0;
      said.textContent = (this.values[i] ?? 0).toFixed(2);
    }
  }
}

/** The same seed at every checkpoint that is there. */
const history = async (name, state, space, latents, asked, signal) => {
  const strip = h("div", { class: "strip", tabindex: 0 });
  for (const step of space.checkpoints) {
    if (signal.aborted) return strip;
    let picture;
    if (latents) picture = canvasOf((await frames(`runs/${enc(name)}/decode`, { ...asked(), checkpoint: step, latents: [latents] }, signal))[0], `at step ${step}`);
    else picture = h("img", { src: addressOf(name, { ...state, checkpoint: step }, "sample.png"), alt: `at step ${step}`, class: "pixels" });
    strip.append(h("figure", {}, picture, h("figcaption", {}, `step ${step}`)));
  }
  return strip;
};

export const show = async (root, { parts: [name] }, signal) => {
  document.title = `Explore ${name} – Menagerie studio`;
  const space = await get(`runs/${enc(name)}/space`, signal);
  if (space.latent === null && !space.capabilities.includes("sample")) throw new Error(`${space.model} draws nothing by itself; Try, on the run's page, asks it about items`);
  if (space.kind === "points") {
    fill(root, h("div", { class: "empty" }, h("h2", {}, "This run makes points"), h("p", {}, "One of them shows little; all of them together, or the game in which they are made, show more."), h("div", { class: "row" }, h("a", { class: "button main", href: `#/new/${enc(name)}` }, "Draw some"), h("a", { class: "button", href: `#/run/${enc(name)}` }, "The run"))));
    return;
  }
  const decodes = space.latent !== null && ["image", "pair", "unpaired", "video", "voxels", "sequence", "notes"].includes(space.kind);
  const state = { seed: 0, label: "", truncation: 1, checkpoint: "newest", turn: 0.6 };
  // Behind the latents of a model that draws by class stand the shares of its classes.
  const pure = (space.latent ?? 0) - space.mixes.length;
  let latents = null, prior = null;
  const canvas = h("canvas", { role: "img", "aria-label": "the sample" });
  const image = h("img", { alt: "the sample", class: space.shape[1] < 160 ? "pixels" : "" });
  const heard = space.kind === "audio" ? sound(signal) : null;
  const stage = h("div", { class: "stage", tabindex: 0, "aria-label": "the sample; arrow keys change the seed" }, decodes ? canvas : heard?.element ?? image);
  const file = { audio: "sample.wav", video: "sample.gif" }[space.kind] ?? "sample.png";

  // Says on the canvas whether what it shows is still to be replaced.
  let asks = 0;
  const drawing = latest(async ask => {
    await attempt(async () => {
      const turn = space.kind === "voxels" ? { turn: state.turn } : {};
      const [picture] = await frames(`runs/${enc(name)}/decode`, { ...asked(), latents: [moves.moved(latents)], ...moves.asked(), ...turn }, signal);
      paint(canvas, picture);
      canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
    });
    if (ask === asks) delete canvas.dataset.waiting;
  });
  const decode = () => {
    canvas.dataset.waiting = "";
    drawing(++asks);
  };
  const moves = new Moves(name, () => latents && decode(), signal);
  // Latents are drawn towards their mean here; styles, of a model that has them, by the server.
  const scaled = () => space.truncates_styles ? [...prior] : prior.map((z, i) => i < pure ? z * state.truncation : z);
  const asked = () => ({ checkpoint: state.checkpoint, ...space.truncates_styles && { truncation: state.truncation } });
  const slid = offset => (i, value) => {
    latents[offset + i] = value;
    decode();
  };
  const sliders = decodes ? new Sliders({ size: pure, name: i => `z${i}`, label: i => `latent ${i}`, mark: "latent" }, slid(0)) : null;
  const shares = decodes && space.mixes.length ? new Sliders({ size: space.mixes.length, low: 0, high: 1, name: i => space.mixes[i], label: i => `share of ${space.mixes[i]}`, mark: "share" }, slid(pure)) : null;
  const set = values => {
    latents = [...values];
    sliders.set(latents.slice(0, pure));
    shares?.set(latents.slice(pure));
    decode();
  };
  const ofClass = name => space.mixes.map(m => m === name ? 1 : 0);
  const anew = async () => {
    link.href = addressOf(name, state, file);
    link.textContent = link.getAttribute("href");
    if (!decodes) {
      if (heard) await attempt(() => heard.load(link.getAttribute("href").replace("/api/", "")));
      else image.src = link.getAttribute("href");
      return;
    }
    await attempt(async () => {
      prior = (await get(`runs/${enc(name)}/latents?seed=${state.seed}&checkpoint=${state.checkpoint}`, signal)).latents[0];
      if (state.label) prior = [...prior.slice(0, pure), ...ofClass(state.label)];
      set(scaled());
    });
  };

  const seed = h("input", { type: "number", min: 0, max: 9007199254740991, step: 1, value: 0, style: { width: "8em" }, oninput: () => {
    if (!seed.validity.valid || seed.value === "") return;
    state.seed = Number(seed.value);
    anew();
  } });
  const go = to => {
    seed.value = Math.max(0, to);
    state.seed = Number(seed.value);
    anew();
  };
  stage.addEventListener("keydown", e => {
    if (e.key === "ArrowRight") go(state.seed + 1);
    else if (e.key === "ArrowLeft") go(state.seed - 1);
    else return;
    e.preventDefault();
  });
  const said = h("output", {}, "1.00");
  const truncation = h("input", { type: "range", min: 0, max: 1.5, step: 0.05, value: 1, "aria-label": "truncation", oninput: () => {
    state.truncation = Number(truncation.value);
    said.textContent = state.truncation.toFixed(2);
    if (!decodes) anew();
    else if (prior) {
      link.href = addressOf(name, state, file);
      link.textContent = link.getAttribute("href");
      if (space.truncates_styles) decode();
      else set(scaled());
    }
  }, onchange: () => space.truncates_styles && pins?.redraw() });
  const checkpoint = select([["newest", `newest (${space.step})`], ...space.best !== null ? [["best", `best (${space.best})`]] : [], ...[...space.checkpoints].reverse().map(s => [s, `step ${s}`])], "newest", { onchange: () => {
    state.checkpoint = checkpoint.value === "newest" || checkpoint.value === "best" ? checkpoint.value : Number(checkpoint.value);
    // The place in the latent space stays; the checkpoint around it changes.
    if (decodes && latents) decode();
    else anew();
    pins?.redraw();
  } });
  const label = select([["", "any"], ...space.labels], "", { onchange: () => {
    state.label = label.value;
    anew();
  } });
  const link = h("a", { class: "small mono", target: "_blank", style: { "overflow-wrap": "anywhere" } });
  const past = h("div");
  const pins = decodes ? new Pins(name, space.latent, asked, set, signal) : null;
  // What asks for gradients asks for a space without classes.
  const edited = decodes && !shares && space.kind === "image" ? edits(name, canvas, { checkpoint: () => state.checkpoint, latents: () => latents, take: set }, signal) : null;
  const saved = () => decodes ? download(canvas, `${name.replaceAll("/", "-")}-${state.seed}.png`) : h("a", { href: link.getAttribute("href"), download: `${name.replaceAll("/", "-")}-${state.seed}.${file.split(".")[1]}` }).click();

  const near = h("div");
  const neighbours = async () => {
    const response = await sent(`runs/${enc(name)}/nearest`, { ...asked(), latents: [moves.moved(latents)] }, signal);
    const captions = (response.headers.get("X-Captions") ?? "").split(",");
    const images = await framesOf(response);
    fill(near, h("div", { class: "strip", tabindex: 0 }, images.map((image, i) => h("figure", {}, canvasOf(image, captions[i]), h("figcaption", {}, captions[i])))));
  };
  const draws = space.capabilities.includes("sample");
  fill(root,
    h("div", { class: "head" }, h("div", { class: "grow" }, h("h1", {}, name), h("p", { class: "small soft" }, `${space.model}, ${space.shape.join(" × ")}${space.latent !== null ? `, ${pure} latents` : ""}${shares ? `, ${space.mixes.length} classes` : ""}`)),
      decodes && h("a", { class: "button", href: `#/breed/${enc(name)}` }, "Breed"), h("a", { class: "button", href: `#/run/${enc(name)}` }, "The run"), h("a", { class: "button", href: `#/new/${enc(name)}` }, "This does not exist")),
    h("div", { class: "explore" },
      h("div", { class: "stack" },
        h("section", { class: "panel stack" }, stage,
          h("div", { class: "row" },
            decodes && h("button", { class: "main", type: "button", onclick: () => latents && pins.add(moves.moved(latents), canvas) }, "Pin"),
            h("button", { type: "button", onclick: saved }, space.kind === "image" || space.kind === "pair" ? "Save PNG" : "Save"),
            space.kind === "notes" && h("a", { class: "button", download: "sample.mid", href: "", onclick: e => {
              e.currentTarget.href = addressOf(name, state, "sample.mid");
            } }, "Save MIDI"),
            decodes && h("button", { type: "button", onclick: () => prior && set(scaled()) }, "Back to the seed"),
            decodes && h("button", { type: "button", onclick: () => latents && set(latents.map((z, i) => i < pure ? 0 : z)) }, "All zero"),
            decodes && h("button", { type: "button", id: "save-latents", onclick: () => latents && save(npy([moves.moved(latents)]), `${name.replaceAll("/", "-")}-${state.seed}.npy`) }, "Save latents")),
          h("p", { class: "small soft" }, "This seed's address: ", link)),
        edited, pins?.element),
      h("div", { class: "stack" },
        h("section", { class: "panel stack" }, h("h2", {}, "What is drawn"),
          h("div", { class: "row end" }, field("seed", seed), h("button", { type: "button", "aria-label": "previous seed", onclick: () => go(state.seed - 1) }, "‹"), h("button", { type: "button", "aria-label": "next seed", onclick: () => go(state.seed + 1) }, "›"), h("button", { type: "button", onclick: () => go(Math.floor(Math.random() * 1e9)) }, "Random")),
          h("div", { class: "row end" }, field("checkpoint", checkpoint), space.by_class && field("class", label)),
          draws && space.kind !== "audio" && h("label", { class: "field" }, h("span", {}, "truncation ", said), truncation)),
        decodes && space.kind === "voxels" && h("section", { class: "panel" }, h("label", { class: "field" }, h("span", {}, "turn"), h("input", { type: "range", min: -3.14, max: 3.14, step: 0.02, value: 0.6, "aria-label": "turn", id: "turn", oninput: e => {
          state.turn = Number(e.target.value);
          if (latents) decode();
        } }))),
        shares && h("section", { class: "panel stack" }, h("h2", {}, "Classes"), h("p", { class: "small soft" }, "Shares of one whole: two at once make what lies between the two."), shares.element),
        decodes && moves.element,
        sliders && h("section", { class: "panel stack" }, h("h2", {}, "Latents"), sliders.element),
        decodes && space.kind === "image" && h("section", { class: "panel stack" }, h("div", { class: "between" }, h("h2", {}, "Nearest training items"),
          h("button", { type: "button", id: "nearest", onclick: e => attempt(neighbours, e.target) }, "Find")), near),
        space.checkpoints.length > 1 && space.kind !== "audio" && h("section", { class: "panel stack" }, h("div", { class: "between" }, h("h2", {}, decodes ? "The same latents at every checkpoint" : "The same seed at every checkpoint"),
          h("button", { type: "button", onclick: e => attempt(async () => fill(past, await history(name, state, space, decodes ? latents : null, asked, signal)), e.target) }, "Draw")), past))));
  await anew();
};
