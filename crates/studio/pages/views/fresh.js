// This does not exist: a new sample at each look.
import { get } from "../lib/api.js";
import { enc, field, fill, h, select } from "../lib/dom.js";

export const show = async (root, { parts: [name] }, signal) => {
  const space = await get(`runs/${enc(name)}/space`, signal);
  const what = { image: "picture", points: "plane of points", video: "video", audio: "sound", pair: "pair of pictures" }[space.kind];
  document.title = `This ${what} does not exist`;
  const file = space.kind === "audio" ? "sample.wav" : space.kind === "video" ? "sample.gif" : "sample.png";
  const sound = space.kind === "audio";
  const shown = sound ? h("audio", { controls: true }) : h("img", { alt: `a ${what} that ${name} has made up`, class: space.kind === "image" && space.shape[1] < 160 ? "pixels" : "" });
  const link = h("a", { class: "mono small", target: "_blank", style: { "overflow-wrap": "anywhere" } });
  const problem = h("p", { class: "note bad", hidden: true });
  let label = "", truncation = 1;
  const draw = () => {
    const query = new URLSearchParams({ seed: Math.floor(Math.random() * 2 ** 32) });
    if (label) query.set("label", label);
    if (truncation !== 1) query.set("truncation", truncation);
    const address = `/api/runs/${enc(name)}/${file}?${query}`;
    problem.hidden = true;
    shown.src = address;
    link.href = address;
    link.textContent = location.origin + address;
  };
  shown.addEventListener("error", async () => {
    if (signal.aborted) return;
    // A picture does not say why it is none; the address does.
    const answer = await fetch(shown.src).catch(() => null);
    problem.hidden = false;
    problem.textContent = (await answer?.json().catch(() => null))?.error ?? "it cannot be drawn";
  });
  addEventListener("keydown", e => {
    if (e.key !== " " || e.target.closest("button, a, input, select, audio")) return;
    e.preventDefault();
    draw();
  }, { signal });
  const said = h("output", {}, "1.00");
  fill(root, h("div", { class: "fresh" },
    h("h1", {}, `This ${what} does not exist`),
    h("p", { class: "soft" }, h("a", { href: `#/run/${enc(name)}` }, name), ` (${space.model}, step ${space.step}) made it up a moment ago.`),
    h("div", { class: "frame" }, shown), problem,
    h("div", { class: "row", style: { "justify-content": "center" } },
      h("button", { class: "main", type: "button", onclick: draw }, "Another"),
      space.labels.length > 0 && space.latent === null && field("class", select([["", "any"], ...space.labels], "", { onchange: e => {
        label = e.target.value;
        draw();
      } })),
      !sound && h("label", { class: "row small soft" }, "truncation", h("input", { type: "range", min: 0, max: 1.5, step: 0.05, value: 1, style: { width: "130px" }, oninput: e => {
        truncation = Number(e.target.value);
        said.textContent = truncation.toFixed(2);
        draw();
      } }), said)),
    link));
  draw();
};
