// The four pictures by which the game is explained: on a line, with the way from latents to samples beneath.
import { follow, post } from "../lib/api.js";
import { attempt, fill, h, number, theme } from "../lib/dom.js";

/** What each picture is about, and what brings it about. */
const CHAPTERS = [
  { name: "At first", text: "The data are two bells (dotted). G takes latents, the dots on the lowest line, and moves each along a line to the line above: where many arrive, its density (orange) is high. It has learned nothing, and D (blue), which says how surely a place is one of data, has not either.", moves: [] },
  { name: "D is trained", text: "Only D is updated. It comes near the best answer there is to this G, p_data / (p_data + p_g), the thin line: 1 where there are only data, 0 where there are only samples.", moves: [{ move: "turns", player: "discriminator", count: 400 }] },
  { name: "G follows", text: "Only G is updated. The ways of its latents bend to where D believes in data, and with them its density moves there. D has not noticed yet: it still answers the G of before.", moves: [{ move: "turns", player: "generator", count: 40 }] },
  { name: "At the optimum", text: "Both are updated in turn, and again. Where p_g has become p_data the best D can say is 1/2 everywhere: nothing tells samples from data any more. That is the equilibrium of the game (Goodfellow et al. 2014, theorem 1). It is not reached to the end, and never quite stands still.", moves: [{ move: "play", rate: 0 }] },
];

class Line {
  constructor(signal) {
    this.canvas = h("canvas", { role: "img", "aria-label": "densities of data and samples, what D says, and the ways of latents", class: "line" });
    this.data = this.frame = null;
    new ResizeObserver(() => this.later()).observe(this.canvas);
    addEventListener("themed", () => this.later(), { signal });
  }

  later() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.draw();
    });
  }

  draw() {
    const { canvas, data, frame } = this;
    const ratio = devicePixelRatio || 1, [w, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!w || !data || !frame) return;
    canvas.width = w * ratio;
    canvas.height = height * ratio;
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    const [x0, x1] = data.window, base = height * 0.68, low = height - 16;
    const most = Math.max(...data.density, ...frame.generated.map(v => Math.min(v, 1.6)), 0.6);
    const x = v => (v - x0) / (x1 - x0) * w, at = i => i / (data.density.length - 1) * w;
    const up = v => base - 8 - Math.min(v, most) / most * (base - 20), share = v => base - 8 - v * (base - 20);
    const curve = (values, y, colour, width, dash = []) => {
      g.beginPath();
      values.forEach((v, i) => v !== null && (i && values[i - 1] !== null ? g.lineTo(at(i), y(v)) : g.moveTo(at(i), y(v))));
      g.strokeStyle = colour;
      g.lineWidth = width;
      g.setLineDash(dash);
      g.stroke();
      g.setLineDash([]);
    };
    // A half, which is all that D can say at the optimum.
    if (frame.probability) curve(data.density.map(() => 0.5), share, theme("line"), 1);
    // Where there is neither data nor sample, any answer is as good.
    const best = frame.best.map((v, i) => data.density[i] + frame.generated[i] > 2e-3 ? v : null);
    if (frame.probability) curve(best, share, theme("d"), 1, [2, 3]);
    curve(frame.said, share, theme("d"), 2.4);
    curve(data.density, up, theme("ink"), 2, [2, 4]);
    curve(frame.generated, up, theme("g"), 2.4);
    g.strokeStyle = theme("strong");
    g.lineWidth = 1;
    for (const y of [base, low]) {
      g.beginPath();
      g.moveTo(0, y);
      g.lineTo(w, y);
      g.stroke();
    }
    const [latents, samples] = frame.ways;
    const reach = Math.max(...latents.map(Math.abs), 1e-9);
    const below = z => w / 2 + z / reach * w * 0.4;
    g.globalAlpha = 0.7;
    g.strokeStyle = g.fillStyle = theme("g");
    g.beginPath();
    latents.forEach((z, i) => {
      g.moveTo(below(z), low);
      g.lineTo(x(samples[i]), base);
    });
    g.stroke();
    g.beginPath();
    latents.forEach(z => {
      g.moveTo(below(z) + 3, low);
      g.arc(below(z), low, 3, 0, 7);
    });
    g.fill();
    g.globalAlpha = 1;
    g.fillStyle = theme("faint");
    g.font = "12px system-ui, sans-serif";
    g.fillText("x", 4, base + 14);
    g.fillText("z", 4, low + 14);
    canvas.dataset.drawn = String(Number(canvas.dataset.drawn ?? 0) + 1);
  }
}

export const show = async (root, _, signal) => {
  document.title = "The four pictures – Menagerie studio";
  const line = new Line(signal);
  const text = h("p", {}), facts = h("p", { class: "small soft", id: "facts" });
  let id = null, chapter = 0;
  const move = m => post(`games/${id}`, m, signal);
  const tabs = CHAPTERS.map((c, i) => h("button", { type: "button", "data-chapter": i, onclick: () => attempt(() => go(i)) }, `${i + 1}. ${c.name}`));
  const next = h("button", { class: "main", type: "button", id: "next", onclick: () => attempt(() => go((chapter + 1) % CHAPTERS.length), next) }, "Next");
  const begin = async () => {
    if (id) await post(`games/${id}`, { move: "end" }).catch(() => {});
    id = (await post("games", { line: true }, signal)).game;
    watching?.abort();
    watching = new AbortController();
    signal.addEventListener("abort", () => watching.abort());
    follow(`games/${id}/events`, {
      data: d => {
        line.data = d;
        line.later();
      },
      frame: f => {
        line.frame = f;
        line.later();
        facts.textContent = `${f.turns[0]} updates of D, ${f.turns[1]} of G; ${number(100 * f.apart)} % of the mass of samples lies where data have it not`;
      },
    }, watching.signal);
  };
  let watching = null;
  /** Goes to a picture: forward from where it is, or from the start. */
  const go = async to => {
    if (to <= chapter || !id) {
      await begin();
      chapter = 0;
    }
    for (let c = chapter + 1; c <= to; c++) for (const m of CHAPTERS[c].moves) await move(m);
    chapter = to;
    tabs.forEach((t, i) => t.setAttribute("aria-pressed", String(i === to)));
    text.textContent = CHAPTERS[to].text;
    next.textContent = to + 1 < CHAPTERS.length ? "Next" : "From the start";
  };
  signal.addEventListener("abort", () => id && post(`games/${id}`, { move: "end" }).catch(() => {}));
  fill(root,
    h("div", { class: "head" }, h("div", { class: "grow" }, h("h1", {}, "The game in four pictures"), h("p", { class: "small soft" }, "Dotted: the density of data. Orange: that of samples. Blue: what D says, 0 below, 1 above; thin: the best it could say.")), h("a", { class: "button", href: "#/game" }, "The game on the plane")),
    h("section", { class: "panel stack" }, h("div", { class: "row" }, tabs, next), text, line.canvas, facts));
  await go(0);
};
