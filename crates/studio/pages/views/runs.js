// Every run below the folder.
import { follow, get, post } from "../lib/api.js";
import { attempt, chip, enc, fill, grouped, h, select } from "../lib/dom.js";

const SORTS = {
  changed: ["newest first", (a, b) => (b.changed ?? 0) - (a.changed ?? 0)],
  name: ["by name", (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })],
  model: ["by model", (a, b) => (a.model ?? "").localeCompare(b.model ?? "") || a.name.localeCompare(b.name)],
  star: ["stars first", (a, b) => Boolean(b.star) - Boolean(a.star) || (b.changed ?? 0) - (a.changed ?? 0)],
  step: ["most steps first", (a, b) => (b.step ?? 0) - (a.step ?? 0)],
};

const thumb = line => line.picture === null || line.picture === undefined
  ? h("div", { class: "thumb" }, line.error ? "cannot be read" : "no picture yet")
  : h("div", { class: "thumb" }, h("img", { src: `/api/runs/${enc(line.name)}/samples/${line.picture}.png`, alt: "", loading: "lazy" }));

const card = (line, picked, toggle) => {
  const share = line.steps ? Math.min(100, 100 * line.step / line.steps) : 0;
  return h("article", { class: "card" },
    thumb(line),
    !line.error && h("button", { class: "star", type: "button", "aria-pressed": String(Boolean(line.star)), title: "one of the good ones", "aria-label": `star ${line.name}`, onclick: e => attempt(() => post(`runs/${enc(line.name)}/remark`, { star: !line.star }), e.currentTarget) }, line.star ? "★" : "☆"),
    !line.error && h("label", { class: "pick", title: "choose for comparing" }, h("input", { type: "checkbox", checked: picked, onchange: e => toggle(line.name, e.target.checked), "aria-label": `choose ${line.name}` })),
    h("div", { class: "text" },
      h("div", { class: "between" }, h("a", { class: "name", href: `#/run/${enc(line.name)}` }, line.name), chip(line)),
      line.error ? h("p", { class: "small soft" }, line.error) : [
        h("p", { class: "small soft" }, `${line.model} · ${line.source.split("/").pop()}`),
        line.note && h("p", { class: "small note-line", title: line.note }, line.note),
        h("div", { class: "progress", style: { "--share": `${share}%` }, role: "progressbar", "aria-label": "steps", "aria-valuenow": Math.round(share), "aria-valuemin": 0, "aria-valuemax": 100 }, h("i")),
        h("div", { class: "between step soft" }, h("span", {}, `${grouped(line.step)} / ${grouped(line.steps)}`), line.troubles?.length ? h("span", { title: line.troubles.join(", ") }, "⚠") : null),
      ]));
};

export const show = async (root, _, signal) => {
  document.title = "Runs – Menagerie studio";
  const picked = new Set();
  let runs = null;
  const filter = h("input", { type: "search", placeholder: "Filter by name, model, data, note", "aria-label": "Filter runs", oninput: () => draw() });
  const sort = select(Object.entries(SORTS).map(([k, [text]]) => [k, text]), localStorage.getItem("sort") ?? "changed", { "aria-label": "Order", onchange: e => {
    localStorage.setItem("sort", e.target.value);
    draw();
  } });
  const compare = h("button", { type: "button", disabled: true, title: "tick two runs or more, in the corners of their pictures", onclick: () => {
    location.hash = `#/curves?${[...picked].map(n => `run=${enc(n)}`).join("&")}`;
  } }, "Compare");
  const cards = h("div", { class: "cards" });
  const empty = h("div");
  const toggle = (name, on) => {
    if (on) picked.add(name);
    else picked.delete(name);
    compare.disabled = picked.size < 2;
    compare.textContent = picked.size ? `Compare ${picked.size}` : "Compare";
  };
  const draw = () => {
    if (!runs) return;
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = r => `${r.name} ${r.model ?? ""} ${r.family ?? ""} ${r.source ?? ""} ${r.state ?? ""} ${r.note ?? ""} ${r.star ? "star" : ""}`.toLowerCase();
    const shown = runs.filter(r => words.every(w => text(r).includes(w))).sort(SORTS[sort.value]?.[1] ?? SORTS.changed[1]);
    const focused = document.activeElement?.closest?.(".card a")?.getAttribute("href");
    fill(cards, shown.map(r => card(r, picked.has(r.name), toggle)));
    if (focused) [...cards.querySelectorAll("a.name")].find(a => a.getAttribute("href") === focused)?.focus();
    fill(empty, shown.length ? null : h("div", { class: "empty" },
      h("h2", {}, runs.length ? "No run fits the filter" : "No runs yet"),
      runs.length ? null : [h("p", {}, "Train a model here, or by ", h("code", {}, "menagerie train gan-ring8"), "; it appears as it grows."), h("a", { class: "button main", href: "#/train" }, "New training")]));
  };
  fill(root,
    h("div", { class: "head" }, h("h1", { class: "grow" }, "Runs"), filter, sort, compare, h("a", { class: "button main", href: "#/train" }, "New training")),
    cards, empty);
  let told = "";
  const take = list => {
    const now = JSON.stringify(list);
    if (now === told) return;
    told = now;
    runs = list;
    for (const name of [...picked]) if (!list.some(r => r.name === name)) toggle(name, false);
    draw();
  };
  // The list came with the page itself; later it is asked for, and what follows comes as it changes.
  const given = performance.now() < 3000 && document.getElementById("given")?.textContent;
  await (given ? Promise.resolve(JSON.parse(given)) : get("runs", signal)).then(take).catch(e => {
    if (e.name === "AbortError") throw e;
  });
  follow("events", { runs: take }, signal);
};
