// This does not exist: a new sample at each look.
import { get } from "../lib/api.js";
import { enc, field, fill, h, select } from "../lib/dom.js";
import { sound } from "../lib/sound.js";

export const show = async (root, { parts: [name] }, signal) => {
  const space = await get(`runs/${enc(name)}/space`, signal);
  if (!space.capabilities.includes("sample")) throw new Error(`${space.model} draws nothing by itself; Try, on the run's page, asks it about items`);
  const what = { points: "plane of points", video: "video", audio: "sound", pair: "pair of pictures", unpaired: "pair of pictures", voxels: "shape", sequence: "sequence", notes: "tune" }[space.kind] ?? "picture";
  document.title = `This ${what} does not exist`;
  const file = { audio: "sample.wav", video: "sample.gif" }[space.kind] ?? "sample.png";
  const heard = space.kind === "audio" ? sound(signal) : null;
  const shown = heard?.element ?? h("img", { alt: `a ${what} that ${name} has made up`, class: space.kind === "image" && space.shape[1] < 160 ? "pixels" : "" });
  const link = h("a", { class: "mono small", target: "_blank", style: { "overflow-wrap": "anywhere" } });
  const problem = h("p", { class: "note bad", hidden: true });
  let label = "", truncation = 1;
  const draw = () => {
    const query = new URLSearchParams({ seed: Math.floor(Math.random() * 2 ** 32) });
    if (label) query.set("label", label);
    if (truncation !== 1) query.set("truncation", truncation);
    const address = `/api/runs/${enc(name)}/${file}?${query}`;
    problem.hidden = true;
    if (heard) heard.load(address.replace("/api/", "")).catch(e => e.name !== "AbortError" && refused(e.message));
    else shown.src = address;
    link.href = address;
    link.textContent = location.origin + address;
  };
  const refused = why => {
    problem.hidden = false;
    problem.textContent = why;
  };
  shown.addEventListener("error", async () => {
    if (signal.aborted) return;
    // A picture does not say why it is none; the address does.
    const answer = await fetch(shown.src).catch(() => null);
    refused((await answer?.json().catch(() => null))?.error ?? "it cannot be drawn");
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
    h("div", { class: "row end", style: { "justify-content": "center" } },
      h("button", { class: "main", type: "button", onclick: draw }, "Another"),
      space.by_class && field("class", select([["", "any"], ...space.labels], "", { onchange: e => {
        label = e.target.value;
        draw();
      } })),
      !heard && h("label", { class: "field" }, h("span", {}, "truncation ", said), h("input", { type: "range", min: 0, max: 1.5, step: 0.05, value: 1, style: { width: "150px" }, oninput: e => {
        truncation = Number(e.target.value);
        said.textContent = truncation.toFixed(2);
        draw();
      } }))),
    link));
  draw();
};
